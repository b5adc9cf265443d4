import type { SummarizedBlock } from '../files/block-list.ts';
import { type Points, lowerBound } from '../points/points.ts';
import type { Gap } from '../reading/gap.ts';
import type { Calculation } from './calculation.ts';

type Fed = Pick<Calculation<unknown>, 'take' | 'takeBlock' | 'lose'>;

/** Gives a calculation the samples of a tag, and between them says where some are missing: what is not known is not drawn over. */
export class Feed {
  private readonly calculation: Fed;
  /** Where gaps begin that are still to come, µs, ascending. */
  private readonly gaps: number[];
  private next = 0;

  /** Gaps that begin up to `afterUs` have been said. */
  constructor(calculation: Fed, gaps: readonly Pick<Gap, 'fromUs'>[], afterUs: number) {
    this.calculation = calculation;
    this.gaps = gaps.flatMap(({ fromUs }) => (fromUs > afterUs ? [fromUs] : [])).toSorted((a, b) => a - b);
  }

  /** One more, which begins behind what was taken. */
  addGap(timeUs: number): void {
    let at = this.gaps.length;
    while (at > this.next && (this.gaps[at - 1] ?? 0) > timeUs) at--;
    this.gaps.splice(at, 0, timeUs);
  }

  /** Takes rows; false: none behind them are needed. */
  take(points: Points, start: number, end: number): boolean {
    const { times } = points;
    let at = start;
    for (;;) {
      const gapUs = this.gaps[this.next] ?? Number.POSITIVE_INFINITY;
      if (gapUs > (times[end - 1] ?? 0)) return this.calculation.take(points, at, end);
      const until = Math.max(at, Math.min(end, lowerBound(times, end, gapUs)));
      if (until > at && !this.calculation.take(points, at, until)) return false;
      this.calculation.lose(gapUs);
      this.next++;
      at = until;
    }
  }

  /** Takes a block as a whole; false: its samples are needed, among others because a gap begins in it. */
  takeBlock(block: SummarizedBlock): boolean {
    const { firstUs, lastUs } = block.summary;
    this.finish(firstUs + 1);
    return (this.gaps[this.next] ?? Number.POSITIVE_INFINITY) > lastUs && this.calculation.takeBlock?.(block) === true;
  }

  /** There are no more samples before this time: gaps that begin there are said. */
  finish(toUs: number): void {
    for (; (this.gaps[this.next] ?? Number.POSITIVE_INFINITY) < toUs; this.next++)
      this.calculation.lose(this.gaps[this.next] ?? 0);
  }
}

import { Fault } from '../../edge/core/fault.ts';
import { type BlockList, seekIn, type SummarizedBlock } from '../files/block-list.ts';
import { type Gone, goneTogether, NOTHING_GONE } from '../files/gone.ts';
import { Points, lowerBound } from '../points/points.ts';

/** Samples of a series that are left out: `fromUs` ≤ effective time < `toUs`, `from` ≤ log offset < `below`. */
export interface HiddenSpan {
  readonly fromUs: number;
  readonly toUs: number;
  readonly from: number;
  readonly below: number;
  /** `rebuilt`: they are written anew elsewhere. */
  readonly reason: 'erased' | 'expired' | 'rebuilt';
}

/** Counts what a list has hidden, each block once. */
export class HiddenCount {
  samples = 0;
  /** Those that are nowhere any more. */
  gone: Gone = NOTHING_GONE;

  add(reason: HiddenSpan['reason'], samples: number, firstUs: number, lastUs: number): void {
    this.samples += samples;
    if (reason === 'rebuilt') return;
    const expired = reason === 'expired' ? { expired: samples, firstUs, lastUs } : NOTHING_GONE;
    this.gone = goneTogether(this.gone, { ...NOTHING_GONE, ...expired, samples });
  }
}

/** A list without the samples of these spans. Blocks keep their bounds, and may be empty; one that is hidden as a whole is not read, so that its damage is none. `count`: for who reads all of it. */
export function withoutHidden(list: BlockList, spans: readonly HiddenSpan[], count?: HiddenCount): BlockList {
  if (spans.length === 0) return list;
  const counted = new Uint8Array(count === undefined ? 0 : list.count);
  const counterOf = (block: number): HiddenCount | undefined => {
    if (counted[block] !== 0) return undefined;
    counted[block] = 1;
    return count;
  };
  const nearTo = (block: number): readonly HiddenSpan[] => {
    const firstUs = list.first(block);
    const lastUs = list.last(block);
    const near = spans.filter(({ fromUs, toUs }) => fromUs <= lastUs && toUs > firstUs);
    const whole = near.length > 0 ? list.summary?.(block) : undefined;
    return whole?.expired === true ? near.flatMap((span) => ofSummary(span, whole)) : near;
  };
  return {
    topic: list.topic,
    count: list.count,
    first: (block) => list.first(block),
    last: (block) => list.last(block),
    samples: (block) => list.samples(block),
    seek: (timeUs) => seekIn(list, timeUs),
    summary: (block) => (nearTo(block).length > 0 ? undefined : list.summary?.(block)),
    load: (block) => {
      const firstUs = list.first(block);
      const lastUs = list.last(block);
      const near = nearTo(block);
      const whole = wholeOf(near, firstUs, lastUs);
      if (whole !== undefined) {
        counterOf(block)?.add(whole.reason, list.samples(block), firstUs, lastUs);
        return new Points(0);
      }
      const points = list.load(block);
      return points instanceof Fault ? points : visibleOf(points, near, counterOf(block));
    },
    bytes: (block) => (nearTo(block).length > 0 ? undefined : list.bytes?.(block)),
  };
}

/** What a span hides of a summary, by its log offsets: all of it, a part of it, or nothing. What has expired in part stays until all of it has. */
function ofSummary(span: HiddenSpan, { summary, leastOffset, greatestOffset }: SummarizedBlock): HiddenSpan[] {
  if (leastOffset >= span.below || greatestOffset < span.from) return [];
  const isAll = leastOffset >= span.from && greatestOffset < span.below;
  const whole = isAll ? { ...span, from: 0, below: Number.POSITIVE_INFINITY } : span;
  const isWhole = wholeOf([whole], summary.firstUs, summary.lastUs) !== undefined;
  return isWhole || span.reason !== 'expired' ? [whole] : [];
}

/** A span that hides everything between two times, whatever its offset. */
export function wholeOf(spans: readonly HiddenSpan[], firstUs: number, lastUs: number): HiddenSpan | undefined {
  return spans.find(
    ({ fromUs, toUs, from, below }) =>
      fromUs <= firstUs && toUs > lastUs && from === 0 && below === Number.POSITIVE_INFINITY,
  );
}

/** The rows that no span hides: the points themselves if that is all of them. */
export function visibleOf(points: Points, spans: readonly HiddenSpan[], count?: HiddenCount): Points {
  const { times, offsets } = points;
  const fromUs = Math.min(...spans.map((span) => span.fromUs));
  const toUs = Math.max(...spans.map((span) => span.toUs));
  const end = lowerBound(times, points.count, toUs);
  let visible: Points | undefined;
  let from = 0;
  for (let row = lowerBound(times, points.count, fromUs); row < end; row++) {
    const timeUs = times[row] ?? 0;
    const offset = offsets[row] ?? 0;
    const span = spans.find(
      (each) => each.fromUs <= timeUs && each.toUs > timeUs && offset >= each.from && offset < each.below,
    );
    if (span === undefined) continue;
    count?.add(span.reason, 1, timeUs, timeUs);
    visible ??= new Points(points.count);
    visible.append(points, from, row);
    from = row + 1;
  }
  visible?.append(points, from, points.count);
  return visible ?? points;
}

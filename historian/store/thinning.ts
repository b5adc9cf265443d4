import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { writeBlock } from '../files/block.ts';
import type { SummarizedBlock } from '../files/block-list.ts';
import { exactOf, joined } from '../codec/join.ts';
import type { BlockSummary } from '../codec/summary.ts';
import type { FileWriter } from '../files/file-writer.ts';
import { HiddenCount } from '../reading/hidden.ts';
import { BLOCK_POINTS } from '../limits.ts';
import { isBlob, Points } from '../points/points.ts';
import { ROLLUP_UNITS_US, type Thinning } from '../files/rollups.ts';

/** From so many samples on a summary is shorter than they are: of a minute it takes 9 (digital) to 20 bytes (two decimal places) where samples take 0.4 to 1.2 each, and 56 where noisy ones take 6.8. Fewer are kept as they are. */
const WORTH_SAMPLES = 32;

/** What is summed up so far of a unit. */
interface Roll {
  readonly unitUs: number;
  readonly startUs: number;
  block: Omit<SummarizedBlock, 'expired' | 'topic'> | undefined;
}

/** Room for the bytes of blocks that nobody wants. */
const unwanted = new ByteWriter(16 * 1024);

/**
 * What a series is on its way into a new file: samples that have expired become summaries of whole minutes, those of minutes whose time is over hours, and those days. Memory: a block.
 * Samples that are few in their unit stay what they are. Strings, bytes and arrays, and whatever else cannot be summed up, go.
 */
export class Thinner {
  private readonly writer: FileWriter;
  private thinning: Thinning = { levels: [] };
  private gone = new HiddenCount();
  private readonly held = new Points(BLOCK_POINTS);
  private roll: Roll | undefined;

  constructor(writer: FileWriter) {
    this.writer = writer;
  }

  /** The next series; `gone` counts what cannot be summed up. */
  begin(thinning: Thinning | undefined, gone: HiddenCount): void {
    this.thinning = thinning ?? { levels: [] };
    this.gone = gone;
  }

  /** Takes rows of the series, in their order. */
  add(points: Points): void {
    const { writer, thinning } = this;
    if (thinning.levels.length === 0) return writer.add(points);
    for (let at = 0; at < points.count;) {
      const unitUs = this.unitOf(points.times[at] ?? 0, points.offsets[at] ?? 0);
      const until = this.alikeUpTo(points, at, unitUs);
      if (unitUs === undefined) {
        this.end();
        writer.add(points, at, until);
      } else this.hold(points, at, until, unitUs);
      at = until;
    }
  }

  /** Whether a block may follow as it is: nothing of it is to be summed up, and what comes before ends where it begins. */
  isCutAt({ summary, leastOffset }: SummarizedBlock): boolean {
    const { levels } = this.thinning;
    if (levels.some(({ beforeUs, below }) => summary.firstUs < beforeUs && leastOffset < below)) return false;
    this.end();
    return this.writer.isCutAt(summary.firstUs);
  }

  /** Takes a block as it is. */
  addBlock({ summary, leastOffset, greatestOffset }: SummarizedBlock, bytes: Uint8Array): void {
    this.writer.addBlock({ summary, leastOffset, greatestOffset, exact: exactOf(summary) }, bytes);
  }

  /** Takes what is a summary already. */
  addSummary(block: SummarizedBlock): void {
    const { firstUs, lastUs } = block.summary;
    const unitUs = this.unitOf(lastUs, block.greatestOffset);
    if (unitUs === undefined || startOf(firstUs, unitUs) !== startOf(lastUs, unitUs)) {
      this.end();
      return this.write(block);
    }
    this.moveTo(unitUs, firstUs);
    this.sumUpHeld();
    this.join(block);
  }

  /** There is nothing behind, or nothing that is to be summed up. */
  end(): void {
    const { roll, held, writer } = this;
    if (roll?.block !== undefined || held.count >= WORTH_SAMPLES) this.sumUpHeld();
    else writer.add(held);
    held.reset();
    if (roll?.block !== undefined) this.write(roll.block);
    this.roll = undefined;
  }

  /** What a time is summed up to; undefined: nothing. */
  private unitOf(timeUs: number, offset: number): number | undefined {
    const { levels } = this.thinning;
    for (let level = levels.length - 1; level >= 0; level--) {
      const { beforeUs, below } = levels[level] ?? { beforeUs: Number.NEGATIVE_INFINITY, below: 0 };
      if (timeUs < beforeUs && offset < below) return ROLLUP_UNITS_US[level];
    }
    return undefined;
  }

  /** Rows from `at` up to here are summed up to the same, or not at all. */
  private alikeUpTo({ times, offsets, count }: Points, at: number, unitUs: number | undefined): number {
    const endUs = unitUs === undefined ? Number.POSITIVE_INFINITY : startOf(times[at] ?? 0, unitUs) + unitUs;
    let until = at + 1;
    while (
      until < count &&
      (times[until] ?? 0) < endUs &&
      this.unitOf(times[until] ?? 0, offsets[until] ?? 0) === unitUs
    )
      until++;
    return until;
  }

  private hold(points: Points, start: number, end: number, unitUs: number): void {
    const { held } = this;
    this.moveTo(unitUs, points.times[start] ?? 0);
    for (let at = start; at < end;) {
      const timeUs = points.times[at] ?? 0;
      if (isBlob(points.kinds[at] ?? 0)) {
        this.gone.add('expired', 1, timeUs, timeUs);
        at++;
        continue;
      }
      if (held.count === BLOCK_POINTS) this.sumUpHeld();
      const most = Math.min(end, at + BLOCK_POINTS - held.count);
      let until = at + 1;
      while (until < most && !isBlob(points.kinds[until] ?? 0)) until++;
      held.append(points, at, until);
      at = until;
    }
  }

  /** Ends the unit before if this time is of another one. */
  private moveTo(unitUs: number, timeUs: number): void {
    const startUs = startOf(timeUs, unitUs);
    if (this.roll?.unitUs === unitUs && this.roll.startUs === startUs) return;
    this.end();
    this.roll = { unitUs, startUs, block: undefined };
  }

  private sumUpHeld(): void {
    const { held } = this;
    if (held.count === 0) return;
    unwanted.reset();
    const { summary, leastOffset, greatestOffset } = writeBlock(unwanted, held, 0, held.count);
    held.reset();
    this.join({ summary, leastOffset, greatestOffset });
  }

  /** Adds what comes behind to the summary of the unit; what cannot be added to it is one of its own. */
  private join(block: Omit<SummarizedBlock, 'expired' | 'topic'>): void {
    const { roll } = this;
    if (isWorthless(block.summary) || roll === undefined) return this.write(block);
    const summary = roll.block === undefined ? block.summary : joined(roll.block.summary, block.summary);
    if (summary === undefined && roll.block !== undefined) this.write(roll.block);
    const before = summary === undefined ? undefined : roll.block;
    roll.block = {
      summary: summary ?? block.summary,
      leastOffset: Math.min(before?.leastOffset ?? block.leastOffset, block.leastOffset),
      greatestOffset: Math.max(before?.greatestOffset ?? block.greatestOffset, block.greatestOffset),
    };
  }

  private write(block: Omit<SummarizedBlock, 'expired' | 'topic'>): void {
    const { summary, leastOffset, greatestOffset } = block;
    if (isWorthless(summary)) this.gone.add('expired', summary.count, summary.firstUs, summary.lastUs);
    else this.writer.addExpired({ summary, leastOffset, greatestOffset, exact: exactOf(summary) });
  }
}

/** Whether there are values that say nothing. */
function isWorthless({ goodCount, values }: BlockSummary): boolean {
  return goodCount > 0 && values === null;
}

function startOf(timeUs: number, unitUs: number): number {
  return Math.floor(timeUs / unitUs) * unitUs;
}

import { BatchScanner } from './batch-scanner.ts';
import type { Disk } from './disk.ts';
import { errnoOf } from './fault.ts';
import { INDEX_INTERVAL_BYTES, lastEntries, lastTime, SegmentIndex } from './index-file.ts';
import { segmentFile } from './segment-files.ts';

/** One step reads so much of a segment: 30 ms of the writer's time with 87 bytes a batch, less with larger ones. */
const STEP_BYTES = 4 * 1024 * 1024;

/** A clean stop goes on for so many steps at most (1 s): enough for the segment whose swap a kill interrupted. */
export const STOP_STEPS = 32;

/** A segment that is complete. */
interface Segment {
  readonly baseOffset: number;
  readonly endOffset: number;
}

/**
 * Builds again the indexes of complete segments that a recovery has no reason to look at: those that are missing, cut short, or of another segment. Readers do without, Kafka's
 * tools do not. A look at their ends finds them at start (0.1 ms a segment), and they are built step by step while the log is in use. What is wrong in the middle of an index only `log verify` finds.
 */
export class IndexRepair {
  private readonly disk: Disk;
  private readonly folder: string;
  private waiting: Segment[] = [];
  private work: { readonly baseOffset: number; readonly steps: Generator<void, void> } | undefined;

  constructor(disk: Disk, folder: string) {
    this.disk = disk;
    this.folder = folder;
  }

  /** Notes a segment if its indexes are not whole. Returns the greatest time in it, ms, where its time index tells. */
  look(segment: Segment): number | undefined {
    if (doneOrFailed(() => isWhole(this.disk, this.folder, segment)))
      return lastTime(this.disk, this.folder, segment.baseOffset)?.timestampMs;
    this.waiting.push(segment);
    return undefined;
  }

  /** Notes a segment whose indexes were found wrong later. */
  mend(segment: Segment): void {
    this.waiting.push(segment);
  }

  /** Whether the indexes of a segment are still to be built. */
  mends(baseOffset: number): boolean {
    return this.work?.baseOffset === baseOffset || this.waiting.some((segment) => segment.baseOffset === baseOffset);
  }

  /** Goes on with the work; returns whether there was any. */
  step(): boolean {
    if (this.work === undefined) {
      const segment = this.waiting.shift();
      if (segment === undefined) return false;
      this.work = { baseOffset: segment.baseOffset, steps: rebuild(this.disk, this.folder, segment) };
    }
    const { steps } = this.work;
    if (doneOrFailed(() => steps.next().done === true)) this.work = undefined;
    return true;
  }

  /** Drops a segment that is about to be deleted. */
  forget(baseOffset: number): void {
    this.waiting = this.waiting.filter((segment) => segment.baseOffset !== baseOffset);
    if (this.work?.baseOffset === baseOffset) this.stop();
  }

  /** Leaves what is not done for the next start: an index that is not finished is not whole. */
  close(): void {
    this.waiting = [];
    this.stop();
  }

  private stop(): void {
    this.work?.steps.return();
    this.work = undefined;
  }
}

/** True also where the system cannot read or write a file: an old segment on a bad sector is no reason to stop writing. Who reads it is told, and so is who verifies the log. */
function doneOrFailed(work: () => boolean): boolean {
  try {
    return work();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return true;
  }
}

/** Whether the last entries are true, and no other was due behind them. */
function isWhole(disk: Disk, folder: string, { baseOffset, endOffset }: Segment): boolean {
  const last = lastEntries(disk, folder, baseOffset);
  if (last === undefined || (last.time?.lastOffset ?? 0) >= endOffset) return false;
  const fd = disk.open(segmentFile(folder, baseOffset, 'log'), 'r');
  try {
    const scanner = new BatchScanner(disk, fd);
    let position = last.offset?.position ?? 0;
    let sinceEntry = 0;
    for (let found = scanner.at(position); found.kind === 'batch'; found = scanner.at(position)) {
      const { baseOffset: first, count, bytes, maxTimestampMs } = found.header;
      const lastOffset = first + count - 1;
      if (position === last.offset?.position && lastOffset !== last.offset.lastOffset) return false;
      if (lastOffset === last.time?.lastOffset && maxTimestampMs !== last.time.timestampMs) return false;
      if (sinceEntry > INDEX_INTERVAL_BYTES || maxTimestampMs > (last.time?.timestampMs ?? -1)) return false;
      sinceEntry += bytes;
      position += bytes;
    }
    // Behind damage nothing is looked for; but the last entry itself must have been met.
    return sinceEntry > 0 || last.offset === undefined;
  } finally {
    disk.close(fd);
  }
}

/** Builds both indexes of a segment anew, a step at each call. */
function* rebuild(disk: Disk, folder: string, { baseOffset, endOffset }: Segment): Generator<void, void> {
  const fd = disk.open(segmentFile(folder, baseOffset, 'log'), 'r');
  try {
    const index = new SegmentIndex(disk, folder, baseOffset);
    try {
      let step = STEP_BYTES;
      for (const { header, position } of new BatchScanner(disk, fd).batches(baseOffset, endOffset)) {
        if (position >= step) {
          yield;
          step += STEP_BYTES;
        }
        index.add(header, position);
      }
      index.sync();
    } finally {
      index.close();
    }
  } finally {
    disk.close(fd);
  }
}

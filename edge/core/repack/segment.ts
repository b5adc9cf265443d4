import { BatchScanner } from '../batch-scanner.ts';
import type { Disk } from '../disk.ts';
import { Fault } from '../fault.ts';
import { lookUpPosition } from '../index-file.ts';
import { BatchRepacker } from './batches.ts';
import { CleanedSegment } from './cleaned-segment.ts';
import { removeCleaned } from './files.ts';
import { segmentFile } from '../segment-files.ts';

/** One step takes so much of a segment: 1 ms. */
const STEP_BYTES = 256 * 1024;
/** A segment that would keep more than this share of its bytes is left as it is. */
const WORTH_IT = 0.9;
/** A look at so many places of a segment tells whether it is worth it. */
const LOOKS = 4;

/** A complete segment, all of it durable. */
export interface CompleteSegment {
  readonly folder: string;
  readonly baseOffset: number;
  /** Behind its last record. */
  readonly endOffset: number;
}

/** What became of it: `ready` to be swapped in by the log's writer, or left as it is, and nothing is left over. */
export type RepackOutcome = 'ready' | 'small-gain' | 'damaged';

/**
 * Makes of a segment one with few large compressed batches, with indexes, beside it (`.cleaned`), synced; a step at each call, of about a millisecond. A segment of which not every batch is valid
 * and in its place is left alone. Ended early (`return`), it leaves nothing behind. Throws what the disk says.
 */
export function* repackSegment(disk: Disk, segment: CompleteSegment): Generator<void, RepackOutcome> {
  const { folder, baseOffset } = segment;
  const fd = disk.open(segmentFile(folder, baseOffset, 'log'), 'r');
  try {
    const scanner = new BatchScanner(disk, fd);
    if (!(yield* promises(disk, scanner, segment))) return 'small-gain';
    const size = disk.size(fd);
    const made = new CleanedSegment(disk, folder, baseOffset, size * WORTH_IT);
    let outcome: RepackOutcome | undefined;
    try {
      made.open();
      outcome = yield* pack(scanner, segment, size, made);
      return outcome;
    } finally {
      made.close();
      if (outcome !== 'ready') removeCleaned(disk, folder, baseOffset);
    }
  } catch (error) {
    // The checksum of a batch is right, and its records are not.
    if (error instanceof Fault && error.code === 'batch-malformed') return 'damaged';
    throw error;
  } finally {
    disk.close(fd);
  }
}

function* pack(
  scanner: BatchScanner,
  { baseOffset, endOffset }: CompleteSegment,
  size: number,
  made: CleanedSegment,
): Generator<void, RepackOutcome> {
  const repacker = new BatchRepacker((batch, header) => made.add(batch, header));
  let position = 0;
  let epoch = 0;
  let step = STEP_BYTES;
  for (let expected = baseOffset; position < size;) {
    const found = scanner.at(position, expected);
    if (found.kind !== 'batch' || found.repairedFrom !== undefined || found.header.epoch < epoch) return 'damaged';
    const { header } = found;
    repacker.add(scanner.bytes(position, header.bytes), 0, header);
    position += header.bytes;
    expected += header.count;
    ({ epoch } = header);
    if (made.tooLarge) return 'small-gain';
    if (position >= size && expected !== endOffset) return 'damaged';
    if (position < step) continue;
    step = position + STEP_BYTES;
    yield;
  }
  repacker.flush();
  if (made.tooLarge) return 'small-gain';
  made.finish();
  return 'ready';
}

/** Whether a few places of the segment become small enough. */
function* promises(disk: Disk, scanner: BatchScanner, segment: CompleteSegment): Generator<void, boolean> {
  const { folder, baseOffset, endOffset } = segment;
  let before = 0;
  let after = 0;
  const repacker = new BatchRepacker((batch) => (after += batch.length));
  for (let look = 0; look < LOOKS; look++) {
    const offset = baseOffset + Math.floor(((endOffset - baseOffset) * look) / LOOKS);
    // Without an index only the beginning tells.
    const start = look === 0 ? 0 : lookUpPosition(disk, folder, baseOffset, offset)?.position;
    if (start === undefined) continue;
    for (let position = start; position < start + STEP_BYTES;) {
      const found = scanner.at(position);
      if (found.kind !== 'batch') break;
      repacker.add(scanner.bytes(position, found.header.bytes), 0, found.header);
      before += found.header.bytes;
      position += found.header.bytes;
    }
    repacker.flush();
    yield;
  }
  return after < before * WORTH_IT;
}

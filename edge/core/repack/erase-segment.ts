import path from 'node:path';
import { BatchScanner } from '../batch-scanner.ts';
import type { Disk } from '../disk.ts';
import { Fault } from '../fault.ts';
import type { BatchHeader } from '../record-batch.ts';
import { segmentFile } from '../segment-files.ts';
import { CleanedSegment } from './cleaned-segment.ts';
import type { ErasedRecords } from './erased-records.ts';
import { removeCleaned } from './files.ts';
import type { CompleteSegment } from './segment.ts';

/** One step takes so much of a segment: some milliseconds. */
const STEP_BYTES = 256 * 1024;

/** A segment of a topic. */
export interface TopicSegment extends CompleteSegment {
  readonly topic: string;
}

/** What became of a segment. */
export interface SegmentErased {
  /** `ready` to be swapped in by the log's writer, or there is `nothing` to be erased in it. */
  readonly outcome: 'ready' | 'nothing';
  /** Records whose values are gone. */
  readonly records: number;
  /** Parts that cannot be read, and may hold something of what is to be erased: for people. */
  readonly unread: readonly string[];
}

/** Records `first` up to, not including, `behind`, in bytes `position` up to `end` of a segment. */
interface Piece {
  readonly position: number;
  readonly end: number;
  readonly first: number;
  readonly behind: number;
  /** Undefined: no valid batch. */
  readonly header: BatchHeader | undefined;
}

/**
 * Makes of a segment one without the values of the records that are meant, with indexes, beside it (`.cleaned`), synced; a step at each call. Batches without such records, and bytes that are no
 * valid batch, stay as they are, in their order. Ended early (`return`), it leaves nothing behind. Throws what the disk says, and `batch-too-large`.
 */
export function* eraseSegment(
  disk: Disk,
  segment: TopicSegment,
  erased: ErasedRecords,
): Generator<void, SegmentErased> {
  const { folder, baseOffset } = segment;
  const look = yield* lookInto(disk, segment, erased);
  if (!look.concerned) return { outcome: 'nothing', records: 0, unread: look.unread };
  const fd = disk.open(segmentFile(folder, baseOffset, 'log'), 'r');
  const made = new CleanedSegment(disk, folder, baseOffset);
  let isReady = false;
  try {
    made.open();
    const result = yield* rewrite(new BatchScanner(disk, fd), disk.size(fd), segment, erased, made);
    made.finish();
    isReady = true;
    return { outcome: 'ready', ...result };
  } finally {
    made.close();
    disk.close(fd);
    if (!isReady) removeCleaned(disk, folder, baseOffset);
  }
}

/** Whether any record of a segment is meant; of one that is being written too, where `endOffset` lies at or below its durable end. If none is: what of it cannot be read. A step at each call. */
export function* lookInto(
  disk: Disk,
  segment: TopicSegment,
  erased: ErasedRecords,
): Generator<void, { readonly concerned: boolean; readonly unread: readonly string[] }> {
  const { folder, baseOffset } = segment;
  const fd = disk.open(segmentFile(folder, baseOffset, 'log'), 'r');
  const unread: string[] = [];
  try {
    const scanner = new BatchScanner(disk, fd);
    let step = STEP_BYTES;
    for (const piece of pieces(scanner, disk.size(fd), segment)) {
      const places = placesIn(scanner, piece, segment, erased);
      if (places === undefined) unread.push(...nameOf(piece, segment, erased));
      else if (places.length > 0) return { concerned: true, unread: [] };
      if (piece.position < step) continue;
      step = piece.position + STEP_BYTES;
      yield;
    }
    return { concerned: false, unread };
  } finally {
    disk.close(fd);
  }
}

function* rewrite(
  scanner: BatchScanner,
  size: number,
  segment: TopicSegment,
  erased: ErasedRecords,
  made: CleanedSegment,
): Generator<void, Pick<SegmentErased, 'records' | 'unread'>> {
  const unread: string[] = [];
  let records = 0;
  let step = STEP_BYTES;
  let last = 0;
  for (const piece of pieces(scanner, size, segment)) {
    const { header, position, end } = piece;
    const places = placesIn(scanner, piece, segment, erased);
    // As the new file will have it.
    const moved = { ...piece, position: made.bytes, end: made.bytes + end - position };
    if (places === undefined) unread.push(...nameOf(moved, segment, erased));
    if (header === undefined) copy(scanner, position, end, made);
    else if (places === undefined || places.length === 0) made.add(scanner.bytes(position, header.bytes), header);
    else {
      const batch = erased.without(scanner.bytes(position, header.bytes), header, places);
      made.add(batch, { ...header, bytes: batch.length });
      records += places.length;
    }
    last = end;
    if (position < step) continue;
    step = position + STEP_BYTES;
    yield;
  }
  copy(scanner, last, size, made);
  return { records, unread };
}

/** What lies behind one another in a segment, up to its last record. */
function* pieces(scanner: BatchScanner, size: number, { baseOffset, endOffset }: CompleteSegment): Generator<Piece> {
  let position = 0;
  for (let first = baseOffset; first < endOffset && position < size;) {
    const found = scanner.at(position, first);
    // Zeros, filled in ahead.
    if (found.kind === 'end') return;
    const batch = found.kind === 'batch' ? found : undefined;
    const next = found.kind === 'bad' ? scanner.resynchronise(position, first, endOffset) : undefined;
    const end = batch === undefined ? (next?.position ?? size) : position + batch.header.bytes;
    const behind = batch === undefined ? (next?.header.baseOffset ?? endOffset) : first + batch.header.count;
    yield { position, end, first, behind, header: batch?.header };
    position = end;
    first = behind;
  }
}

/** Which records of a piece are meant; undefined: it cannot be read. */
function placesIn(
  scanner: BatchScanner,
  { header, position }: Piece,
  { topic }: TopicSegment,
  erased: ErasedRecords,
): readonly number[] | undefined {
  if (header === undefined) return undefined;
  try {
    return erased.in(topic, scanner.bytes(position, header.bytes), header);
  } catch (error) {
    // The checksum of the batch is right, and its records are not.
    if (error instanceof Fault && error.code === 'batch-malformed') return undefined;
    throw error;
  }
}

/** A piece that cannot be read, unless no record that is meant can have been there. */
function nameOf({ first, behind, position, end }: Piece, segment: TopicSegment, erased: ErasedRecords): string[] {
  const { folder, baseOffset, topic } = segment;
  if (first >= erased.below(topic)) return [];
  const file = path.join(path.basename(folder), path.basename(segmentFile(folder, baseOffset, 'log')));
  return [`log/${file}, bytes ${position} to ${end - 1} (records ${first} to ${behind - 1})`];
}

function copy(scanner: BatchScanner, from: number, to: number, made: CleanedSegment): void {
  for (let at = from; at < to; at += STEP_BYTES) made.addBytes(scanner.bytes(at, Math.min(STEP_BYTES, to - at)));
}

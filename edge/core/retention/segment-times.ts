import type { Disk } from '../disk.ts';
import { errnoOf } from '../fault.ts';
import { lastTime, lookUpPosition } from '../index-file.ts';
import { BATCH_HEADER_BYTES, type BatchHeader, MAX_BATCH_BYTES, readBatchHeader } from '../record-batch.ts';
import { segmentFile } from '../segment-files.ts';

/** Ingest time of the first batch of a segment, ms; undefined where it has none, or it cannot be read. */
export function firstTime(disk: Disk, folder: string, baseOffset: number): number | undefined {
  return hint(() => withSegment(disk, folder, baseOffset, (fd) => headerAt(disk, fd, 0)?.baseTimestampMs));
}

/**
 * Whether the last entry of a complete segment's time index is true: the batch that it names has that time. Asked before a segment is deleted for its age; a bit that has
 * fallen over in the entry must not make it old. False also where something cannot be read.
 */
export function lastTimeHolds(disk: Disk, folder: string, baseOffset: number): boolean {
  const entry = lastTime(disk, folder, baseOffset);
  if (entry === undefined) return false;
  const from = lookUpPosition(disk, folder, baseOffset, entry.lastOffset)?.position ?? 0;
  const found = hint(() =>
    withSegment(disk, folder, baseOffset, (fd) => {
      for (let at = from, header = headerAt(disk, fd, at); header !== undefined; header = headerAt(disk, fd, at)) {
        if (header.baseOffset + header.count - 1 >= entry.lastOffset) return header;
        at += header.bytes;
      }
      return undefined;
    }),
  );
  if (found === undefined) return false;
  return found.baseOffset + found.count - 1 === entry.lastOffset && found.maxTimestampMs === entry.timestampMs;
}

function withSegment<T>(disk: Disk, folder: string, baseOffset: number, read: (fd: number) => T): T {
  const fd = disk.open(segmentFile(folder, baseOffset, 'log'), 'r');
  try {
    return read(fd);
  } finally {
    disk.close(fd);
  }
}

/** The header of a batch; undefined where none can stand. */
function headerAt(disk: Disk, fd: number, position: number): BatchHeader | undefined {
  const bytes = new Uint8Array(BATCH_HEADER_BYTES);
  if (disk.read(fd, bytes, position) < bytes.length || bytes[16] !== 2) return undefined;
  const header = readBatchHeader(new DataView(bytes.buffer), 0);
  return header.bytes >= BATCH_HEADER_BYTES && header.bytes <= MAX_BATCH_BYTES && header.count > 0 ? header : undefined;
}

/** What the system cannot read is not known. */
function hint<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

import type { Disk } from '../disk.ts';
import { SegmentIndex } from '../index-file.ts';
import type { BatchHeader } from '../record-batch.ts';
import { CLEANED, segmentFile } from '../segment-files.ts';

/** So much is written and synced at a time: a sync of more would hold up those of the log's writer. No batch is larger. */
const SYNC_BYTES = 1024 * 1024;

/** The files that are to take the place of a segment's (`.cleaned`), while they are made. The segment has its name when it is whole: a writer that is told too late to swap in what a lost worker had made finds none that another one has only begun. */
export class CleanedSegment {
  private readonly disk: Disk;
  private readonly folder: string;
  private readonly baseOffset: number;
  private readonly limit: number;
  private fd = -1;
  private index: SegmentIndex | undefined;
  private readonly buffer = new Uint8Array(SYNC_BYTES);
  private buffered = 0;
  private position = 0;

  /** `limit`: bytes beyond which it is not worth it. */
  constructor(disk: Disk, folder: string, baseOffset: number, limit = Infinity) {
    this.disk = disk;
    this.folder = folder;
    this.baseOffset = baseOffset;
    this.limit = limit;
  }

  open(): void {
    this.fd = this.disk.open(this.file('part.log'), 'w');
    this.index = new SegmentIndex(this.disk, this.folder, this.baseOffset, CLEANED);
  }

  /** Bytes that were added. */
  get bytes(): number {
    return this.position;
  }

  get tooLarge(): boolean {
    return this.position > this.limit;
  }

  /** Adds a batch. */
  add(batch: Uint8Array, header: BatchHeader): void {
    this.index?.add(header, this.position);
    this.addBytes(batch);
  }

  /** Adds at most 1 MiB of bytes of which no index speaks. */
  addBytes(bytes: Uint8Array): void {
    if (this.buffered + bytes.length > this.buffer.length) this.write();
    this.buffer.set(bytes, this.buffered);
    this.buffered += bytes.length;
    this.position += bytes.length;
  }

  /** Written and synced in pieces. */
  private write(): void {
    this.disk.write(this.fd, [this.buffer.subarray(0, this.buffered)], this.position - this.buffered);
    this.buffered = 0;
    this.disk.sync(this.fd);
  }

  /** All of it is on the disk; the names are not yet. */
  finish(): void {
    this.write();
    this.index?.sync();
    this.disk.rename(this.file('part.log'), this.file('log'));
  }

  private file(kind: 'log' | 'part.log'): string {
    return segmentFile(this.folder, this.baseOffset, `${kind}${CLEANED}`);
  }

  close(): void {
    this.index?.close();
    if (this.fd >= 0) this.disk.close(this.fd);
  }
}

import path from 'node:path';
import { type Disk, replaceFile } from './disk.ts';
import { SegmentIndex } from './index-file.ts';
import { readBatchHeader } from './record-batch.ts';
import { segmentFile, SEGMENT_BYTES } from './segment-files.ts';

/** Puts whole batches, with the offsets that they have, into segments of another folder: indexed, without anything behind the last batch. Offsets may be missing between them. */
export class SegmentCopy {
  private readonly disk: Disk;
  private readonly folder: string;
  private readonly segmentBytes: number;
  private fd = -1;
  private index: SegmentIndex | undefined;
  private position = 0;
  /** Bytes of all segments. */
  bytes = 0;

  constructor(disk: Disk, folder: string, segmentBytes: number = SEGMENT_BYTES) {
    this.disk = disk;
    this.folder = folder;
    this.segmentBytes = segmentBytes;
  }

  /** Makes the folder and an empty segment for records from `offset` on, which are of this leader epoch. */
  begin(offset: number, epoch: number): void {
    this.disk.makeFolder(this.folder);
    replaceFile(this.disk, path.join(this.folder, 'leader-epoch-checkpoint'), `0\n1\n${epoch} ${offset}\n`);
    this.open(offset);
  }

  /** Adds batches that lie back to back. */
  add(batches: Uint8Array): void {
    const view = new DataView(batches.buffer, batches.byteOffset, batches.byteLength);
    let written = 0;
    for (let at = 0; at < batches.length;) {
      const header = readBatchHeader(view, at);
      if (this.position > 0 && this.position + header.bytes > this.segmentBytes) {
        this.write(batches.subarray(written, at), this.position - (at - written));
        written = at;
        this.close();
        this.open(header.baseOffset);
      }
      this.index?.add(header, this.position);
      this.position += header.bytes;
      at += header.bytes;
    }
    this.write(batches.subarray(written), this.position - (batches.length - written));
  }

  /** Everything is on the disk. */
  finish(): void {
    this.close();
    this.disk.syncFolder(this.folder);
  }

  private open(baseOffset: number): void {
    this.fd = this.disk.open(segmentFile(this.folder, baseOffset, 'log'), 'wx+');
    this.index = new SegmentIndex(this.disk, this.folder, baseOffset);
    this.position = 0;
  }

  private write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    this.disk.write(this.fd, [bytes], position);
    this.bytes += bytes.length;
  }

  private close(): void {
    this.disk.sync(this.fd);
    this.disk.close(this.fd);
    this.index?.finish();
    this.index = undefined;
  }
}

import type { Disk } from './disk.ts';
import {
  type BatchHeader,
  type BatchProblem,
  BATCH_HEADER_BYTES,
  checkBatch,
  MAX_BATCH_RECORDS,
  readBatchHeader,
} from './record-batch.ts';

/** Smallest window that holds any valid batch with room to look for the next one. */
const WINDOW_BYTES = 2 * 1024 * 1024;

/** What stands at a place of a segment. */
export type Found =
  | { readonly kind: 'batch'; readonly position: number; readonly header: BatchHeader; readonly repairedFrom?: number }
  | { readonly kind: 'bad'; readonly position: number; readonly problem: BatchProblem }
  | { readonly kind: 'end'; readonly position: number; readonly zeros: boolean };

/** Walks the batches of one segment file through a bounded window, checks each, and finds the next valid one behind damage. */
export class BatchScanner {
  private readonly disk: Disk;
  private readonly fd: number;
  private readonly size: number;
  /** As large as it had to be. */
  private window = new Uint8Array(0);
  private view = new DataView(this.window.buffer);
  private windowStart = 0;
  private windowLength = 0;

  /** Scans `fd` up to `size`, the file's size now. */
  constructor(disk: Disk, fd: number, size: number = disk.size(fd)) {
    this.disk = disk;
    this.fd = fd;
    this.size = size;
  }

  /** What stands at `position`. Without `expectedOffset` any base offset will do; where only the base offset differs, the header is given with the expected one and `repairedFrom` says what stood there. */
  at(position: number, expectedOffset?: number): Found {
    if (position >= this.size) return { kind: 'end', position, zeros: false };
    const problem = this.check(position, expectedOffset);
    if (problem === undefined || problem === 'offset') {
      const header = readBatchHeader(this.view, position - this.windowStart);
      if (problem === undefined || expectedOffset === undefined) return { kind: 'batch', position, header };
      return {
        kind: 'batch',
        position,
        header: { ...header, baseOffset: expectedOffset },
        repairedFrom: header.baseOffset,
      };
    }
    if (this.onlyZeros(position)) return { kind: 'end', position, zeros: true };
    return { kind: 'bad', position, problem };
  }

  /** The next valid batch behind `position` whose base offset, which no checksum covers, can be right: above `offset` and below `limit`, or undefined. */
  resynchronise(
    position: number,
    offset: number,
    limit = Infinity,
  ): { position: number; header: BatchHeader } | undefined {
    for (let at = position + 1; at + BATCH_HEADER_BYTES <= this.size; at++) {
      this.load(at, BATCH_HEADER_BYTES);
      const local = at - this.windowStart;
      // The cheap tests first: magic, then count against last offset delta, then the checksum.
      if (this.window[local + 16] !== 2) continue;
      const count = this.view.getInt32(local + 57);
      if (count < 1 || this.view.getInt32(local + 23) !== count - 1) continue;
      if (this.check(at) !== undefined) continue;
      const header = readBatchHeader(this.view, at - this.windowStart);
      // So many records at most can have been where nothing can be read.
      const most = offset + Math.ceil((at - position) / BATCH_HEADER_BYTES) * MAX_BATCH_RECORDS;
      if (header.baseOffset <= offset || header.baseOffset >= limit || header.baseOffset > most) continue;
      if (!this.contradicted(at, header, offset, limit)) return { position: at, header };
    }
    return undefined;
  }

  /** Whether what comes behind a batch says that its base offset is wrong: the end of its segment, or a batch that can be right itself. */
  private contradicted(at: number, header: BatchHeader, offset: number, limit: number): boolean {
    const end = at + header.bytes;
    if (end === this.size && limit !== Infinity) return header.baseOffset + header.count !== limit;
    const second = this.headerAt(end);
    if (second === undefined || second.baseOffset === header.baseOffset + header.count) return false;
    const isPossible =
      second.baseOffset > offset + header.count && second.baseOffset <= header.baseOffset + MAX_BATCH_RECORDS;
    const third = this.headerAt(end + second.bytes);
    return isPossible && (third === undefined || third.baseOffset === second.baseOffset + second.count);
  }

  /** Header of the valid batch at a place, whatever its base offset. */
  private headerAt(position: number): BatchHeader | undefined {
    return this.check(position) === undefined ? readBatchHeader(this.view, position - this.windowStart) : undefined;
  }

  /** The valid batches from the beginning on, damage passed over. `base`: offset of the first; no offset reaches `limit`. */
  *batches(base: number, limit = Infinity): Generator<Extract<Found, { kind: 'batch' }>, void> {
    let position = 0;
    for (let expected = base; ;) {
      const found = this.at(position, expected);
      if (found.kind === 'end') return;
      const next = found.kind === 'bad' ? this.resynchronise(position, expected, limit) : found;
      if (next === undefined) return;
      yield { kind: 'batch', ...next };
      position = next.position + next.header.bytes;
      expected = next.header.baseOffset + next.header.count;
    }
  }

  /** Bytes of the batch at `position`; valid until the next call. */
  bytes(position: number, length: number): Uint8Array {
    this.load(position, length);
    return this.window.subarray(position - this.windowStart, position - this.windowStart + length);
  }

  private check(position: number, expectedOffset?: number): BatchProblem | undefined {
    this.load(position, BATCH_HEADER_BYTES);
    let local = position - this.windowStart;
    if (local + BATCH_HEADER_BYTES > this.windowLength) return 'short';
    const length = this.view.getInt32(local + 8) + 12;
    if (length > BATCH_HEADER_BYTES && length <= WINDOW_BYTES) this.load(position, length);
    local = position - this.windowStart;
    return checkBatch(this.window.subarray(0, this.windowLength), local, expectedOffset);
  }

  /** Makes sure that the window holds `length` bytes from `position` on, as far as the file goes. */
  private load(position: number, length: number): void {
    if (position >= this.windowStart && position + length <= this.windowStart + this.windowLength) return;
    if (position >= this.windowStart && this.windowStart + this.windowLength >= this.size) return;
    this.windowStart = position;
    const wanted = Math.min(WINDOW_BYTES, this.size - position);
    if (this.window.length < wanted) {
      this.window = new Uint8Array(wanted);
      this.view = new DataView(this.window.buffer);
    }
    this.windowLength = this.disk.read(this.fd, this.window.subarray(0, wanted), position);
  }

  private onlyZeros(position: number): boolean {
    for (let at = position; at < this.size; at = this.windowStart + this.windowLength) {
      this.load(at, Math.min(WINDOW_BYTES, this.size - at));
      for (let i = at - this.windowStart; i < this.windowLength; i++) if (this.window[i] !== 0) return false;
      if (this.windowLength === 0) return true;
    }
    return true;
  }
}

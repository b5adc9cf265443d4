import type { Disk } from './disk.ts';

/** Pages of the system's cache. */
export const PAGE_BYTES = 4096;

/** When zeros are written ahead, and how many. */
export interface TailOptions {
  /** So much is filled with zeros ahead of the data; at most what is by default. */
  readonly fillBytes: number;
  /** Larger appends take longer than what a file that grows costs: nothing is filled ahead of them. */
  readonly smallBytes: number;
  /** A file of which less was appended is not worth it. */
  readonly busyBytes: number;
}

const TAIL: TailOptions = { fillBytes: 256 * 1024, smallBytes: 64 * 1024, busyBytes: 256 * 1024 };

const zeros = new Uint8Array(TAIL.fillBytes);

/**
 * The end of a file to which its one writer appends. Whole pages are written: the last one, which is not full, is kept in memory and written again with what comes behind it, so that
 * the system never reads it back. Where little is appended at a time, zeros are written ahead: a sync that need not make the file longer takes half of the time. What lies behind
 * the data is zeros until `trim`.
 */
export class TailFile {
  private readonly disk: Disk;
  private readonly fd: number;
  /** Nothing is filled beyond it. */
  private readonly limit: number;
  private readonly options: TailOptions;
  private readonly page = new Uint8Array(PAGE_BYTES);
  /** Bytes of the file, zeros too. */
  private size: number;
  private appended = 0;
  /** Behind the data. */
  position: number;

  /** Appends to `fd` from `position` on, of which the file holds all before. */
  constructor(disk: Disk, fd: number, position: number, limit: number, options: TailOptions = TAIL) {
    this.disk = disk;
    this.fd = fd;
    this.position = position;
    this.limit = limit;
    this.options = options;
    this.size = disk.size(fd);
    const used = position % PAGE_BYTES;
    if (used > 0) disk.read(fd, this.page.subarray(0, used), position - used);
  }

  /** Writes parts one behind the other, `bytes` in all. */
  append(parts: readonly Uint8Array[], bytes: number): void {
    const used = this.position % PAGE_BYTES;
    const start = this.position - used;
    const length = used + bytes;
    const padding = (PAGE_BYTES - (length % PAGE_BYTES)) % PAGE_BYTES;
    const end = start + length + padding;
    const { smallBytes, busyBytes } = this.options;
    if (bytes <= smallBytes && this.appended >= busyBytes && end > this.size) this.fill(end);
    const pieces = [...parts];
    if (used > 0) pieces.unshift(this.page.subarray(0, used));
    if (padding > 0) pieces.push(zeros.subarray(0, padding));
    this.disk.write(this.fd, pieces, start);
    this.keepTail(parts, used, bytes);
    this.size = Math.max(this.size, end);
    this.position += bytes;
    this.appended += bytes;
  }

  private fill(from: number): void {
    const to = Math.min(from + this.options.fillBytes, this.limit);
    if (to <= from) return;
    this.disk.write(this.fd, [zeros.subarray(0, to - from)], from);
    this.size = to;
  }

  /** Notes the bytes of the page that is not full now. */
  private keepTail(parts: readonly Uint8Array[], used: number, bytes: number): void {
    let left = (used + bytes) % PAGE_BYTES;
    let at = left;
    for (let i = parts.length - 1; i >= 0 && left > 0; i--) {
      const part = parts[i] ?? zeros.subarray(0, 0);
      const taken = part.subarray(Math.max(0, part.length - left));
      at -= taken.length;
      left -= taken.length;
      this.page.set(taken, at);
    }
    // What is left lies at the beginning of the page already: it was not full before either.
  }

  /** Cuts off what lies behind the data. */
  trim(): void {
    if (this.size === this.position) return;
    this.disk.truncate(this.fd, this.position);
    this.size = this.position;
  }
}

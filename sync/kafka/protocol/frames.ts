import { Fault } from '../../../edge/core/fault.ts';
import { CORRELATION_BYTES } from './api.ts';

const SIZE_BYTES = 4;
const FIRST_BYTES = 4096;

/**
 * Cuts what arrives into response frames (int32 size, then that many bytes). The size is only a claim: memory grows with the bytes that have
 * really come, at most twofold, and never above the bound.
 */
export class FrameAssembler {
  private readonly maxBytes: number;
  /** The frame that is not whole yet, from its size on. */
  private partial = new Uint8Array(0);
  private length = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Takes the next bytes and returns the frames that they complete, without their size. Throws `kafka-protocol` for a size out of bounds. */
  push(chunk: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.length === 0) {
        const whole = this.frameIn(chunk, at);
        if (whole !== undefined) {
          frames.push(whole);
          at += SIZE_BYTES + whole.length;
          continue;
        }
      }
      at += this.take(chunk, at);
      if (this.length >= SIZE_BYTES && this.length === SIZE_BYTES + this.size()) {
        frames.push(this.partial.subarray(SIZE_BYTES, this.length));
        this.partial = new Uint8Array(0);
        this.length = 0;
      }
    }
    return frames;
  }

  /** The frame that lies whole in the chunk: it is used where it lies. */
  private frameIn(chunk: Uint8Array, at: number): Uint8Array | undefined {
    if (chunk.length - at < SIZE_BYTES) return undefined;
    const size = this.checked(new DataView(chunk.buffer, chunk.byteOffset + at, SIZE_BYTES).getInt32(0));
    const end = at + SIZE_BYTES + size;
    return end <= chunk.length ? chunk.subarray(at + SIZE_BYTES, end) : undefined;
  }

  /** Adds as much of the chunk as belongs to this frame (first its size, then its body) and returns how much that was. */
  private take(chunk: Uint8Array, at: number): number {
    const wanted = this.length < SIZE_BYTES ? SIZE_BYTES : SIZE_BYTES + this.size();
    const count = Math.min(wanted - this.length, chunk.length - at);
    if (this.length + count > this.partial.length) {
      const capacity = Math.max(FIRST_BYTES, this.partial.length * 2, this.length + count);
      const grown = new Uint8Array(this.length < SIZE_BYTES ? capacity : Math.min(capacity, wanted));
      grown.set(this.partial.subarray(0, this.length));
      this.partial = grown;
    }
    this.partial.set(chunk.subarray(at, at + count), this.length);
    this.length += count;
    return count;
  }

  private size(): number {
    return this.checked(new DataView(this.partial.buffer).getInt32(0));
  }

  private checked(size: number): number {
    if (size >= CORRELATION_BYTES && size <= this.maxBytes) return size;
    throw new Fault('kafka-protocol', `A response of ${size} bytes; the bound is ${this.maxBytes}.`);
  }
}

import { Fault, type FaultCode } from './fault.ts';

/** Reads the primitives of Kafka records and Avro out of bytes, never past their end: then a fault of the given code. */
export class ByteReader {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Next byte to be read. */
  at = 0;
  /** First byte that may not be read. */
  end = 0;
  private readonly code: FaultCode;

  constructor(code: FaultCode) {
    this.code = code;
  }

  /** Reads `bytes` from `start` up to `end` from now on. */
  open(bytes: Uint8Array, start = 0, end = bytes.length): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.at = start;
    this.end = end;
  }

  fail(what: string): never {
    throw new Fault(this.code, `${what} at byte ${this.at}`);
  }

  /** Claims `count` bytes and returns where they begin. */
  skip(count: number): number {
    const start = this.at;
    if (count < 0 || start + count > this.end) this.fail(`needs ${count} bytes, has ${this.end - start}`);
    this.at = start + count;
    return start;
  }

  uint8(): number {
    return this.bytes[this.skip(1)] ?? 0;
  }

  floatLe(): number {
    return this.view.getFloat32(this.skip(4), true);
  }

  doubleLe(): number {
    return this.view.getFloat64(this.skip(8), true);
  }

  uint64(): bigint {
    return this.view.getBigUint64(this.skip(8));
  }

  /** Zigzag integer that must fit 32 bits. */
  varint(): number {
    const value = this.short() ?? this.long();
    if (typeof value !== 'number' || value > 0x7fffffff || value < -0x80000000) this.fail('integer above 32 bits');
    return value;
  }

  /** Zigzag integer that must be exact in a double. */
  varsafe(): number {
    const value = this.short() ?? this.eight() ?? this.long();
    if (typeof value !== 'number') this.fail('integer above 53 bits');
    return value;
  }

  /** Zigzag int64: a number where that is exact, else a bigint. */
  varlong(): number | bigint {
    return this.short() ?? this.long();
  }

  /** A zigzag integer of one or two bytes, which most are: 4 instead of 13 ns. Undefined: it is longer, and nothing was read. */
  private short(): number | undefined {
    const { bytes, at } = this;
    if (at + 2 > this.end) return undefined;
    const first = bytes[at] ?? 0;
    if (first < 0x80) {
      this.at = at + 1;
      return (first >>> 1) ^ -(first & 1);
    }
    const second = bytes[at + 1] ?? 0;
    if (second >= 0x80) return undefined;
    this.at = at + 2;
    return (((first & 0x7f) >>> 1) | (second << 6)) ^ -(first & 1);
  }

  /** A zigzag integer of eight bytes from 0 up to 2^53, as times of our days are (µs), in words; -1: there stands another. */
  eightAt(at: number): number {
    const low = this.view.getInt32(at, true);
    const high = this.view.getInt32(at + 4, true);
    // All bytes but the last one have bit 7, an even number is not negative, and the uppermost bits would go beyond 2^53.
    if ((low & 0x80808080) !== ~0x7f7f7f7f || (low & 1) !== 0 || (high & 0xe0808080) !== 0x00808080) return -1;
    return sevenBits(high) * 0x800_0000 + (sevenBits(low) >>> 1);
  }

  /** The same from the place on; undefined: nothing was read. */
  private eight(): number | undefined {
    const { at } = this;
    const value = at + 8 > this.end ? -1 : this.eightAt(at);
    if (value < 0) return undefined;
    this.at = at + 8;
    return value;
  }

  /** A zigzag integer of any length. */
  private long(): number | bigint {
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.uint8();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else if (bits > 1) this.fail('integer above 64 bits');
      else high |= bits << 31;
      if (byte < 0x80) break;
      if (shift === 63) this.fail('integer above 64 bits');
    }
    const sign = -(low & 1);
    const lo = (((low >>> 1) | (high << 31)) ^ sign) >>> 0;
    const hi = (high >>> 1) ^ sign;
    if (hi >= -0x200000 && hi < 0x200000 && !(hi === -0x200000 && lo === 0)) return hi * 4294967296 + lo;
    return (BigInt(hi) << 32n) | BigInt(lo);
  }
}

/** The 28 bits that four bytes of a variable-length integer carry, seven each, the lowest first. */
function sevenBits(word: number): number {
  return (word & 0x7f) | ((word >>> 1) & 0x3f80) | ((word >>> 2) & 0x1fc000) | ((word >>> 3) & 0xfe00000);
}

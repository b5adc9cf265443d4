/** A growing byte buffer with the primitives of Kafka records and Avro. Big-endian unless the name says otherwise. */
export class ByteWriter {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView<ArrayBuffer>;
  /** Bytes written so far. */
  length = 0;

  constructor(capacity = 4096) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Starts over; the memory is kept. */
  reset(): void {
    this.length = 0;
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  uint8(value: number): void {
    this.ensure(1);
    this.bytes[this.length++] = value;
  }

  int32(value: number): void {
    this.ensure(4);
    this.view.setInt32(this.length, value);
    this.length += 4;
  }

  floatLe(value: number): void {
    this.ensure(4);
    this.view.setFloat32(this.length, value, true);
    this.length += 4;
  }

  doubleLe(value: number): void {
    this.ensure(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  uint64(value: bigint): void {
    this.ensure(8);
    this.view.setBigUint64(this.length, value);
    this.length += 8;
  }

  raw(source: Uint8Array): void {
    this.ensure(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** Zigzag variable-length integer of any safe integer (the same bytes serve as varint and varlong). */
  varlong(value: number): void {
    const high = Math.floor(value / 4294967296);
    const low = value >>> 0;
    const sign = high >> 31;
    this.varuint((low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign);
  }

  /** Zigzag variable-length integer of an int64. */
  varlongBig(value: bigint): void {
    const zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    this.varuint(Number(zigzag & 0xffffffffn), Number(zigzag >> 32n));
  }

  /** Unsigned variable-length integer out of two 32-bit halves. */
  private varuint(low: number, high: number): void {
    this.ensure(10);
    const { bytes } = this;
    let lo = low >>> 0;
    let hi = high >>> 0;
    let at = this.length;
    while (hi !== 0 || lo > 0x7f) {
      bytes[at++] = (lo & 0x7f) | 0x80;
      lo = ((lo >>> 7) | (hi << 25)) >>> 0;
      hi >>>= 7;
    }
    bytes[at++] = lo;
    this.length = at;
  }

  /** The bytes written so far, in memory of their own: it can be transferred to another thread. */
  take(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }
}

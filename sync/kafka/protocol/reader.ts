import { ByteReader } from '../../../edge/core/byte-reader.ts';

/** Most items of all arrays of one response together: a broker cannot make us allocate more objects than this. */
export const MAX_ITEMS = 100_000;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Reads the primitives of a Kafka response (protocol guide, "Protocol Primitive Types"; KIP-482 for the flexible forms).
 * `flexible` says which of the two forms strings, bytes and arrays have, so that an API describes its fields once for all versions.
 * Whatever the bytes are, it ends: with values, or with the fault `kafka-protocol`.
 */
export class Reader extends ByteReader {
  flexible: boolean;
  private itemsLeft = MAX_ITEMS;

  constructor(bytes: Uint8Array, flexible: boolean) {
    super('kafka-protocol');
    this.flexible = flexible;
    this.open(bytes);
  }

  bool(): boolean {
    return this.uint8() !== 0;
  }

  int8(): number {
    return this.view.getInt8(this.skip(1));
  }

  int16(): number {
    return this.view.getInt16(this.skip(2));
  }

  int32(): number {
    return this.view.getInt32(this.skip(4));
  }

  /** int64 that must be exact in a double: offsets and times are. */
  int64(): number {
    const value = Number(this.int64Big());
    if (!Number.isSafeInteger(value)) this.fail('integer above 53 bits');
    return value;
  }

  int64Big(): bigint {
    return this.view.getBigInt64(this.skip(8));
  }

  /** UNSIGNED_VARINT of at most 32 bits. */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.uint8();
      if (shift === 28 && byte > 0x0f) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    return this.fail('integer above 32 bits');
  }

  string(): string {
    return this.nullableString() ?? this.fail('null in place of a string');
  }

  nullableString(): string | null {
    const length = this.flexible ? this.uvarint() - 1 : this.int16();
    const bytes = this.claim(length);
    return bytes === null ? null : utf8.decode(bytes);
  }

  /** The bytes themselves, not a copy. */
  nullableBytes(): Uint8Array | null {
    return this.claim(this.flexible ? this.uvarint() - 1 : this.int32());
  }

  /** An array; null reads as empty. Each item must take at least one byte. */
  array<T>(item: () => T): T[] {
    const count = this.flexible ? this.uvarint() - 1 : this.int32();
    if (count < -1 || count > this.end - this.at) this.fail(`array of ${count} items`);
    if (count > this.itemsLeft) this.fail(`more than ${MAX_ITEMS} items`);
    const items: T[] = [];
    this.itemsLeft -= Math.max(0, count);
    for (let i = 0; i < count; i++) items.push(item());
    return items;
  }

  /** UUID in Kafka's own text form (base64url without padding), null where it is all zero. */
  uuid(): string | null {
    const start = this.skip(16);
    const bytes = this.bytes.subarray(start, start + 16);
    return bytes.every((byte) => byte === 0) ? null : Buffer.from(bytes).toString('base64url');
  }

  /** Skips tagged fields, where the version has them. */
  tags(): void {
    if (!this.flexible) return;
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint();
      this.skip(this.uvarint());
    }
  }

  /** Every byte must have been read: else we read something else than was written. */
  finish(): void {
    if (this.at !== this.end) this.fail(`${this.end - this.at} bytes left over`);
  }

  private claim(length: number): Uint8Array | null {
    if (length === -1) return null;
    const start = this.skip(length);
    return this.bytes.subarray(start, start + length);
  }
}

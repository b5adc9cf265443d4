import { ByteWriter } from '../../../edge/core/byte-writer.ts';
import { assert } from '../../../edge/core/fault.ts';

const utf8 = new TextEncoder();

/** Writes the primitives of a Kafka request; `flexible` as in the reader. */
export class Writer extends ByteWriter {
  flexible: boolean;

  constructor(flexible: boolean, capacity?: number) {
    super(capacity);
    this.flexible = flexible;
  }

  bool(value: boolean): void {
    this.uint8(value ? 1 : 0);
  }

  int8(value: number): void {
    this.ensure(1);
    this.view.setInt8(this.length, value);
    this.length += 1;
  }

  int16(value: number): void {
    this.ensure(2);
    this.view.setInt16(this.length, value);
    this.length += 2;
  }

  int64(value: number | bigint): void {
    this.ensure(8);
    this.view.setBigInt64(this.length, BigInt(value));
    this.length += 8;
  }

  /** UNSIGNED_VARINT of a 32-bit number. */
  uvarint(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.uint8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.uint8(rest);
  }

  string(value: string): void {
    this.stringOf(utf8.encode(value), this.flexible);
  }

  nullableString(value: string | null): void {
    if (value !== null) this.string(value);
    else if (this.flexible) this.uvarint(0);
    else this.int16(-1);
  }

  /** A string in the old form whatever the version: the client id of a request header. */
  classicString(value: string): void {
    this.stringOf(utf8.encode(value), false);
  }

  byteArray(value: Uint8Array): void {
    if (this.flexible) this.uvarint(value.length + 1);
    else this.int32(value.length);
    this.raw(value);
  }

  array<T>(items: readonly T[], item: (value: T) => void): void {
    if (this.flexible) this.uvarint(items.length + 1);
    else this.int32(items.length);
    for (const value of items) item(value);
  }

  nullArray(): void {
    if (this.flexible) this.uvarint(0);
    else this.int32(-1);
  }

  /** No tagged fields, where the version has them. */
  tags(): void {
    if (this.flexible) this.uvarint(0);
  }

  private stringOf(bytes: Uint8Array, flexible: boolean): void {
    assert(bytes.length <= 0x7fff, 'a string of the protocol has at most 32,767 bytes');
    if (flexible) this.uvarint(bytes.length + 1);
    else this.int16(bytes.length);
    this.raw(bytes);
  }
}

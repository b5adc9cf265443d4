import { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { type ArrayValue, type Sample, type Value, ValueKind } from './sample.ts';

/** Schema id of sample v1: first four bytes of the SHA-256 of its canonical form, shifted right by one (FORMAT.md, "Sample v1"). */
export const SAMPLE_SCHEMA_ID = 0x4b81f81c;

/** Bytes of an ordinary sample (a double, Good, of our days, without flags and server time): magic and schema, eight of time, kind, value, three of nothing. */
export const ORDINARY_BYTES = 25;

// A byte order mark at the start of a string belongs to the value: without this it would be dropped.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Writes a sample as sample v1. The caller has checked it: finite values, quality of 32 bits, an integer time within ±2^53. */
export function writeSample(out: ByteWriter, sample: Sample): void {
  out.uint8(0);
  out.int32(SAMPLE_SCHEMA_ID);
  out.varlong(sample.timeUs);
  out.uint8(sample.kind * 2);
  writeValue(out, sample.kind, sample.value);
  out.varlong(sample.quality);
  out.varlong(sample.flags);
  if (sample.serverTimeUs === null) {
    out.uint8(0);
  } else {
    out.uint8(2);
    out.varlong(sample.serverTimeUs);
  }
}

function writeValue(out: ByteWriter, kind: ValueKind, value: Value): void {
  switch (kind) {
    case ValueKind.null:
      return;
    case ValueKind.boolean:
      return out.uint8(value === true ? 1 : 0);
    case ValueKind.long:
      return writeLong(out, value as number | bigint);
    case ValueKind.float:
      return out.floatLe(value as number);
    case ValueKind.double:
      return out.doubleLe(value as number);
    case ValueKind.string:
      return out.text(value as string);
    case ValueKind.bytes: {
      const bytes = value as Uint8Array;
      out.varlong(bytes.length);
      return out.raw(bytes);
    }
    case ValueKind.uint64:
      return out.uint64(value as bigint);
    case ValueKind.array:
      return writeArray(out, value as ArrayValue);
  }
}

function writeLong(out: ByteWriter, value: number | bigint): void {
  if (typeof value === 'bigint') out.varlongBig(value);
  else out.varlong(value);
}

function writeArray(out: ByteWriter, value: ArrayValue): void {
  writeBlock(out, value.shape.length, (i) => out.varlong(value.shape[i] ?? 0));
  if (value.stepNs === null) {
    out.uint8(0);
  } else {
    out.uint8(2);
    out.doubleLe(value.stepNs);
  }
  const count = value.items.length;
  const { element, items } = value;
  writeBlock(out, element === 'float' ? count : 0, (i) => out.floatLe(items[i] as number));
  writeBlock(out, element === 'double' ? count : 0, (i) => out.doubleLe(items[i] as number));
  writeBlock(out, element === 'long' ? count : 0, (i) => out.varlongBig(items[i] as bigint));
  writeBlock(out, element === 'string' ? count : 0, (i) => out.text(items[i] as string));
}

/** An Avro array as one block: count, items, 0; an empty one is 0 alone. */
function writeBlock(out: ByteWriter, count: number, item: (index: number) => void): void {
  if (count > 0) out.varlong(count);
  for (let i = 0; i < count; i++) item(i);
  out.uint8(0);
}

/** Reads sample v1 into its own fields, so that a pass over a batch makes no object per sample. */
export class SampleReader implements Sample {
  timeUs = 0;
  kind: ValueKind = ValueKind.null;
  value: Value = null;
  quality = 0;
  flags = 0;
  serverTimeUs: number | null = null;
  private readonly from = new ByteReader('sample-malformed');

  /** Reads the sample in `bytes` from `start` to `end`. Throws `sample-malformed`; the fields are then undefined. */
  read(bytes: Uint8Array, start: number, end: number): void {
    this.from.open(bytes, start, end);
    if (end - start !== ORDINARY_BYTES || !this.readOrdinary(start)) this.readAny(end);
  }

  /** The sample that nearly all are, in words: 10 instead of 50 ns. False: it is another one, which may be malformed. */
  private readOrdinary(at: number): boolean {
    const { from } = this;
    const { view } = from;
    if (view.getUint8(at) !== 0 || view.getUint32(at + 1) !== SAMPLE_SCHEMA_ID) return false;
    const timeUs = from.eightAt(at + 5);
    if (timeUs < 0 || view.getUint8(at + 13) !== ValueKind.double * 2) return false;
    // Quality Good, no flags, no server time.
    if ((view.getUint16(at + 22) | view.getUint8(at + 24)) !== 0) return false;
    this.timeUs = timeUs;
    this.kind = ValueKind.double;
    this.value = view.getFloat64(at + 14, true);
    this.quality = 0;
    this.flags = 0;
    this.serverTimeUs = null;
    return true;
  }

  private readAny(end: number): void {
    const { from } = this;
    if (from.uint8() !== 0) from.fail('magic is not 0');
    const schema = from.view.getUint32(from.skip(4));
    if (schema !== SAMPLE_SCHEMA_ID) from.fail(`schema id ${schema} is not ${SAMPLE_SCHEMA_ID}`);
    this.timeUs = from.varsafe();
    const kind = from.varint();
    if (kind < 0 || kind > 8) from.fail(`value branch ${kind}`);
    this.kind = kind as ValueKind;
    this.value = this.readValue(this.kind);
    this.quality = from.varsafe();
    if (this.quality < 0 || this.quality > 0xffffffff) from.fail(`quality ${this.quality}`);
    this.flags = from.varint();
    this.serverTimeUs = this.branch() ? from.varsafe() : null;
    if (from.at !== end) from.fail(`${end - from.at} bytes too many`);
  }

  /** The sample as an object of its own. */
  copy(): Sample {
    const { timeUs, kind, value, quality, flags, serverTimeUs } = this;
    return { timeUs, kind, value, quality, flags, serverTimeUs };
  }

  private branch(): boolean {
    const branch = this.from.varint();
    if (branch !== 0 && branch !== 1) this.from.fail(`branch ${branch} of an optional`);
    return branch === 1;
  }

  private readValue(kind: ValueKind): Value {
    const { from } = this;
    switch (kind) {
      case ValueKind.null:
        return null;
      case ValueKind.boolean:
        return from.uint8() !== 0;
      case ValueKind.long:
        return from.varlong();
      case ValueKind.float:
        return from.floatLe();
      case ValueKind.double:
        return from.doubleLe();
      case ValueKind.string:
        return this.string();
      case ValueKind.bytes: {
        const start = from.skip(from.varint());
        // Not slice: that of a Buffer shares its memory.
        return new Uint8Array(from.bytes.subarray(start, from.at));
      }
      case ValueKind.uint64:
        return from.uint64();
      case ValueKind.array:
        return this.array();
    }
  }

  private string(): string {
    const { from } = this;
    const start = from.skip(from.varint());
    try {
      return decoder.decode(from.bytes.subarray(start, from.at));
    } catch {
      return from.fail('string is not UTF-8');
    }
  }

  private array(): ArrayValue {
    const { from } = this;
    const shape = this.block(() => from.varint());
    const stepNs = this.branch() ? from.doubleLe() : null;
    const floats = this.block(() => from.floatLe());
    const doubles = this.block(() => from.doubleLe());
    const longs = this.block(() => BigInt(from.varlong()));
    const strings = this.block(() => this.string());
    const filled = [floats, doubles, longs, strings].filter((items) => items.length > 0).length;
    if (filled > 1) from.fail('array with elements of two types');
    const base = { shape, stepNs };
    if (floats.length > 0) return { ...base, element: 'float', items: Float32Array.from(floats) };
    if (longs.length > 0) return { ...base, element: 'long', items: BigInt64Array.from(longs) };
    if (strings.length > 0) return { ...base, element: 'string', items: strings };
    return { ...base, element: 'double', items: Float64Array.from(doubles) };
  }

  /** An Avro array in any number of blocks (a negative count is followed by the block's size). Each item takes at least a byte, so the bytes bound the count. */
  private block<T>(item: () => T): T[] {
    const { from } = this;
    const items: T[] = [];
    for (let count = from.varsafe(); count !== 0; count = from.varsafe()) {
      if (count < 0) {
        from.varsafe();
        count = -count;
      }
      if (count > from.end - from.at) from.fail(`array of ${count} items`);
      for (let i = 0; i < count; i++) items.push(item());
    }
    return items;
  }
}

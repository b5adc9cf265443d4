import { isUtf8 } from 'node:buffer';
import { Fault } from '../../edge/core/fault.ts';
import { type ArrayValue, ValueKind } from '../../edge/core/sample.ts';
import type { Points } from '../points/points.ts';
import { arrayText } from './array-text.ts';

/** Which rows of a column have a value: bit i of byte i / 8, padded to whole 64-bit words, as Arrow and DuckDB have it. */
interface Validity {
  readonly bits: Uint8Array<ArrayBuffer>;
  /** Rows without a value. */
  nulls: number;
}

/** A column of numbers some of which may be missing. */
export interface Optional<Items> extends Validity {
  readonly items: Items;
}

/** A column of byte strings: row i is `bytes` from `offsets[i]` to `offsets[i + 1]`. */
export interface Blobs extends Validity {
  readonly offsets: Int32Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();

/**
 * Samples in the columns that they have outside of Millrace (Arrow, SQL, Parquet), each made when it is asked for. A tag of a plant has one type, a table of tags has many, and readers
 * do not agree on unions (polars has none): so there is a column for each kind of number that a double cannot hold, and `kinds` says what the sample was.
 */
export class WideRows {
  readonly count: number;
  private readonly points: Points;
  private readonly start: number;
  private readonly end: number;

  /** Rows `start` to `end`. */
  constructor(points: Points, start = 0, end: number = points.count) {
    this.points = points;
    this.start = start;
    this.end = end;
    this.count = end - start;
  }

  /** Effective times, µs. */
  times(): BigInt64Array<ArrayBuffer> {
    return integersOf(this.points.times, this.start, this.end);
  }

  kinds(): Uint8Array<ArrayBuffer> {
    return this.points.kinds.slice(this.start, this.end);
  }

  qualities(): Uint32Array<ArrayBuffer> {
    return this.points.qualities.slice(this.start, this.end);
  }

  flags(): Uint32Array<ArrayBuffer> {
    return Uint32Array.from(this.points.flags.subarray(this.start, this.end));
  }

  /** Log offsets. */
  offsets(): BigInt64Array<ArrayBuffer> {
    return integersOf(this.points.offsets, this.start, this.end);
  }

  /** µs, where they are not the effective times. */
  deviceTimes(): Optional<BigInt64Array<ArrayBuffer>> {
    return this.points.hasDeviceTimes ? optionalTimes(this.points.deviceTimes, this.start, this.end) : this.noTimes();
  }

  /** µs. */
  serverTimes(): Optional<BigInt64Array<ArrayBuffer>> {
    return this.points.hasServerTimes ? optionalTimes(this.points.serverTimes, this.start, this.end) : this.noTimes();
  }

  /** Every number as a double: exact for boolean (0, 1), float and double, the nearest one for long and uint64. */
  values(): Optional<Float64Array<ArrayBuffer>> {
    const { points } = this;
    const column = { items: new Float64Array(this.count), ...noneOf(this.count) };
    const { items } = column;
    this.eachRun((kind, start, end, at) => {
      if (kind === ValueKind.float || kind === ValueKind.double) items.set(points.slots.subarray(start, end), at);
      else if (kind === ValueKind.boolean)
        for (let i = start; i < end; i++) items[at + i - start] = points.words[i * 2] ?? 0;
      else if (kind === ValueKind.long || kind === ValueKind.uint64)
        for (let i = start; i < end; i++) items[at + i - start] = Number(points.value(i));
      else return;
      setValid(column, at, end - start);
    });
    return column;
  }

  /** Those of kind long, exact. */
  integers(): Optional<BigInt64Array<ArrayBuffer>> {
    const column = { items: new BigInt64Array(this.count), ...noneOf(this.count) };
    this.copyWords(ValueKind.long, column);
    return column;
  }

  /** Those of kind uint64, exact. */
  unsigned(): Optional<BigUint64Array<ArrayBuffer>> {
    const column = { items: new BigUint64Array(this.count), ...noneOf(this.count) };
    this.copyWords(ValueKind.uint64, column);
    return column;
  }

  /** Strings as they are, arrays as JSON. Throws `historian-damaged` if the bytes of a value make no sense. */
  texts(): Blobs {
    return this.blobs((kind, i) => {
      if (kind === ValueKind.array) return encoder.encode(arrayText(this.points.value(i) as ArrayValue));
      if (kind !== ValueKind.string) return undefined;
      const bytes = this.points.blob(i);
      if (!isUtf8(bytes)) throw new Fault('historian-damaged', 'A string is not UTF-8.');
      return bytes;
    });
  }

  /** Those of kind bytes. */
  bytes(): Blobs {
    return this.blobs((kind, i) => (kind === ValueKind.bytes ? this.points.blob(i) : undefined));
  }

  private noTimes(): Optional<BigInt64Array<ArrayBuffer>> {
    return { items: new BigInt64Array(this.count), ...noneOf(this.count) };
  }

  private copyWords(wanted: ValueKind, column: Optional<BigInt64Array | BigUint64Array>): void {
    const words = wordsOf(column.items);
    this.eachRun((kind, start, end, at) => {
      if (kind !== wanted) return;
      words.set(this.points.words.subarray(start * 2, end * 2), at * 2);
      setValid(column, at, end - start);
    });
  }

  /** Runs of rows of one kind; `at` counts from the first row. */
  private eachRun(take: (kind: ValueKind, start: number, end: number, at: number) => void): void {
    const { kinds } = this.points;
    for (let i = this.start; i < this.end;) {
      const kind = kinds[i] as ValueKind;
      let until = i + 1;
      while (until < this.end && kinds[until] === kind) until++;
      take(kind, i, until, i - this.start);
      i = until;
    }
  }

  private blobs(of: (kind: ValueKind, i: number) => Uint8Array | undefined): Blobs {
    const offsets = new Int32Array(this.count + 1);
    const parts: Uint8Array[] = [];
    const validity = noneOf(this.count);
    let used = 0;
    for (let i = this.start, row = 0; i < this.end; i++, row++) {
      const bytes = of(this.points.kinds[i] as ValueKind, i);
      if (bytes !== undefined) {
        parts.push(bytes);
        used += bytes.length;
        setValid(validity, row, 1);
      }
      offsets[row + 1] = used;
    }
    const bytes = new Uint8Array(used);
    used = 0;
    for (const part of parts) {
      bytes.set(part, used);
      used += part.length;
    }
    return { offsets, bytes, ...validity };
  }
}

/** Integers that lie in doubles, as int64. In words: a BigInt for each of them takes five times as long. */
function integersOf(numbers: Float64Array, start: number, end: number): BigInt64Array<ArrayBuffer> {
  const integers = new BigInt64Array(end - start);
  const words = wordsOf(integers);
  for (let i = start, at = 0; i < end; i++, at += 2) {
    const number = numbers[i] ?? 0;
    words[at] = number;
    words[at + 1] = Math.floor(number / 4294967296);
  }
  return integers;
}

function optionalTimes(times: Float64Array, start: number, end: number): Optional<BigInt64Array<ArrayBuffer>> {
  const column = { items: integersOf(times, start, end), ...noneOf(end - start) };
  for (let i = start; i < end; i++) if (!Number.isNaN(times[i] ?? Number.NaN)) setValid(column, i - start, 1);
  return column;
}

function wordsOf(integers: BigInt64Array | BigUint64Array): Uint32Array {
  return new Uint32Array(integers.buffer, integers.byteOffset, integers.length * 2);
}

function noneOf(count: number): Validity {
  return { bits: new Uint8Array(Math.ceil(count / 64) * 8), nulls: count };
}

/** Rows `at` to `at + count` of a column have values; they had none. */
function setValid(validity: Validity, at: number, count: number): void {
  const { bits } = validity;
  validity.nulls -= count;
  let i = at;
  const end = at + count;
  for (; i < end && i % 8 !== 0; i++) bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
  if (end - i >= 8) {
    bits.fill(0xff, i >> 3, end >> 3);
    i = end - (end % 8);
  }
  for (; i < end; i++) bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
}

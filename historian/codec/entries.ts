import type { Numeric } from '../points/numeric.ts';
import type { ByteReader } from '../../edge/core/byte-reader.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { readDelta } from './delta.ts';
import { BLOCK_POINTS, MAX_BLOCK_BYTES } from '../limits.ts';
import { isBlob } from '../points/points.ts';
import { Before, BESIDE, Entry, Form, More, realBytes, REALS, reals } from './entry.ts';
import type { BlockSummary, ValueSummary } from './summary.ts';

/** Marks of a block, in `BlockEntries.marks`. */
export const Mark = {
  plain: 1,
  distinct: 2,
  firstGood: 4,
  lastGood: 8,
  outage: 16,
  corrected: 32,
  expired: 64,
} as const;

type Extremes = Pick<ValueSummary, 'min' | 'max' | 'first' | 'last'>;

/** The entries of a piece of an index in columns: some 125 bytes a block. */
export class BlockEntries {
  readonly count: number;
  /** Bytes of each block, and their CRC-32C; 0 where only the summary is there. */
  readonly lengths: Uint32Array;
  readonly crcs: Uint32Array;
  readonly samples: Uint32Array;
  readonly firsts: Float64Array;
  readonly lasts: Float64Array;
  readonly leastOffsets: Float64Array;
  readonly greatestOffsets: Float64Array;
  readonly marks: Uint8Array;
  /** 0: there are no values. */
  private readonly kinds: Uint8Array;
  private readonly goodCounts: Uint32Array;
  private readonly goodUs: Float64Array;
  private readonly mins: Float64Array;
  private readonly maxs: Float64Array;
  private readonly firstValues: Float64Array;
  private readonly lastValues: Float64Array;
  private readonly sums: Float64Array;
  private readonly stepped: Float64Array;
  private readonly sloped: Float64Array;
  /** 64-bit integers, of which one is not exact in a double, by block. */
  private readonly large = new Map<number, Extremes>();

  /** Reads `count` entries, all that `from` has. `firstUs`: time of the first sample of all. */
  constructor(from: ByteReader, count: number, firstUs: number) {
    const doubles = (): Float64Array => new Float64Array(count);
    this.count = count;
    this.lengths = new Uint32Array(count);
    this.crcs = new Uint32Array(count);
    this.samples = new Uint32Array(count);
    this.firsts = doubles();
    this.lasts = doubles();
    this.leastOffsets = doubles();
    this.greatestOffsets = doubles();
    this.marks = new Uint8Array(count);
    this.kinds = new Uint8Array(count);
    this.goodCounts = new Uint32Array(count);
    this.goodUs = doubles();
    this.mins = doubles();
    this.maxs = doubles();
    this.firstValues = doubles();
    this.lastValues = doubles();
    this.sums = doubles();
    this.stepped = doubles();
    this.sloped = doubles();
    const before = new Before(firstUs);
    let endUs = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      this.read(from, i, before);
      const first = this.firsts[i] ?? 0;
      const isExpired = ((this.marks[i] ?? 0) & Mark.expired) !== 0;
      // What was summed up may reach over what came later.
      if (first < (this.firsts[i - 1] ?? first) || (!isExpired && first < endUs)) from.fail('blocks out of order');
      if (!isExpired) endUs = this.lasts[i] ?? 0;
    }
    if (from.at !== from.end) from.fail('bytes behind the entries');
  }

  /** Memory that the columns take. */
  get bytes(): number {
    return 512 + this.count * 125 + this.large.size * 200;
  }

  /** What is known of a block's samples together. */
  summary(block: number): BlockSummary {
    const marks = this.marks[block] ?? 0;
    return {
      count: this.samples[block] ?? 0,
      firstUs: this.firsts[block] ?? 0,
      lastUs: this.lasts[block] ?? 0,
      goodCount: this.goodCounts[block] ?? 0,
      goodUs: this.goodUs[block] ?? 0,
      firstGood: (marks & Mark.firstGood) !== 0,
      lastGood: (marks & Mark.lastGood) !== 0,
      distinct: (marks & Mark.distinct) !== 0,
      plain: (marks & Mark.plain) !== 0,
      outage: (marks & Mark.outage) !== 0,
      corrected: (marks & Mark.corrected) !== 0,
      values: this.values(block),
    };
  }

  private values(block: number): ValueSummary | null {
    const kind = (this.kinds[block] ?? 0) as ValueKind;
    if (kind === ValueKind.null) return null;
    const large = this.large.size === 0 ? undefined : this.large.get(block);
    return {
      kind,
      min: large?.min ?? this.mins[block] ?? 0,
      max: large?.max ?? this.maxs[block] ?? 0,
      first: large?.first ?? this.firstValues[block] ?? 0,
      last: large?.last ?? this.lastValues[block] ?? 0,
      sum: this.sums[block] ?? 0,
      stepped: this.stepped[block] ?? 0,
      sloped: this.sloped[block] ?? 0,
    };
  }

  private read(from: ByteReader, i: number, before: Before): void {
    const flags = from.uint8();
    const more = (flags & Entry.more) === 0 ? More.allGood | More.firstGood | More.lastGood : from.uint8();
    if (more > 63) from.fail('flags of a block');
    const unit = (flags & Entry.milliseconds) === 0 ? 1 : 1000;
    const isExpired = (more & More.expired) !== 0;
    const count = (flags & Entry.alikeCount) === 0 ? from.varsafe() : before.count;
    if (count < 1 || count > (isExpired ? 0xffffffff : BLOCK_POINTS)) from.fail(`block of ${count} samples`);
    const firstUs = readTime(from, before.startUs, unit);
    const lastUs = readTime(from, before.endOf(firstUs), unit);
    if (lastUs < firstUs) from.fail('block that ends before it begins');
    this.readOffsets(from, i, before, (flags & Entry.alikeOffsets) !== 0);
    const allGood = (more & More.allGood) !== 0;
    const goodCount = allGood ? count : count - from.varsafe();
    const goodUs = allGood ? Math.min(lastUs - firstUs, Number.MAX_SAFE_INTEGER) : from.varsafe() * unit;
    if (!(goodCount >= 0 && goodCount <= count && goodUs >= 0)) from.fail(`${goodCount} good samples of ${count}`);
    this.samples[i] = count;
    this.firsts[i] = firstUs;
    this.lasts[i] = lastUs;
    this.goodCounts[i] = goodCount;
    this.goodUs[i] = goodUs;
    this.marks[i] =
      (flags & (Entry.plain | Entry.distinct)) |
      ((more & (More.firstGood | More.lastGood | More.outage | More.corrected | More.expired)) << 1);
    const head = (flags & Entry.alikeValues) === 0 ? from.uint8() : before.head;
    if (head !== 0) this.readValues(from, i, head, before, unit, (flags & Entry.alikeTops) !== 0);
    before.head = head;
    before.set(count, firstUs, lastUs, this.leastOffsets[i] ?? 0, this.greatestOffsets[i] ?? 0);
    if (isExpired) return;
    const length = before.length + from.varsafe();
    if (!(length > 0 && length <= MAX_BLOCK_BYTES)) from.fail(`block of ${length} bytes`);
    before.length = length;
    this.lengths[i] = length;
    this.crcs[i] = from.view.getUint32(from.skip(4), true);
  }

  private readOffsets(from: ByteReader, i: number, before: Before, alike: boolean): void {
    const least = alike ? before.offset + before.offsetGap : readDelta(from, before.offset);
    const greatest = alike ? least + before.offsetSpan : readDelta(from, least);
    if (!Number.isSafeInteger(least) || !Number.isSafeInteger(greatest) || greatest < least)
      from.fail('block whose last offset is before its first');
    this.leastOffsets[i] = least;
    this.greatestOffsets[i] = greatest;
  }

  private readValues(
    from: ByteReader,
    i: number,
    head: number,
    before: Before,
    unit: number,
    alikeTops: boolean,
  ): void {
    const kind = head & 15;
    const form = head >> 4;
    if (kind === ValueKind.null || kind > ValueKind.array || isBlob(kind)) from.fail(`summary of kind ${kind}`);
    this.kinds[i] = kind;
    if (form === Form.float64) this.readDoubles(from, i, before.reals, alikeTops);
    else if (form > Form.float64) this.readReals(from, i, kind, form);
    else if (kind === ValueKind.boolean) this.readBooleans(from, i, unit);
    else this.readExact(from, i, 10 ** form, head === before.head ? before.min : 0, before, unit);
  }

  private readBooleans(from: ByteReader, i: number, unit: number): void {
    const goodCount = this.goodCounts[i] ?? 0;
    const goodUs = this.goodUs[i] ?? 0;
    const bits = from.varsafe();
    const sum = Math.floor(bits / 4);
    const stepped = sum === 0 ? 0 : sum === goodCount ? goodUs : from.varsafe() * unit;
    if (!(sum >= 0 && sum <= goodCount)) from.fail(`sum ${sum} of booleans`);
    const [min, max] = [sum === goodCount ? 1 : 0, sum > 0 ? 1 : 0];
    this.put(i, { min, max, first: (bits >> 1) & 1, last: bits & 1 }, sum, stepped, stepped);
  }

  private readExact(from: ByteReader, i: number, power: number, base: number, before: Before, unit: number): void {
    const goodCount = this.goodCounts[i] ?? 0;
    const goodUs = this.goodUs[i] ?? 0;
    const min = base + from.varsafe();
    before.min = min;
    const range = from.varsafe();
    let first = min;
    let last = min;
    // Not -0.
    let sum = min * goodCount + 0;
    let stepped = min * goodUs + 0;
    let sloped = stepped * 2;
    if (range !== 0) {
      first += from.varsafe();
      last += from.varsafe();
      sum += from.varsafe();
      stepped += from.varsafe() * unit;
      sloped = stepped * 2 + from.varsafe() * unit;
    }
    this.mins[i] = min / power;
    this.maxs[i] = (min + range) / power;
    this.firstValues[i] = first / power;
    this.lastValues[i] = last / power;
    this.sums[i] = sum / power;
    this.stepped[i] = stepped / power;
    this.sloped[i] = sloped / 2 / power;
  }

  private readDoubles(from: ByteReader, i: number, before: Float64Array, alikeTops: boolean): void {
    const size = alikeTops ? 7 : 8;
    const start = from.skip(REALS * size);
    const { bytes } = from;
    reals.set(before, REALS);
    for (let k = 0; k < REALS; k++) {
      const at = start + k * size;
      for (let byte = 0; byte < size; byte++) realBytes[k * 8 + byte] = bytes[at + byte] ?? 0;
      if (alikeTops) realBytes[k * 8 + 7] = realBytes[(BESIDE[k] ?? 0) * 8 + 7] ?? 0;
    }
    const [min = 0, max = 0, first = 0, last = 0, sum = 0, stepped = 0, sloped = 0] = reals;
    if (![sum, stepped, sloped].every(Number.isFinite)) from.fail('a sum that is none');
    before.set(reals.subarray(0, REALS));
    this.put(i, { min, max, first, last }, sum, stepped, sloped);
  }

  private readReals(from: ByteReader, i: number, kind: number, form: number): void {
    const next = (): Numeric => {
      if (form === Form.int64) return kind === ValueKind.uint64 ? unsigned(from.varlong()) : from.varlong();
      return from.floatLe();
    };
    const all = { min: next(), max: next(), first: next(), last: next() };
    const sums = [from.doubleLe(), from.doubleLe(), from.doubleLe()] as const;
    if (!sums.every(Number.isFinite)) from.fail('a sum that is none');
    this.put(i, all, ...sums);
  }

  private put(i: number, all: Extremes, sum: number, stepped: number, sloped: number): void {
    const { min, max, first, last } = all;
    if ([min, max, first, last].some((value) => typeof value === 'bigint')) this.large.set(i, all);
    this.mins[i] = Number(min);
    this.maxs[i] = Number(max);
    this.firstValues[i] = Number(first);
    this.lastValues[i] = Number(last);
    this.sums[i] = sum;
    this.stepped[i] = stepped;
    this.sloped[i] = sloped;
  }
}

function readTime(from: ByteReader, besideUs: number, unit: number): number {
  if (unit === 1) return readDelta(from, besideUs);
  const timeUs = besideUs + from.varsafe() * unit;
  if (!Number.isSafeInteger(timeUs)) from.fail('time above 53 bits');
  return timeUs;
}

function unsigned(value: number | bigint): Numeric {
  if (typeof value === 'number' && value >= 0) return value;
  return BigInt.asUintN(64, BigInt(value));
}

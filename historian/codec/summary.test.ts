import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { Flag } from '../../edge/core/flags.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { writeBlock } from '../files/block.ts';
import { Points } from '../points/points.ts';
import { EntryWriter } from './entry-writer.ts';
import { readEntries } from './kit.ts';
import type { BlockSummary } from './summary.ts';

/** Halves of numbers that are so small have no bits of their own. */
const TINY = 1e-310;
const BAD = 0x80000000;
const UNCERTAIN = 0x40000000;
const T0 = 1_704_067_200_000_000;

interface Row {
  readonly afterUs: number;
  readonly value: number | bigint | null;
  readonly quality: number;
}

function pointsOf(kind: ValueKind, rows: readonly Row[]): Points {
  const points = new Points(rows.length);
  points.count = rows.length;
  points.deviceTimes.fill(Number.NaN);
  points.serverTimes.fill(Number.NaN);
  let time = T0;
  for (const [i, { afterUs, value, quality }] of rows.entries()) {
    time += afterUs;
    points.times[i] = time;
    points.offsets[i] = i;
    points.qualities[i] = quality;
    points.kinds[i] = value === null ? ValueKind.null : kind;
    if (typeof value === 'bigint') points.putLong(i, value);
    else if (kind === ValueKind.long || kind === ValueKind.uint64) points.putLong(i, value ?? 0);
    else if (kind === ValueKind.boolean) points.words[i * 2] = value ?? 0;
    else points.slots[i] = value ?? 0;
  }
  return points;
}

/** What an index says of blocks that are cut at these rows. */
function summariesOf(points: Points, cuts: readonly number[] = []): BlockSummary[] {
  const out = new ByteWriter();
  const writer = new EntryWriter(points.times[0] ?? 0);
  const ends = [...cuts, points.count];
  for (const [i, end] of ends.entries()) writer.write(out, writeBlock(new ByteWriter(), points, ends[i - 1] ?? 0, end));
  const entries = readEntries(out.take(), ends.length, points.times[0] ?? 0);
  return ends.map((_, block) => entries.summary(block));
}

function whole(points: Points): BlockSummary {
  const [summary] = summariesOf(points);
  if (summary === undefined) throw new Error('no entry');
  return summary;
}

function summaryOf(kind: ValueKind, rows: readonly Row[]): BlockSummary {
  return whole(pointsOf(kind, rows));
}

function isGood(row: Row | undefined): row is Row {
  return row !== undefined && row.value !== null && row.quality >>> 30 === 0;
}

/** Whether a row is good, and the last such of its time. */
function counts(rows: readonly Row[], i: number): boolean {
  const behind = rows.slice(i + 1);
  const later = behind.findIndex(({ afterUs: distanceUs }) => distanceUs > 0);
  return isGood(rows[i]) && !(later < 0 ? behind : behind.slice(0, later)).some(isGood);
}

/** The same by the words of FORMAT.md. */
function naive(
  kind: ValueKind,
  rows: readonly Row[],
): { goodCount: number; goodUs: number; sum: number; stepped: number; sloped: number } {
  const found = { goodCount: 0, goodUs: 0, sum: 0, stepped: 0, sloped: 0 };
  for (const [i, row] of rows.entries()) {
    if (!isGood(row)) continue;
    const value = Number(row.value);
    if (counts(rows, i)) {
      found.goodCount++;
      found.sum += value;
    }
    const next = rows[i + 1];
    const lengthUs = next?.afterUs ?? 0;
    found.goodUs += lengthUs;
    found.stepped += value * lengthUs;
    const end = isGood(next) && kind !== ValueKind.boolean ? Number(next.value) : value;
    found.sloped += ((value + end) / 2) * lengthUs;
  }
  return found;
}

const row = (value: number | null): Row => ({ afterUs: 1, value, quality: 0 });

const quality = fc.constantFrom(0, 0, 0, UNCERTAIN, BAD, 0x00960000);
const afterUs = fc.oneof(fc.constantFrom(0, 1_000_000), fc.nat(10_000_000));

/** Whether all is plain, whether a value goes away inside, and whether there is a correction. */
const saysOf = (rows: readonly Row[], flags: number[] = []) => {
  const points = pointsOf(ValueKind.double, rows);
  points.flags.set(flags);
  const { plain, outage, corrected } = whole(points);
  return [plain, outage, corrected];
};

describe('the summary of a block', () => {
  test.each([
    ['decimal', ValueKind.double, fc.integer({ min: -100_000, max: 100_000 }).map((k) => k / 100)],
    ['double', ValueKind.double, fc.double({ min: -1e9, max: 1e9, noNaN: true })],
    ['float', ValueKind.float, fc.float({ min: -1000, max: 1000, noNaN: true })],
    ['long', ValueKind.long, fc.integer()],
    ['int64', ValueKind.long, fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)],
    ['uint64', ValueKind.uint64, fc.bigInt(0n, 2n ** 64n - 1n)],
    ['boolean', ValueKind.boolean, fc.nat(1)],
  ])('of type %s is what a walk over the samples gives', (_, kind, value) => {
    const anyRow = fc.record<Row>({ afterUs, value: fc.option<number | bigint>(value, { freq: 12 }), quality });
    fc.assert(
      fc.property(fc.array(anyRow, { minLength: 1, maxLength: 40 }), (rows) => {
        const summary = summaryOf(kind, rows);
        const wanted = naive(kind, rows);
        const times = pointsOf(kind, rows).times;
        expect(summary.count).toBe(rows.length);
        expect(summary.firstUs).toBe(times[0]);
        expect(summary.lastUs).toBe(times.at(-1));
        expect(summary.goodCount).toBe(wanted.goodCount);
        expect(summary.goodUs).toBe(wanted.goodUs);
        expect(summary.distinct).toBe(new Set(times).size === rows.length);
        fc.pre(wanted.goodCount > 0);
        const good = rows.filter(isGood).map((each) => each.value ?? 0);
        const counted = rows.filter((_row, i) => counts(rows, i)).map((each) => each.value ?? 0);
        const { values } = summary;
        expect(values?.kind).toBe(kind);
        const ordered = counted.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
        // 0 added, for of 0 and -0 either is the least.
        const found = [values?.min, values?.max, values?.first, values?.last].map((each) => Number(each) + 0);
        expect(found).toEqual([ordered[0], ordered.at(-1), counted[0], counted.at(-1)].map((each) => Number(each) + 0));
        const scale = good.reduce<number>((sum, each) => sum + Math.abs(Number(each)), 0);
        const span = summary.lastUs - summary.firstUs;
        const near = (scale * 1e-13 + TINY) * Math.max(1, span);
        expect(Math.abs((values?.sum ?? Number.NaN) - wanted.sum)).toBeLessThanOrEqual(scale * 1e-13 + TINY);
        expect(Math.abs((values?.stepped ?? Number.NaN) - wanted.stepped)).toBeLessThanOrEqual(near);
        expect(Math.abs((values?.sloped ?? Number.NaN) - wanted.sloped)).toBeLessThanOrEqual(near);
      }),
      { numRuns: 300 },
    );
  });

  test('keeps the least and the greatest int64 to the last bit', () => {
    const edges = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n];
    const rows = edges.map((value) => ({ afterUs: 1, value, quality: 0 }));
    const { values } = summaryOf(ValueKind.long, rows);
    expect([values?.min, values?.max, values?.first, values?.last]).toEqual([edges[1], edges[0], edges[0], edges[2]]);
  });

  test('of decimal numbers is exact: a tenth, ten times, is one', () => {
    const rows = Array.from({ length: 10 }, () => ({ afterUs: 1_000_000, value: 0.1, quality: 0 }));
    const { values } = summaryOf(ValueKind.double, rows);
    expect(values).toMatchObject({ sum: 1, stepped: 900_000, sloped: 900_000 });
  });

  test('says whether the samples at its ends are good, so that blocks can be joined', () => {
    const rows = [BAD, 0, 0, UNCERTAIN].map((each, i) => ({ afterUs: 10, value: i, quality: each }));
    expect(summaryOf(ValueKind.double, rows)).toMatchObject({
      firstGood: false,
      lastGood: false,
      goodCount: 2,
      goodUs: 20,
    });
    expect(summaryOf(ValueKind.double, rows.slice(1, 3))).toMatchObject({ firstGood: true, lastGood: true });
  });

  test('joined over a cut anywhere gives the integrals of the whole, where no two samples have one time', () => {
    const anyRow = fc.record<Row>({
      afterUs: fc.integer({ min: 1, max: 10_000_000 }),
      value: fc.option(fc.integer({ min: -1000, max: 1000 }), { freq: 9 }),
      quality,
    });
    fc.assert(
      fc.property(fc.array(anyRow, { minLength: 2, maxLength: 30 }), fc.nat(), (rows, at) => {
        const points = pointsOf(ValueKind.double, rows);
        const cut = 1 + (at % (rows.length - 1));
        const [a, b] = summariesOf(points, [cut]);
        if (a === undefined || b === undefined) throw new Error('two entries');
        const all = naive(ValueKind.double, rows);
        const betweenUs = a.lastGood ? b.firstUs - a.lastUs : 0;
        const last = Number(a.values?.last ?? 0);
        const next = b.firstGood ? Number(b.values?.first ?? 0) : last;
        expect(a.goodUs + betweenUs + b.goodUs).toBe(all.goodUs);
        expect((a.values?.stepped ?? 0) + last * betweenUs + (b.values?.stepped ?? 0)).toBe(all.stepped);
        expect((a.values?.sloped ?? 0) + ((last + next) / 2) * betweenUs + (b.values?.sloped ?? 0)).toBe(all.sloped);
      }),
      { numRuns: 500 },
    );
  });

  test('has no values where they are of several kinds, have no sum, or are none', () => {
    const mixed = pointsOf(ValueKind.double, [row(1), row(2)]);
    mixed.kinds[1] = ValueKind.boolean;
    expect(whole(mixed).values).toBeNull();
    expect(summaryOf(ValueKind.double, [row(null), { ...row(1), quality: BAD }])).toMatchObject({
      goodCount: 0,
      values: null,
    });
    expect(summaryOf(ValueKind.double, [row(1), row(Number.NaN)]).values).toBeNull();
    expect(summaryOf(ValueKind.double, [row(1), row(Infinity)]).values).toBeNull();
    expect(summaryOf(ValueKind.double, [row(1e308), row(1e308)]).values).toBeNull();
    const text = pointsOf(ValueKind.string, [row(0)]);
    text.words.fill(0);
    expect(whole(text).values).toBeNull();
  });

  test('says whether all is plain, whether a value goes away inside, and whether there is a correction', () => {
    const good = { afterUs: 1, value: 1, quality: 0 };
    const uncertain = { ...good, quality: UNCERTAIN };
    expect(saysOf([good, good])).toEqual([true, false, false]);
    expect(saysOf([good, { ...good, quality: 0x00960000 }])).toEqual([false, false, false]);
    expect(saysOf([good, uncertain])).toEqual([false, false, false]);
    expect(saysOf([good, row(null)])).toEqual([false, true, false]);
    expect(saysOf([good, uncertain], [0, Flag.gap])).toEqual([false, true, false]);
    expect(saysOf([good, good], [Flag.gap, Flag.correction])).toEqual([true, false, true]);
  });
});

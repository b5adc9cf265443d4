import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import { Fault } from '../../edge/core/fault.ts';
import { Arrivals } from '../points/arrivals.ts';
import type { BlockList } from '../files/block-list.ts';
import { anySample, lineOf } from '../kit/history-kit.ts';
import { BLOCK_HEAP_BYTES, BLOCK_POINTS } from '../limits.ts';
import { MOST_ROWS } from './chains.ts';
import { Memtable } from './memtable.ts';
import { Points } from '../points/points.ts';
import { SLAB_BYTES } from './rows.ts';

const LARGE = 1e9;

const double = (timeUs: number, value = 0): Sample => ({
  timeUs,
  kind: ValueKind.double,
  value,
  quality: 0,
  flags: 0,
  serverTimeUs: null,
});

function linesOf(points: Points): string[] {
  return Array.from({ length: points.count }, (_, i) => lineOf(points.sample(i, ['samples'])));
}

function listed(list: BlockList): string[] {
  return Array.from({ length: list.count }, (_, block) => {
    const points = list.load(block);
    if (points instanceof Fault) throw points;
    expect(points.count).toBe(list.samples(block));
    expect(points.times[0]).toBe(list.first(block));
    expect(points.times[points.count - 1]).toBe(list.last(block));
    return linesOf(points);
  }).flat();
}

/** Leaves of the last row what a plain one has. */
function markPlain({ extras, points }: Arrivals): void {
  const row = points.count - 1;
  extras[row] = 0;
  for (const column of [points.qualities, points.flags, points.deviceTimes, points.serverTimes]) column[row] = 77;
}

describe('the memtable', () => {
  test('orders each series by time and log offset, whatever comes late, also between questions', () => {
    const entry = fc.record({
      series: fc.nat(3),
      sample: anySample,
      asked: fc.subarray([0, 1, 2, 3], { maxLength: 1 }),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 80 }), (entries) => {
        const memtable = new Memtable(LARGE);
        const model: { series: number; timeUs: number; offset: number; line: string }[] = [];
        const expected = (series: number): string[] =>
          model
            .filter((row) => row.series === series)
            .toSorted((a, b) => a.timeUs - b.timeUs || a.offset - b.offset)
            .map(({ line }) => line);
        for (const [offset, { series, sample, asked }] of entries.entries()) {
          memtable.append(series, sample.timeUs, offset, sample, Number.NaN);
          const line = lineOf({ ...sample, deviceTimeUs: null, topic: 'samples', offset });
          model.push({ series, timeUs: sample.timeUs, offset, line });
          for (const one of asked) expect(listed(memtable.blocks(one, 0))).toEqual(expected(one));
        }
        for (let series = 0; series < 4; series++) {
          expect(listed(memtable.blocks(series, 0))).toEqual(expected(series));
          const each: string[] = [];
          memtable.eachBlock(series, 0, new Points(BLOCK_POINTS), (points) => each.push(...linesOf(points)));
          expect(each).toEqual(expected(series));
          const latest = memtable.latest(series, 0);
          expect(latest === undefined ? [] : linesOf(latest)).toEqual(expected(series).slice(-1));
          expect(memtable.has(series)).toBe(latest !== undefined);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('holds what it takes in columns as what it takes one by one', () => {
    const entry = fc.record({ series: fc.nat(200), sample: anySample, times: fc.constantFrom(1, 2, 70) });
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 60 }), (entries) => {
        const inColumns = new Memtable(LARGE);
        const oneByOne = new Memtable(LARGE);
        const arrivals = new Arrivals(8);
        let offset = 0;
        const take = (): void => {
          expect(inColumns.take(arrivals)).toBe(arrivals.count);
          arrivals.reset();
        };
        for (const { series, sample, times } of entries) {
          for (let i = 0; i < times; i++, offset++) {
            // Every other one as what is plain comes: with nothing in the other columns.
            const plain: Sample = { ...double(sample.timeUs + i, i), kind: ValueKind.float };
            const one = i % 2 === 0 ? sample : plain;
            arrivals.add(series, one.timeUs, offset, one, Number.NaN);
            if (one === plain) markPlain(arrivals);
            oneByOne.append(series, one.timeUs, offset, one, Number.NaN);
            if (arrivals.isFull) take();
          }
        }
        take();
        expect(inColumns.count).toBe(oneByOne.count);
        for (let series = 0; series <= 200; series++) {
          expect(listed(inColumns.blocks(series, 0))).toEqual(listed(oneByOne.blocks(series, 0)));
          expect(inColumns.totals.samples[series]).toBe(oneByOne.totals.samples[series]);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('takes up to where it is full, and the rest when it is empty again', () => {
    const memtable = new Memtable(2.1 * SLAB_BYTES);
    const arrivals = new Arrivals();
    let taken = 0;
    for (let offset = 0; taken === arrivals.count;) {
      arrivals.reset();
      for (; !arrivals.isFull; offset++) arrivals.add(offset % 7, offset, offset, double(offset), Number.NaN);
      for (let row = 0; row < arrivals.count; row++) arrivals.extras[row] = 0;
      taken = memtable.take(arrivals);
    }
    expect([memtable.full, taken < arrivals.count]).toEqual([true, true]);
    const held = Array.from({ length: 7 }, (_, series) => memtable.blocks(series, 0)).flatMap(listed);
    expect(held).toHaveLength(memtable.count);
    const last = arrivals.points.offsets[taken - 1] ?? 0;
    expect(memtable.count).toBe(last + 1);
    expect(memtable.count).toBeGreaterThan(8192);
    expect(memtable.bytes).toBeLessThanOrEqual(2.1 * SLAB_BYTES);
    expect(memtable.successor(true).take(arrivals)).toBe(arrivals.count);
  });

  test('late samples between two pages do not have everything sorted again', () => {
    const memtable = new Memtable(LARGE);
    const count = 400_000;
    for (let i = 0; i < count; i++) memtable.append(0, (i * 7919) % count, i, double(0), Number.NaN);
    const timed = (): number => {
      const sinceMs = performance.now();
      memtable.blocks(0, 0);
      return performance.now() - sinceMs;
    };
    const firstMs = timed();
    const againMs = [1, 2, 3].map((i) => {
      memtable.append(0, i * 1000, count + i, double(0), Number.NaN);
      return timed();
    });
    expect(Math.min(...againMs)).toBeLessThan(firstMs / 4);
  });

  test('cuts blocks at 1,000 samples, and earlier where values are large', () => {
    const memtable = new Memtable(LARGE);
    for (let i = 0; i < 2500; i++) memtable.append(0, i, i, double(i), Number.NaN);
    const blocks = memtable.blocks(0, 0);
    expect([0, 1, 2].map((block) => blocks.samples(block))).toEqual([1000, 1000, 500]);

    for (let i = 0; i < 7; i++) {
      const sample: Sample = { ...double(i), kind: ValueKind.bytes, value: new Uint8Array(300_000).fill(i) };
      memtable.append(1, i, i, sample, Number.NaN);
    }
    const large = memtable.blocks(1, 0);
    expect(Array.from({ length: large.count }, (_, block) => large.samples(block))).toEqual([3, 3, 1]);
    expect(300_000 * 3).toBeLessThan(BLOCK_HEAP_BYTES);
    expect(listed(large)).toHaveLength(7);
  });

  test('is full at its bound, counted in the memory that it takes', () => {
    const memtable = new Memtable(3.1 * SLAB_BYTES);
    let count = 0;
    for (; !memtable.full; count++) memtable.append(count % 10, count, count, double(count), Number.NaN);
    // At most a chunk of each series is empty, and one is not begun.
    expect(count).toBeGreaterThan(3 * 8192 - 11 * MOST_ROWS);
    expect(count).toBeLessThanOrEqual(3 * 8192);
    expect(memtable.bytes).toBeGreaterThan(3 * SLAB_BYTES);
    expect(memtable.bytes).toBeLessThanOrEqual(3.1 * SLAB_BYTES);
  });

  test('is full when strings, device times or server times take its memory', () => {
    const texts = new Memtable(4 * 1024 * 1024);
    const text: Sample = { ...double(0), kind: ValueKind.string, value: 'x'.repeat(100_000) };
    let count = 0;
    for (; !texts.full; count++) texts.append(0, count, count, text, Number.NaN);
    expect(count).toBeGreaterThan(25);
    expect(count).toBeLessThan(42);

    const plain = new Memtable(SLAB_BYTES * 3.1);
    const timed = new Memtable(SLAB_BYTES * 3.1);
    for (let i = 0; i < 16_384; i++) {
      plain.append(0, i, i, double(i), Number.NaN);
      if (!timed.full) timed.append(0, i, i, { ...double(i), serverTimeUs: i }, i);
    }
    expect([plain.full, timed.full]).toEqual([false, true]);
  });

  test('hands its memory on to its successor', () => {
    const first = new Memtable(LARGE);
    for (let i = 0; i < 20_000; i++) first.append(0, i, i, { ...double(i, 1), serverTimeUs: 5 }, 7);
    const second = first.successor(true);
    expect([second.count, second.full, second.has(0)]).toEqual([0, false, false]);
    second.append(0, 3, 1, double(3, 2), Number.NaN);
    const value = second.latest(0, 0);
    expect(value?.sample(0, ['samples'])).toMatchObject({
      timeUs: 3,
      value: 2,
      deviceTimeUs: null,
      serverTimeUs: null,
    });
  });
});

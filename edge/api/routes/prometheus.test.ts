import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyAll, batchOf, double, LOG, T0, type Tagged, TestFolder } from '../../../historian/kit/history-kit.ts';
import { historyOf } from '../../../historian/kit/tier-kit.ts';
import { Store } from '../../../historian/store/store.ts';
import { StatusCode } from '../../core/status-code.ts';
import { historianBuckets } from '../historian-pages.ts';
import { MemoryServices, sampleAt, serverOf } from '../services-kit.ts';

const TAG = 'plant/a';
const LOOKBACK = 300;
/** A whole hour, s. */
const HOUR = Math.ceil(T0 / 3600e6) * 3600;
const us = (second: number): number => Math.round(second * 1e6);

/** Whole seconds behind the hour, and values; null: not good. */
type Reading = readonly [second: number, value: number | null];

/** Something at each whole minute and between, pauses longer than a value holds, bad values, two values at one time. */
const READINGS: readonly Reading[] = [
  ...Array.from({ length: 60 }, (_, i): Reading => [i * 60, i]),
  ...Array.from({ length: 100 }, (_, i): Reading => [600 + i * 0.25, 1000 + i]),
  [1800, 5000],
  [1800, 5001],
  [1801, null],
  [2000.000001, -1],
  [2399.999999, -2],
  [2400, null],
  [4200, 7],
  ...Array.from({ length: 3000 }, (_, i): Reading => [7200 + i, i % 100]),
];

const folder = new TestFolder();
const store = new Store({ folder: folder.path, log: LOG });
const services = new MemoryServices();
const api = serverOf(services);

function taggedOf([second, value]: Reading): Tagged {
  const timeUs = HOUR * 1e6 + us(second);
  return double(TAG, 0, value ?? 0, { timeUs, ...(value === null ? { quality: StatusCode.Bad } : {}) });
}

beforeAll(async () => {
  store.open();
  await applyAll(store, [batchOf(READINGS.slice(0, 2000).map(taggedOf), 0)]);
  await store.flush();
  await applyAll(store, [batchOf(READINGS.slice(2000).map(taggedOf), 2000)]);
  services.samples.set(TAG, [sampleAt(T0, 0)]);
  const entry = {
    path: TAG,
    id: 1,
    type: 'double',
    unit: null,
    class: 'standard',
    connector: '',
    source: '',
    createdUs: 0,
  } as const;
  const dictionary = { all: () => [entry], find: () => entry };
  services.buckets = (query) => historianBuckets(historyOf(store), dictionary, query);
});

afterAll(async () => {
  await api.close();
  await store.close();
  folder[Symbol.dispose]();
});

async function asked(route: string, parameters: Readonly<Record<string, string | number>>): Promise<unknown> {
  const query = new URLSearchParams(
    Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)]),
  );
  const { body, statusCode } = await api.inject({
    method: 'GET',
    url: `/prometheus/api/v1/${route}?${query.toString()}`,
  });
  expect([statusCode, body]).toEqual([200, body]);
  return JSON.parse(body);
}

/** Values at times behind the hour, s, of a range query. */
async function range(query: string, start: number, step: number, count: number): Promise<[number, number][]> {
  const span = { start: HOUR + start, end: HOUR + start + (count - 1) * step, step };
  const { data } = (await asked('query_range', { query, ...span })) as {
    data: { result: { values: [number, string][] }[] };
  };
  return (data.result[0]?.values ?? []).map(([time, value]) => [time - HOUR, Number(value)]);
}

/** The value at a time behind the hour, s, of an instant query. */
async function instant(query: string, time: number): Promise<number | undefined> {
  const { data } = (await asked('query', { query, time: HOUR + time })) as {
    data: { result: { value: [number, string] }[] };
  };
  const [row] = data.result;
  return row === undefined ? undefined : Number(row.value[1]);
}

/** By time, µs behind the hour: of several at one time the last one. */
const good = READINGS.flatMap(([second, value]): [number, number][] => (value === null ? [] : [[us(second), value]]))
  .toSorted(([a], [b]) => a - b)
  .filter(([timeUs], i, all) => all[i + 1]?.[0] !== timeUs);

/** As Prometheus defines a selector: the last one in (t - lookback, t]. */
function held(time: number, lookback = LOOKBACK): number | undefined {
  return good.findLast(([timeUs]) => timeUs <= us(time) && timeUs > us(time) - us(lookback))?.[1];
}

/** The values in a window [t - length, t). */
function inWindow(time: number, length: number): number[] {
  return good.filter(([timeUs]) => timeUs >= us(time) - us(length) && timeUs < us(time)).map(([, value]) => value);
}

describe('a selector', () => {
  test('has a sample that lies at the very time, in both routes', async () => {
    expect(await range('millrace', 0, 60, 3)).toEqual([
      [0, 0],
      [60, 1],
      [120, 2],
    ]);
    expect(await instant('millrace', 60)).toBe(1);
    expect(await instant('millrace', 59.999)).toBe(0);
    // Of several at one time the last counts; what is not good is none.
    expect(await instant('millrace', 1800)).toBe(5001);
    expect(await instant('millrace', 1801)).toBe(5001);
    expect(await range('millrace', 1801, 1, 2)).toEqual([
      [1801, 5001],
      [1802, 5001],
    ]);
  });

  test('holds a value for less than five minutes, to the millisecond', async () => {
    expect([await instant('millrace', 4200 + 299.999), await instant('millrace', 4500)]).toEqual([7, undefined]);
    expect(await range('millrace', 4440, 30, 3)).toEqual([
      [4440, 7],
      [4470, 7],
    ]);
    // Or for one step, where that is longer.
    expect(await range('millrace', 4400, 1000, 2)).toEqual([[4400, 7]]);
    expect(await range('millrace', 5000, 1000, 2)).toEqual([[5000, 7]]);
  });

  test('gives at any time and step what the definition gives, in both routes', async () => {
    const anySecond = fc.oneof(
      fc.constantFrom(...READINGS.map(([second]) => second)),
      fc.integer({ min: -400, max: 11_000 }),
      fc.integer({ min: -400_000, max: 11_000_000 }).map((ms) => ms / 1000),
    );
    const anyStep = fc.oneof(
      fc.constantFrom(0.25, 1, 7, 15, 60, 70, 300, 3600),
      fc.integer({ min: 1, max: 500_000 }).map((ms) => ms / 1000),
    );
    await fc.assert(
      fc.asyncProperty(anySecond, anyStep, fc.integer({ min: 1, max: 60 }), async (at, step, count) => {
        // Times are read in ms.
        const start = Math.round(at * 1000) / 1000;
        const times = Array.from({ length: count }, (_, i) => Math.round((start + i * step) * 1000) / 1000);
        const expected = times.flatMap((time): [number, number][] => {
          const value = held(time, Math.max(LOOKBACK, step));
          return value === undefined ? [] : [[time, value]];
        });
        const found = await range('millrace', start, step, count);
        expect(found.map(([time, value]) => [Math.round(time * 1000) / 1000, value])).toEqual(expected);
        expect(await instant('millrace', start)).toBe(held(start));
      }),
      { numRuns: 150 },
    );
  });
});

describe('a window', () => {
  test('begins with its first moment and ends before its last one, in both routes', async () => {
    expect(await range('count_over_time(millrace[1m])', 60, 60, 2)).toEqual([
      [60, 1],
      [120, 1],
    ]);
    expect(await instant('last_over_time(millrace[1m])', 60)).toBe(0);
    expect(await instant('last_over_time(millrace[1m])', 60.001)).toBe(1);
    expect(await instant('count_over_time(millrace[1h])', 3600)).toBe(inWindow(3600, 3600).length);
  });

  test('has the same values at any time, step and length in both routes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constantFrom(0, 60, 600, 1800, 2400, 7200), fc.integer({ min: 0, max: 11_000 })),
        fc.constantFrom(1, 7, 15, 60, 90, 300),
        fc.constantFrom(1, 30, 60, 90, 300, 3600),
        fc.integer({ min: 1, max: 20 }),
        async (start, step, length, count) => {
          const times = Array.from({ length: count }, (_, i) => start + i * step);
          const expected = times.flatMap((time): [number, number][] => {
            const values = inWindow(time, length);
            return values.length === 0 ? [] : [[time, Math.max(...values)]];
          });
          expect(await range(`max_over_time(millrace[${length}s])`, start, step, count)).toEqual(expected);
          const sum = inWindow(start, length).reduce((total, value) => total + value, 0);
          expect((await instant(`sum_over_time(millrace[${length}s])`, start)) ?? 0).toBeCloseTo(sum, 6);
        },
      ),
      { numRuns: 100 },
    );
  });
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Flag } from '../../edge/core/flags.ts';
import { CrashDisk, seeded } from '../../edge/core/kit/crash-disk.ts';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import type { AggregateFunction } from '../aggregates/aggregate.ts';
import { lacksPower } from '../kit/failure-kit.ts';
import { EVER, pageOf, samplesOf, type Tagged } from '../kit/history-kit.ts';
import { at, DAY0, DAY_US, HOUR_US, MINUTE_US, RollupWorld as World, type Row, TAG, walk } from '../kit/rollups-kit.ts';

/** The same rows; means within 1e-12 of the greatest value: in a summary the sum of decimal numbers is exact, out of samples doubles are added. */
function expectSame(found: readonly Row[], expected: readonly Row[]): void {
  const unlike = expected.flatMap((row, i) => {
    const [mean, least, greatest] = [row[1], row[2], row[3]].map(Number);
    const most = Math.max(Math.abs(least ?? 0), Math.abs(greatest ?? 0));
    const other = found[i] ?? [];
    const isClose = Math.abs(Number(other[1]) - (mean ?? 0)) <= most * 1e-12;
    const isSame = row.every((value, column) => column === 1 || Object.is(value, other[column]));
    return isClose && isSame ? [] : [[row, other]];
  });
  expect(unlike).toEqual([]);
  expect(found).toHaveLength(expected.length);
}

/** Six hours of the first day. */
const sixHours = walk(21_600);

/** Samples of one kind, some of them bad or without a value. */
const anyLife = fc.record({
  kind: fc.constantFrom('boolean', 'long', 'double', 'float'),
  divisor: fc.constantFrom(1, 100, 0.1, 3),
  most: fc.constantFrom(1, 1000, 1e9),
  stepMs: fc.constantFrom(250, 1000, 1001, 7000, 100_000),
  count: fc.integer({ min: 1, max: 700 }),
  shift: fc.integer({ min: -3600, max: 3600 }),
  /** Into how many parts they come. */
  late: fc.nat(3),
  seed: fc.nat(),
});
type AnyLife = typeof anyLife extends fc.Arbitrary<infer Life> ? Life : never;

function samplesOfLife({ kind, divisor, most, stepMs, count, shift, seed }: AnyLife): Tagged[] {
  const random = seeded(seed);
  const valueOf = (): Pick<Sample, 'kind' | 'value'> => {
    const value = (random(2 * most + 1) - most) / divisor;
    if (random(30) === 0) return { kind: ValueKind.null, value: null };
    if (kind === 'boolean') return { kind: ValueKind.boolean, value: value > 0 };
    if (kind === 'long') return { kind: ValueKind.long, value: Math.round(value) };
    if (kind === 'float') return { kind: ValueKind.float, value: Math.fround(value) };
    return { kind: ValueKind.double, value };
  };
  return Array.from({ length: count }, (_, i): Tagged => {
    const timeUs = DAY0 + 12 * HOUR_US + shift * 1e6 + i * stepMs * 1000 + random(3) * 1000;
    const quality = random(20) === 0 ? 0x80310000 : 0;
    return { tag: TAG, sample: { ...valueOf(), timeUs, quality, flags: 0, serverTimeUs: null } };
  });
}

describe('roll-ups', () => {
  test('take the place of samples that have expired: minutes, then hours, then days, then nothing', async () => {
    using world = new World();
    await world.day(0, sixHours);
    const [minutes, hours, days] = [world.buckets(MINUTE_US), world.buckets(HOUR_US), world.buckets(DAY_US)];
    expect(minutes.rows).toHaveLength(1440);
    const ofSamples = world.bytes;

    await world.expire(11.5);
    expect(samplesOf(world.store, { tag: TAG, ...EVER })).toEqual([]);
    expect(pageOf(world.store, { tag: TAG, ...EVER }).gaps).toMatchObject([{ reason: 'expired' }]);
    expectSame(world.buckets(MINUTE_US).rows, minutes.rows);
    expectSame(world.buckets(HOUR_US).rows, hours.rows);
    const ofMinutes = world.bytes;
    expect(ofMinutes / 360).toBeLessThan(20);
    expect(ofMinutes).toBeLessThan(ofSamples);
    expect(world.buckets(MINUTE_US / 2).gaps[0]).toMatchObject({
      reason: 'expired',
      samples: 60,
      detail: 'Only a roll-up is left: aggregates of whole minutes (UTC) have an answer.',
    });

    await world.expire(21.5);
    expectSame(world.buckets(HOUR_US).rows, hours.rows);
    expectSame(world.buckets(DAY_US).rows, days.rows);
    expect(world.bytes).toBeLessThan(ofMinutes / 10);
    const inMinutes = world.buckets(MINUTE_US);
    expect(inMinutes.rows.map(([, , , , count]) => count).every((count) => count === 0)).toBe(true);
    expect(inMinutes.gaps).toHaveLength(6);
    expect(inMinutes.gaps[0]?.detail).toContain('whole hours');

    await world.expire(41.5);
    expectSame(world.buckets(DAY_US).rows, days.rows);
    expect(world.buckets(HOUR_US).gaps[0]?.detail).toContain('whole days');

    await world.expire(90);
    expect(world.buckets(DAY_US)).toMatchObject({
      rows: [[DAY0, null, null, null, 0, null, null]],
      gaps: [{ reason: 'expired', samples: 21_600 }],
    });
    expect(world.store.samples).toBe(21_600);
    await world.reopen();
    expect(world.store.samples).toBe(21_600);
    await world.store.close();
  });

  test('answer the aggregates of Part 13 that need no single sample, also what stands before and behind the intervals', async () => {
    using world = new World();
    await world.day(0, walk(3 * 3600));
    const functions = [
      'Average',
      'TimeAverage',
      'Total',
      'TimeAverage2',
      'Total2',
      'Count',
      'DurationGood',
      'PercentGood',
      'Start',
      'End',
      'Delta',
      'Range',
    ] as const;
    const ask = (name: AggregateFunction): unknown[][] =>
      world.calculated([name], HOUR_US, DAY0 + HOUR_US, DAY0 + 2 * HOUR_US);
    const before = functions.map(ask);
    await world.expire(21.5);
    const after = functions.map(ask);
    expect(before.every((columns) => columns.length === 1)).toBe(true);
    expect(after).toEqual(before);
    await world.store.close();
  });

  test('of slow tags are not made: their samples are kept for aggregates, and shown to nobody else', async () => {
    using world = new World();
    await world.day(
      0,
      Array.from({ length: 144 }, (_, i) => at(i * 600, i)),
    );
    const fine = world.buckets(MINUTE_US * 10);
    await world.expire(11.5);
    const { files } = world;
    expect(samplesOf(world.store, { tag: TAG, ...EVER })).toEqual([]);
    expectSame(world.buckets(MINUTE_US * 10).rows, fine.rows);
    await world.expire(11.6);
    expect(world.files).toEqual(files);
    await world.expire(41.5);
    expect(world.buckets(MINUTE_US * 10).gaps[0]?.detail).toContain('whole days');
    expect(world.buckets(DAY_US).rows).toMatchObject([[DAY0, 71.5, 0, 143, 144, 0, 143]]);
    await world.store.close();
  });

  test('are made once: a file is not written again until the next time is over', async () => {
    using world = new World();
    await world.day(0, walk(7200));
    await world.expire(11.5);
    const { files } = world;
    for (const day of [11.6, 13, 16, 19]) await world.expire(day);
    await world.reopen();
    await world.expire(19.5);
    expect(world.files).toEqual(files);
    expect(world.store.manifest.files[0]?.thinned?.['samples']).toHaveLength(1);
    await world.expire(21.5);
    expect(world.files).not.toEqual(files);
    await world.store.close();
  });

  test('are not made of strings, and those go', async () => {
    using world = new World();
    const text = { kind: ValueKind.string, value: 'running' } as const;
    await world.day(0, [...walk(120), at(60.5, 0, { ...text, timeUs: DAY0 + 60.5e6 })]);
    await world.expire(11.5);
    expect(world.buckets(MINUTE_US, DAY0, DAY0 + 2 * MINUTE_US).rows.map((row) => row[4])).toEqual([60, 60]);
    const [gap] = world.buckets(MINUTE_US).gaps;
    expect(gap).toMatchObject({ reason: 'expired', samples: 1, fromUs: DAY0 + 60.5e6 });
    expect(world.store.samples).toBe(121);
    await world.store.close();
  });

  test('stand beside what comes late: its samples are shown, and both count', async () => {
    using world = new World();
    await world.day(0, walk(7200));
    await world.expire(11.5);
    await world.day(12, [at(90.5, 1000), at(91.5, 1000, { flags: Flag.backfilled })]);
    const counted = (): unknown[] =>
      world.buckets(MINUTE_US, DAY0, DAY0 + 3 * MINUTE_US).rows.map((row) => [row[3], row[4]]);
    const expected = counted();
    expect(expected).toMatchObject([
      [expect.any(Number), 60],
      [1000, 62],
      [expect.any(Number), 60],
    ]);
    expect(world.buckets(MINUTE_US).gaps).toEqual([]);
    expect(samplesOf(world.store, { tag: TAG, ...EVER })).toHaveLength(2);
    await world.expire(23);
    expect(samplesOf(world.store, { tag: TAG, ...EVER })).toEqual([]);
    expect(world.buckets(HOUR_US, DAY0, DAY0 + HOUR_US).rows).toMatchObject([
      [DAY0, expect.any(Number), expect.any(Number), 1000, 3602, expect.any(Number), expect.any(Number)],
    ]);
    expect(world.store.samples).toBe(7202);
    await world.store.close();
  });

  test('are not made of what came late, however often its file is written again, until its own time is over', async () => {
    using world = new World();
    await world.day(0, walk(7200));
    await world.expire(11.5);
    // As many in a minute as a summary is worth, and some to be erased.
    const late = walk(120, 60).map(({ tag, sample }) => ({ tag, sample: { ...sample, timeUs: sample.timeUs + 5e5 } }));
    await world.day(12, [...late, at(8000, 1)]);
    const { files } = world;
    const erasure = world.store.erase({ tags: { paths: [TAG] }, fromUs: DAY0 + 8000e6, toUs: DAY0 + 8001e6 });
    await world.store.erased(erasure);
    expect(world.files).not.toEqual(files);
    const shown = (): number[] => samplesOf(world.store, { tag: TAG, ...EVER }).map(({ timeUs }) => timeUs);
    expect(shown()).toEqual(late.map(({ sample }) => sample.timeUs));
    const counted = (widthUs: number): unknown[] =>
      world.buckets(widthUs, DAY0, DAY0 + 3 * MINUTE_US).rows.map((row) => row[4]);
    expect(counted(MINUTE_US / 2)).toEqual([0, 0, 30, 30, 30, 30]);
    // What came first is of hours by now, what came late of minutes.
    await world.expire(23);
    expect(shown()).toEqual([]);
    expect(counted(MINUTE_US)).toEqual([0, 60, 60]);
    expect(world.buckets(MINUTE_US).gaps[0]?.detail).toContain('whole hours');
    await world.expire(33);
    expect(counted(MINUTE_US)).toEqual([0, 0, 0]);
    expect(world.buckets(HOUR_US, DAY0, DAY0 + HOUR_US).rows[0]?.[4]).toBe(3720);
    await world.store.close();
  });

  test('are made of 32 samples of a unit, and not of 31', async () => {
    using world = new World();
    await world.day(0, [...walk(31), ...walk(32, 60)]);
    await world.expire(11.5);
    const halves = world.buckets(MINUTE_US / 2, DAY0, DAY0 + 2 * MINUTE_US);
    expect(halves.rows.map((row) => row[4])).toEqual([30, 1, 0, 0]);
    expect(halves.gaps).toMatchObject([{ fromUs: DAY0 + 60e6, toUs: DAY0 + 91e6 + 1, samples: 32 }]);
    await world.store.close();
  });

  test('are made of the numbers before, between and behind strings', async () => {
    using world = new World();
    const text = { kind: ValueKind.string, value: 'running' } as const;
    const mixed = walk(120).map((sample, i) => (i % 40 === 20 ? at(i, 0, text) : sample));
    await world.day(0, mixed);
    await world.expire(11.5);
    expect(world.buckets(MINUTE_US, DAY0, DAY0 + 2 * MINUTE_US).rows.map((row) => row[4])).toEqual([59, 58]);
    expect(world.buckets(MINUTE_US).gaps.map(({ samples }) => samples)).toEqual([3]);
    expect(world.store.samples).toBe(120);
    await world.store.close();
  });

  test('that an erasure cuts go as a whole, and that is said', async () => {
    using world = new World();
    await world.day(0, walk(7200));
    await world.expire(11.5);
    const erasure = world.store.erase({ tags: { paths: [TAG] }, fromUs: DAY0 + 90e6, toUs: DAY0 + 240e6 });
    const answer = (): unknown => world.buckets(MINUTE_US, DAY0, DAY0 + 5 * MINUTE_US).rows.map((row) => row[4]);
    expect(answer()).toEqual([60, 0, 0, 0, 60]);
    expect(world.buckets(MINUTE_US).gaps).toMatchObject([
      { reason: 'expired', fromUs: DAY0 + 60e6, toUs: DAY0 + 119e6 + 1, samples: 60 },
    ]);
    await world.store.flush();
    await world.store.erased(erasure);
    expect(answer()).toEqual([60, 0, 0, 0, 60]);
    expect(world.buckets(MINUTE_US).gaps).toMatchObject([{ reason: 'expired', fromUs: DAY0 + 60e6, samples: 60 }]);
    expect(world.store.samples).toBe(7200);
    await world.store.close();
  });

  test('switched off: what has expired goes, roll-ups with it', async () => {
    using world = new World();
    await world.day(0, walk(7200));
    await world.expire(11.5);
    expect(world.buckets(DAY_US).rows[0]?.[4]).toBe(7200);
    await world.reopen({ rollupsMs: [] });
    await world.expire(11.6);
    expect(world.buckets(DAY_US)).toMatchObject({
      rows: [[DAY0, null, null, null, 0, null, null]],
      gaps: [{ samples: 7200 }],
    });
    await world.store.close();
  });

  test('are there as a whole after a crash, or the samples are', async () => {
    let calls = 0;
    for (let survived = false; !survived; calls++) {
      const disk = new CrashDisk();
      using world = new World({ disk, folder: '/data/historian', report: () => undefined });
      await world.day(0, walk(600));
      const expected = world.buckets(MINUTE_US);
      disk.callsLeft = calls;
      await world.expire(11.5).catch((error: unknown) => {
        if (!lacksPower(error)) throw error;
      });
      survived = disk.callsLeft > 0;
      disk.callsLeft = 0;
      await world.store.close();
      disk.crash(seeded(calls));
      world.store = world.opened();
      expectSame(world.buckets(MINUTE_US).rows, expected.rows);
      await world.expire(11.7);
      expectSame(world.buckets(MINUTE_US).rows, expected.rows);
      expect(world.files).toHaveLength(1);
      expect([samplesOf(world.store, { tag: TAG, ...EVER }), world.store.samples]).toEqual([[], 600]);
      await world.store.close();
    }
    expect(calls).toBeGreaterThan(10);
  });

  test('of any samples are what the samples were, on whole minutes, hours and days', async () => {
    await fc.assert(
      fc.asyncProperty(anyLife, async (life) => {
        using world = new World();
        const samples = samplesOfLife(life);
        const cut = life.late === 0 ? life.count : Math.ceil(life.count / (life.late + 1));
        await world.day(0, samples.slice(0, cut));
        if (cut < life.count) await world.day(1, samples.slice(cut));
        const rows = (widthUs: number): readonly Row[] => world.buckets(widthUs, DAY0, DAY0 + 3 * DAY_US).rows;
        const [minutes, hours, days] = [rows(MINUTE_US), rows(HOUR_US), rows(DAY_US)];
        await world.expire(13);
        expectSame(rows(MINUTE_US), minutes);
        await world.expire(23);
        expectSame(rows(HOUR_US), hours);
        await world.expire(44);
        expectSame(rows(DAY_US), days);
        expect(world.store.samples).toBe(life.count);
        await world.expire(90);
        expect(world.buckets(DAY_US, DAY0, DAY0 + 3 * DAY_US).rows.map((row) => row[4])).toEqual([0, 0, 0]);
        await world.store.close();
      }),
      { numRuns: 60 },
    );
  });
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InfoBits, located } from '../aggregates/status.ts';
import { anyLengths, anyRows, BAD, cut, pieceOfRows, type Row, row, rowsOf, UNCERTAIN } from './analysis-kit.ts';
import { AtTime, type AtTimeOptions, type AtTimeRule } from './at-time.ts';
import { counts } from './piece.ts';

const RAW = located(0, InfoBits.raw);
const INTERPOLATED = located(0, InfoBits.interpolated);
const SUBNORMAL = located(0x40a40000, InfoBits.interpolated);
const NO_DATA = 0x809b0000;

function ask(
  rows: readonly Row[],
  times: readonly number[],
  options: AtTimeOptions,
  lengths = [rows.length + 1],
): Row[] {
  const reader = new AtTime(Float64Array.from(times), options);
  for (const piece of cut(rows, lengths)) reader.add(piece);
  reader.finish();
  return rowsOf(reader.out);
}

/** `[value, StatusCode]` of each answer. */
const answers = (rows: readonly Row[]): [number, number][] =>
  rows.map(({ value, quality }) => [Math.round(value * 1000) / 1000, quality]);

/** Seconds behind 12:00:00. */
const second = 1_000_000;
const at = (seconds: number, value: number, quality?: number): Row => row(seconds * second, value, quality);
const everyFive = (from: number, to: number): number[] =>
  Array.from({ length: (to - from) / 5 + 1 }, (_, i) => (from + i * 5) * second);

/** Example data of OPC UA Part 13, annex A.1: Historian 1 and 2. */
const historian1 = [10, 20, 30, 40, 50, 60, 70, 80, 90].map((value) =>
  at(value, value, value === 40 ? BAD : value === 70 ? UNCERTAIN : 0),
);
const historian2 = [
  [2, 10],
  [25, 20],
  [28, 25],
  [39, 30],
  [42, Number.NaN],
  [48, 40],
  [52, 50],
  [72, 60],
  [77, 70],
  [83, 70],
  [86, 80],
  [90, 90],
].map(([seconds = 0, value = 0]) => at(seconds, value, seconds === 42 ? BAD : seconds === 77 ? UNCERTAIN : 0));

describe('values at given times', () => {
  test('are those of the example of Part 13, annex A.2.2, Historian 1', () => {
    const options = { rule: 'interpolated', stepped: false, uncertainIsBad: false } as const;
    expect(answers(ask(historian1, everyFive(0, 95), options))).toEqual([
      [Number.NaN, NO_DATA],
      [Number.NaN, NO_DATA],
      [10, RAW],
      [15, INTERPOLATED],
      [20, RAW],
      [25, INTERPOLATED],
      [30, RAW],
      [35, SUBNORMAL],
      [40, SUBNORMAL],
      [45, SUBNORMAL],
      [50, RAW],
      [55, INTERPOLATED],
      [60, RAW],
      [65, SUBNORMAL],
      [70, located(UNCERTAIN, InfoBits.raw)],
      [75, SUBNORMAL],
      [80, RAW],
      [85, INTERPOLATED],
      [90, RAW],
      [90, SUBNORMAL],
    ]);
  });

  test('are those of the example of Part 13, annex A.2.2, Historian 2', () => {
    const options = { rule: 'interpolated', stepped: false } as const;
    const [nothing, ...rest] = answers(ask(historian2, everyFive(0, 90), options));
    expect(nothing).toEqual([Number.NaN, NO_DATA]);
    expect(rest).toEqual([
      [11.304, INTERPOLATED],
      [13.478, INTERPOLATED],
      [15.652, INTERPOLATED],
      [17.826, INTERPOLATED],
      [20, RAW],
      [25.909, INTERPOLATED],
      [28.182, INTERPOLATED],
      [31.111, SUBNORMAL],
      [36.667, SUBNORMAL],
      [45, INTERPOLATED],
      [51.5, INTERPOLATED],
      [54, INTERPOLATED],
      [56.5, INTERPOLATED],
      [59, INTERPOLATED],
      [62.727, SUBNORMAL],
      [67.273, SUBNORMAL],
      [76.667, INTERPOLATED],
      [90, RAW],
    ]);
  });

  test('with simple bounds are nothing in a gap, and the value before it up to the bad sample', () => {
    const times = [35, 40, 45, 55, 95].map((seconds) => seconds * second);
    const simple = { rule: 'simple', stepped: false, uncertainIsBad: false } as const;
    const nothing = [Number.NaN, NO_DATA];
    const sloped = answers(ask(historian1, times, simple));
    expect(sloped).toEqual([[30, SUBNORMAL], nothing, nothing, [55, INTERPOLATED], nothing]);
    const stepped = answers(ask(historian1, times, { ...simple, stepped: true }));
    expect(stepped).toEqual([[30, INTERPOLATED], nothing, nothing, [50, INTERPOLATED], [90, SUBNORMAL]]);
  });

  test('hold, or go on with the slope, behind the last sample', () => {
    const rows = [at(0, 10), at(10, 20), at(20, 30)];
    const times = [25 * second, 27 * second];
    const sloped = { rule: 'interpolated', stepped: false, slopedExtrapolation: true } as const;
    // The table of Part 13, 3.1.6.
    expect(answers(ask(rows, times, sloped))).toEqual([
      [35, SUBNORMAL],
      [37, SUBNORMAL],
    ]);
    const held = [
      [30, SUBNORMAL],
      [30, SUBNORMAL],
    ];
    expect(answers(ask(rows, times, { ...sloped, slopedExtrapolation: false }))).toEqual(held);
    expect(answers(ask(rows, times, { ...sloped, stepped: true }))).toEqual(held);
  });

  test('can be the previous or the next good sample, with its own time', () => {
    const times = Float64Array.of(35 * second, 40 * second, 95 * second);
    const found = (rule: AtTimeRule): [number, number][] => {
      const reader = new AtTime(times, { rule, stepped: false });
      reader.add(pieceOfRows(historian1));
      reader.finish();
      return rowsOf(reader.out).map(({ value }, i) => [value, (reader.out.sampleTimes[i] ?? 0) / second]);
    };
    expect(found('previous-good')).toEqual([
      [30, 30],
      [30, 30],
      [90, 90],
    ]);
    expect(found('next-good')).toEqual([
      [50, 50],
      [50, 50],
      [Number.NaN, Number.NaN],
    ]);
  });

  test('of two samples at one time are of the last good one', () => {
    const rows = [at(10, 1), at(10, 2), at(10, 3, BAD), at(20, 4)];
    const times = [10 * second, 15 * second];
    expect(answers(ask(rows, times, { rule: 'interpolated', stepped: false }))).toEqual([
      [2, RAW],
      [3, INTERPOLATED],
    ]);
  });

  test('do not leave the doubles between two that are far apart', () => {
    const rows = [at(0, -1.7e308), at(10, 1.7e308)];
    expect(ask(rows, [5 * second], { rule: 'interpolated', stepped: false })[0]?.value).toBe(0);
  });
});

/** The rules again, for a list. */
function naive(
  rows: readonly Row[],
  timeUs: number,
  { rule, stepped, uncertainIsBad = true, slopedExtrapolation }: AtTimeOptions,
): Row {
  const isGood = (one: Row | undefined): boolean => one !== undefined && counts(one.value, one.quality, uncertainIsBad);
  const groups = [...Map.groupBy(rows, (one) => one.timeUs).values()];
  const distinct = groups.map((group) => group.findLast(isGood) ?? group.at(-1) ?? row(0, 0));
  const nothing = row(timeUs, Number.NaN, NO_DATA);
  const raw = (one: Row | undefined): Row =>
    one === undefined ? nothing : row(timeUs, one.value, located(one.quality, InfoBits.raw));
  const here = distinct.find((one) => one.timeUs === timeUs);
  const good = distinct.filter(isGood);
  if (isGood(here)) return raw(here);
  if (rule === 'exact') return here === undefined ? nothing : row(timeUs, Number.NaN, located(here.quality, 0));
  if (rule === 'next-good') return raw(good.find((one) => one.timeUs > timeUs));
  const before = good.findLast((one) => one.timeUs < timeUs);
  if (rule === 'previous-good') return raw(before);
  const [last, after] = [distinct.findLast((one) => one.timeUs < timeUs), distinct.find((one) => one.timeUs > timeUs)];
  if (before === undefined || (rule === 'simple' && (here !== undefined || last !== before))) return nothing;
  const goodAfter = good.find((one) => one.timeUs > timeUs);
  const reach = stepped ? timeUs + 0.5 : (goodAfter?.timeUs ?? 0);
  const skips = distinct.some((one) => !isGood(one) && one.timeUs > before.timeUs && one.timeUs < reach);
  const sure = before.quality >>> 30 === 0 && !skips;
  const held = row(timeUs, before.value, SUBNORMAL);
  if (stepped) return after === undefined || !sure ? held : { ...held, quality: INTERPOLATED };
  const line = (a: Row, b: Row): number =>
    a.value + (b.value - a.value) * ((timeUs - a.timeUs) / (b.timeUs - a.timeUs));
  if (rule === 'simple' && after === undefined) return nothing;
  if (rule === 'simple' && !isGood(after)) return held;
  if (goodAfter !== undefined)
    return row(timeUs, line(before, goodAfter), sure && goodAfter.quality >>> 30 === 0 ? INTERPOLATED : SUBNORMAL);
  const earlier = good.at(-2);
  return slopedExtrapolation === true && earlier !== undefined ? { ...held, value: line(earlier, before) } : held;
}

test('values at given times are the same for pieces of any size, any limit, and those of a list', () => {
  const anyOptions: fc.Arbitrary<AtTimeOptions> = fc.record({
    rule: fc.constantFrom<AtTimeRule>('interpolated', 'simple', 'previous-good', 'next-good', 'exact'),
    stepped: fc.boolean(),
    uncertainIsBad: fc.boolean(),
    slopedExtrapolation: fc.boolean(),
  });
  const anyTimes = fc
    .array(fc.integer({ min: -2, max: 80 }), { maxLength: 30 })
    .map((times) => times.toSorted((a, b) => a - b));
  fc.assert(
    fc.property(
      anyRows(fc.integer({ min: -50, max: 50 }), 30),
      anyTimes,
      anyOptions,
      anyLengths,
      fc.integer({ min: 1, max: 9 }),
      (rows, times, options, lengths, step) => {
        const reader = new AtTime(Float64Array.from(times), options);
        const found: Row[] = [];
        // The limit goes up by `step` whenever it is reached.
        const drain = (): void => {
          found.push(...rowsOf(reader.out));
          reader.out.reset();
          reader.limit = Math.min(reader.answered + step, times.length);
        };
        drain();
        for (const piece of cut(rows, lengths)) {
          for (
            let taken = reader.add(piece);
            taken < piece.count && reader.answered < times.length;
            taken = reader.add(piece, taken)
          )
            drain();
        }
        do {
          reader.finish();
          drain();
        } while (reader.answered < times.length);
        expect(found).toEqual(times.map((timeUs) => naive(rows, timeUs, options)));
      },
    ),
    { numRuns: 500 },
  );
});

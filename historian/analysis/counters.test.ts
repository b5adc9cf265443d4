import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyLengths, anyRows, BAD, cut, pieceOfRows, type Row, row, rowsOf } from './analysis-kit.ts';
import { type CounterRules, counterSchema, readStep, type Replacement } from './counter-rules.ts';
import { Counter, CounterMark } from './counters.ts';

const second = 1_000_000;
const at = (seconds: number, value: number, quality?: number): Row => row(seconds * second, value, quality);
const plain: CounterRules = { correction: 0 };
const bits16: CounterRules = { rollover: 65_536, maxPerSecond: 100, correction: 0 };

/** Amounts of the steps, marks, and events. */
function count(
  rules: CounterRules,
  rows: readonly Row[],
  { lengths = [1000], replacements = [] as Replacement[] } = {},
) {
  const counter = new Counter(rules, replacements);
  const amounts: number[] = [];
  const marks: number[] = [];
  const take = (steps: ReturnType<Counter['add']>): void => {
    amounts.push(...rowsOf(steps).map(({ value }) => value));
    marks.push(...steps.marks.subarray(0, steps.count));
  };
  for (const piece of cut(rows, lengths)) take(counter.add(piece));
  take(counter.finish());
  return { amounts, marks, events: counter.events, impossible: counter.impossible };
}

/** How each step is read: before, after, seconds between them; kind, amount, and the other reading of it. */
const steps: readonly (readonly [CounterRules, number, number, number, string, number, number | null | 'sure'])[] = [
  // Up is counting, unless it is too fast: then it is another device, or a wrong reading.
  [plain, 5, 9, 1, 'count', 4, 'sure'],
  [bits16, 5, 5, 1, 'count', 0, 'sure'],
  [bits16, 5, 106, 1, 'replacement', 0, 101],
  // Time enough for a whole turn: nobody knows how many there were.
  [bits16, 5, 9, 656, 'count', 4, 65_540],
  // Back through the end.
  [bits16, 65_500, 20, 1, 'rollover', 56, 'sure'],
  [{ rollover: 2 ** 32, correction: 0 }, 2 ** 32 - 10, 30, 1, 'rollover', 40, 'sure'],
  [{ rollover: 1_000_000, correction: 0 }, 999_999, 0, 1, 'rollover', 1, 'sure'],
  [{ rollover: 65_536, correction: 0 }, 40_000, 100, 1, 'rollover', 25_636, 100],
  [bits16, 65_500, 20, 656, 'rollover', 56, 65_592],
  [bits16, 60_000, 4000, 100, 'rollover', 9536, 4000],
  [bits16, 60_000, 4000, 656, 'rollover', 9536, 75_072],
  // Too far to the end: it began again from 0.
  [bits16, 30_000, 50, 1, 'reset', 50, 'sure'],
  [{ rollover: 65_536, correction: 0 }, 30_000, 100, 1, 'reset', 100, 0],
  [plain, 30_000, 0, 1, 'reset', 0, 'sure'],
  [plain, 30_000, 100, 1, 'reset', 100, 0],
  // Neither: another device.
  [bits16, 30_000, 20_000, 1, 'replacement', 0, null],
  [plain, 30, -5, 1, 'replacement', 0, null],
  // A small step back sets the reading right.
  [{ correction: 2 }, 1000, 998, 1, 'correction', -2, 'sure'],
  [{ correction: 2 }, 1000, 997, 1, 'reset', 997, 0],
];

/** What is wrong with rules. */
const issues = (rules: unknown): string[] =>
  (counterSchema.safeParse(rules).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

describe('a counter', () => {
  test.each(steps)(
    'with %o from %d to %d in %d s: %s of %d (otherwise %s)',
    (rules, before, after, seconds, kind, amount, other) => {
      expect(readStep(rules, before, after, seconds * second)).toEqual({
        kind,
        amount,
        ambiguous: other !== 'sure',
        other: other === 'sure' ? null : other,
      });
    },
  );

  test('counts on behind bad readings, and says that there was a gap', () => {
    const { amounts, marks, events } = count(plain, [
      at(0, 10),
      at(1, 12),
      at(2, 0, BAD),
      at(3, Number.NaN),
      at(4, 15),
      at(5, 16),
    ]);
    expect(amounts).toEqual([2, 3, 1]);
    expect(marks).toEqual([0, CounterMark.gap, 0]);
    expect(events).toEqual([]);
  });

  test('tells each step that is not simply up, with both readings', () => {
    const { events, marks } = count({ correction: 0 }, [at(0, 10), at(1, 3), at(2, 4)]);
    expect(events).toEqual([
      { kind: 'reset', amount: 3, ambiguous: true, other: 0, sinceUs: 0, timeUs: second, before: 10, after: 3 },
    ]);
    expect(marks).toEqual([CounterMark.reset | CounterMark.ambiguous, 0]);
  });

  test('skips readings that it cannot show, and tells the first of them', () => {
    const { amounts, marks, impossible } = count({ rollover: 100, correction: 0 }, [
      at(0, 10),
      at(1, 100),
      at(2, 200),
      at(3, 12),
    ]);
    expect([amounts, marks]).toEqual([[2], [CounterMark.gap]]);
    expect(impossible).toEqual([{ timeUs: second, reading: 100 }]);
  });

  test('readings that cannot be are told anew where the span begins, however much was read before it', () => {
    const rows = [at(1, 100), at(2, 101), at(3, 102), at(4, 5), at(5, 100)];
    for (const read of [rows, rows.slice(1), rows.slice(2)]) {
      const counter = new Counter({ rollover: 100, correction: 0 }, [], true, 3 * second);
      counter.add(pieceOfRows(read));
      counter.finish();
      const inSpan = counter.impossible.filter(({ timeUs }) => timeUs >= 3 * second);
      expect(inSpan).toEqual([
        { timeUs: 3 * second, reading: 102 },
        { timeUs: 5 * second, reading: 100 },
      ]);
    }
  });

  test('is right over a replacement that somebody has entered: each device counts as long as it is there', () => {
    const known = CounterMark.knownReplacement;
    const replaced = (last: number, first: number, seconds = 1.5): Replacement => {
      return { timeUs: seconds * second, readings: { last, first } };
    };
    const rows = [at(0, 990), at(1, 1000), at(2, 5), at(3, 6)];
    const found = count(plain, rows, { replacements: [replaced(1010, 3)] });
    expect(found.amounts).toEqual([10, 10, 2, 1]);
    expect(found.marks).toEqual([0, known, known, 0]);
    expect(found.events).toEqual([
      {
        kind: 'known-replacement',
        amount: 12,
        ambiguous: false,
        other: null,
        sinceUs: second,
        timeUs: 2 * second,
        before: 1000,
        after: 5,
      },
    ]);
    expect(count(plain, [at(1, 1000), at(2, 4005)], { replacements: [replaced(1001, 4000)] }).amounts).toEqual([1, 5]);
    // Two in a row; one at the very time of a reading, which is of the new device; and the old one goes through its end.
    const two = [replaced(1010, 3, 1.2), replaced(4, 100, 1.4)];
    expect(count(plain, [at(1, 1000), at(2, 105)], { replacements: two }).amounts).toEqual([10, 1, 5]);
    const sharp = count(plain, [at(1, 1000), at(2, 5), at(3, 6)], { replacements: [replaced(1010, 3, 2)] });
    expect([sharp.amounts, sharp.marks]).toEqual([
      [12, 1],
      [known, 0],
    ]);
    const turned = count(bits16, [at(0, 65_530), at(10, 3)], { replacements: [replaced(4, 1, 5)] });
    expect([turned.amounts, turned.marks]).toEqual([
      [10, 2],
      [known | CounterMark.rollover, known],
    ]);
    // What lies before the first reading, or behind the last one, changes nothing.
    const outside = { replacements: [replaced(1, 2, -5), replaced(1, 2, 60)] };
    expect(count(plain, rows.slice(2), outside)).toMatchObject({ amounts: [1], marks: [0], events: [] });
  });

  test('says so where the entered readings contradict those of the device, or nobody knows them', () => {
    const rows = [at(0, 990), at(1, 1000), at(2, 5), at(3, 6)];
    const ask = (readings: Replacement['readings'], rules = plain) =>
      count(rules, rows, { replacements: [{ timeUs: 1.5 * second, readings }] });
    const unknown = CounterMark.replacement | CounterMark.ambiguous;
    // The old one went back; the new one went back; more than there can have been.
    for (const [readings, other, rules] of [
      [{ last: 900, first: 3 }, -98, plain],
      [{ last: 1001, first: 70 }, -64, plain],
      [{ last: 1200, first: 3 }, 202, bits16],
      [null, null, plain],
    ] as const) {
      const found = ask(readings, rules);
      expect([found.amounts, found.marks]).toEqual([
        [10, 0, 1],
        [0, unknown, 0],
      ]);
      expect(found.events).toMatchObject([{ kind: 'replacement', amount: 0, ambiguous: true, other }]);
    }
    // Without an entry a device that begins above the old one would have counted.
    expect(count(plain, [at(0, 10), at(1, 500)], { replacements: [{ timeUs: 1, readings: null }] }).amounts).toEqual([
      0,
    ]);
  });

  test('of any devices one after the other, each with its readings entered, is the sum of what they counted', () => {
    const anyDevice = fc.record({
      first: fc.nat(999),
      counts: fc.array(fc.nat(40), { minLength: 1, maxLength: 8 }),
      unseen: fc.nat(40),
    });
    fc.assert(
      fc.property(fc.array(anyDevice, { minLength: 1, maxLength: 4 }), anyLengths, (devices, lengths) => {
        const rows: Row[] = [];
        const replacements: Replacement[] = [];
        let [timeUs, truth, last] = [0, 0, 0];
        for (const [i, { first, counts, unseen }] of devices.entries()) {
          let stand = first;
          if (i > 0) {
            replacements.push({ timeUs: timeUs + second / 2, readings: { last: last % 1000, first } });
          }
          for (const amount of counts) {
            // What the first device showed before its first reading nobody counts.
            truth += rows.length === 0 ? 0 : amount;
            stand += amount;
            rows.push(row((timeUs += second), stand % 1000));
          }
          if (i + 1 < devices.length) truth += unseen;
          last = stand + unseen;
        }
        const found = count({ rollover: 1000, correction: 0 }, rows, { replacements, lengths });
        expect(found.amounts.reduce((sum, amount) => sum + amount, 0)).toBe(truth);
        expect(found.events.some(({ ambiguous }) => ambiguous)).toBe(false);
        expect(found.events.filter(({ kind }) => kind === 'known-replacement').length).toBe(devices.length - 1);
      }),
    );
  });

  test('of any true count below its rate is right, however often it rolls over', () => {
    const anyRollover = fc.constantFrom(1000, 65_536, 2 ** 32, 999_999.5);
    const anySteps = fc.array(fc.tuple(fc.integer({ min: 1, max: 100 }), fc.nat(1000)), {
      minLength: 1,
      maxLength: 100,
    });
    fc.assert(
      fc.property(anyRollover, anySteps, fc.nat(2 ** 31), anyLengths, (rollover, walk, start, lengths) => {
        let timeUs = 0;
        let truth = start;
        const rows = [row(0, truth % rollover)];
        // At most a tenth of a turn between two readings: at its rate it takes the whole of it.
        for (const [seconds, share] of walk) {
          timeUs += seconds * second;
          truth += (rollover / 1000) * seconds * (share / 1000);
          rows.push(row(timeUs, truth % rollover));
        }
        const { amounts, events } = count(
          { rollover, maxPerSecond: (rollover / 1000) * 1.000_001, correction: rollover * 1e-12 },
          rows,
          { lengths },
        );
        const total = amounts.reduce((sum, amount) => sum + amount, 0);
        expect(Math.abs(total - (truth - start)) / rollover).toBeLessThan(1e-9);
        expect(events.filter(({ ambiguous }) => ambiguous)).toEqual([]);
      }),
    );
  });

  test('gives the same for pieces of any size, and its steps join its readings', () => {
    fc.assert(
      fc.property(anyRows(fc.integer({ min: -3, max: 120 })), anyLengths, (rows, lengths) => {
        const rules: CounterRules = { rollover: 100, correction: 1 };
        const found = count(rules, rows, { lengths });
        expect(found).toEqual(count(rules, rows));
        const counter = new Counter(rules);
        const whole = counter.add(pieceOfRows(rows));
        expect(whole.sinceUs.subarray(1, whole.count)).toEqual(whole.times.subarray(0, Math.max(0, whole.count - 1)));
        // Whatever is not told as an event is simply the difference.
        const special = new Set(found.events.map(({ timeUs }) => timeUs));
        const simple = rowsOf(whole).filter(({ timeUs }) => !special.has(timeUs));
        expect(simple.every(({ value }) => value >= 0)).toBe(true);
      }),
    );
  });

  test('has rules that can be', () => {
    expect(counterSchema.parse({ rollover: 65_536 })).toEqual({ rollover: 65_536, correction: 0 });
    expect(issues({ rollover: 0 })).toEqual(['rollover: a number above 0 and up to 2^53, such as 4294967296']);
    expect(issues({ rollover: '32bit' })).toEqual(['rollover: a number above 0 and up to 2^53, such as 4294967296']);
    expect(issues({ maxPerSecond: -1 })).toEqual(['maxPerSecond: a number above 0 in the unit of the tag a second']);
    expect(issues({ correction: -1 })).toEqual(['correction: a number of at least 0 in the unit of the tag']);
  });
});

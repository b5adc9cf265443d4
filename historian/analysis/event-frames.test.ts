import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { anyLengths, anyRows, BAD, cut, isGoodRow, type Row, row, UNCERTAIN } from './analysis-kit.ts';
import { type Condition, conditionSchema } from './condition.ts';
import { type EventFrame, EventFrames } from './event-frames.ts';

/** A time as the configuration writes it: here in ms or s alone. */
const duration = (expected: string): z.ZodType<number, string> =>
  z
    .string(expected)
    .regex(/^\d+(ms|s)$/, expected)
    .transform((text) => Number.parseInt(text, 10) * (text.endsWith('ms') ? 1 : 1000));
const schema = conditionSchema({ duration });
const second = 1_000_000;
const at = (seconds: number, value: number, quality?: number): Row => row(seconds * second, value, quality);

function search(
  condition: z.input<typeof schema>,
  rows: readonly Row[],
  fromS = 0,
  toS = 1000,
  lengths = [1000],
): EventFrame[] {
  const span = { fromUs: fromS * second, toUs: toS * second };
  return framesOf(new EventFrames(schema.parse(condition), span), rows, lengths);
}

function framesOf(frames: EventFrames, rows: readonly Row[], lengths: number[]): EventFrame[] {
  const found = cut(rows, lengths).flatMap((piece) => frames.add(piece));
  return [...found, ...frames.finish()];
}

/** `start-end bounds`, in seconds. */
const brief = (frames: readonly EventFrame[]): string[] =>
  frames.map(
    ({ startUs, endUs, start, end, certain }) =>
      `${startUs / second}-${endUs / second} ${start} ${end}${certain ? '' : ' ?'}`,
  );

describe('event frames', () => {
  test('above a limit for longer than a time', () => {
    const rows = [at(0, 70), at(100, 85), at(110, 75), at(200, 90), at(300, 95), at(501, 80), at(600, 70)];
    const frames = search({ when: 'above', limit: 80, for: '300s' }, rows);
    expect(frames).toEqual([
      {
        startUs: 200 * second,
        endUs: 501 * second,
        start: 'condition',
        end: 'condition',
        certain: true,
        samples: 2,
        min: 90,
        max: 95,
        mean: expect.closeTo((90 * 100 + 95 * 201) / 301, 10) as number,
        gapUs: 0,
        quality: 0,
      },
    ]);
    expect(brief(search({ when: 'above', limit: 80, for: '301s' }, rows))).toEqual([]);
  });

  test('with a deadband go on until the value is so far back', () => {
    const rows = [at(0, 70), at(100, 81), at(200, 79), at(300, 78.1), at(400, 78), at(500, 79)];
    expect(brief(search({ when: 'above', limit: 80, deadband: 2 }, rows))).toEqual(['100-400 condition condition']);
    expect(brief(search({ when: 'below', limit: 79, deadband: 2 }, rows))).toEqual([
      '0-100 gap condition',
      '300-1000 condition open',
    ]);
    const range = { low: 78.5, high: 80, deadband: 0.5 };
    expect(brief(search({ when: 'outside', ...range }, rows))).toEqual([
      '0-200 gap condition',
      '300-500 condition condition',
    ]);
    expect(brief(search({ when: 'inside', ...range }, rows))).toEqual(['200-1000 condition open']);
  });

  test('of a state, and of a switch', () => {
    const rows = [at(0, 1), at(100, 3), at(200, 1), at(300, 3), at(350, 2)];
    expect(brief(search({ when: 'equals', state: 3 }, rows))).toEqual([
      '100-200 condition condition',
      '300-350 condition condition',
    ]);
    expect(brief(search({ when: 'equals', state: true }, rows))).toEqual([
      '0-100 gap condition',
      '200-300 condition condition',
    ]);
  });

  test('of bad quality', () => {
    const rows = [at(0, 1), at(100, 1, BAD), at(150, Number.NaN), at(200, 1, UNCERTAIN), at(300, 1)];
    expect(search({ when: 'bad' }, rows)).toMatchObject([
      { startUs: 100 * second, endUs: 200 * second, samples: 2, min: Number.NaN, mean: Number.NaN, quality: BAD },
    ]);
    expect(brief(search({ when: 'not-good' }, rows))).toEqual(['100-300 condition condition']);
  });

  test('are open where they go on beyond the span, and then may be shorter than asked for', () => {
    const rows = [at(-50, 90), at(20, 70), at(900, 90), at(1100, 70)];
    const frames = search({ when: 'above', limit: 80, for: '60s' }, rows);
    expect(brief(frames)).toEqual(['0-20 open condition ?', '900-1000 condition open']);
    expect(frames[0]).toMatchObject({ samples: 0, min: 90, mean: 90 });
  });

  test('end with a gap, or go on over it where that is asked for and the condition is still met', () => {
    const rows = [at(0, 70), at(100, 90), at(200, 90, BAD), at(210, 88), at(300, 70)];
    const above = { when: 'above', limit: 80 } as const;
    expect(brief(search(above, rows))).toEqual(['100-200 condition gap', '210-300 gap condition']);
    const [bridged] = search({ ...above, bridge: '10s' }, rows);
    expect(bridged).toMatchObject({
      startUs: 100 * second,
      endUs: 300 * second,
      gapUs: 10 * second,
      samples: 3,
      min: 88,
    });
    expect(bridged?.mean).toBeCloseTo((90 * 100 + 88 * 90) / 190, 10);
    expect(brief(search({ ...above, bridge: '9s' }, rows))).toEqual(['100-200 condition gap', '210-300 gap condition']);
    const below = rows.with(3, at(210, 60));
    expect(brief(search({ ...above, bridge: '10s' }, below))).toEqual(['100-200 condition gap']);
    expect(brief(search({ ...above, bridge: '500s' }, rows.slice(0, 3)))).toEqual(['100-200 condition gap']);
  });

  test('end when a value is too old', () => {
    const rows = [at(0, 90), at(50, 91), at(300, 92)];
    expect(search({ when: 'above', limit: 80, stale: '100s' }, rows)).toMatchObject([
      { startUs: 0, endUs: 150 * second, end: 'gap', samples: 2 },
      { startUs: 300 * second, endUs: 400 * second, start: 'gap', end: 'gap', samples: 1 },
    ]);
    expect(search({ when: 'bad', stale: '100s' }, rows)).toMatchObject([
      { startUs: 150 * second, endUs: 300 * second, samples: 0 },
      { startUs: 400 * second, endUs: 1000 * second, end: 'open', samples: 0 },
    ]);
  });
});

/** What is wrong with a condition. */
const issues = (condition: unknown): string[] =>
  (schema.safeParse(condition).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

describe('a condition', () => {
  test('that cannot be is refused with what was expected', () => {
    expect(issues('above 80')).toEqual([': a mapping with `when`']);
    expect(issues({ when: 'over', limit: 80 })).toEqual([
      'when: one of above, below, outside, inside, equals, bad, not-good',
    ]);
    expect(issues({ limit: 80 })).toEqual(['when: one of above, below, outside, inside, equals, bad, not-good']);
    expect(issues({ when: 'above' })).toEqual(['limit: a number in the unit of the tag']);
    expect(issues({ when: 'above', limit: 80, deadband: -1 })).toEqual([
      'deadband: a number of at least 0 in the unit of the tag',
    ]);
    expect(issues({ when: 'above', limit: 80, for: '5 min' })).toEqual(['for: a time of at most 366d, such as 5m']);
    expect(issues({ when: 'above', limit: 80, stale: '0s' })).toEqual(['stale: a time of at most 366d, such as 30s']);
    expect(issues({ when: 'equals', state: 'on' })).toEqual(['state: a number, true or false']);
    expect(issues({ when: 'outside', low: 5, high: 5 })).toContain('low: less than `high`');
    expect(issues({ when: 'outside', low: 5, high: 6, deadband: 0.6 })).toEqual([
      'deadband: at most half of the distance between `low` and `high`',
    ]);
    expect(issues({ when: 'inside', low: 6, high: 5 })).toEqual(['low: at most `high`']);
    expect(issues({ when: 'bad', bridge: '1s' })).toEqual([': Unrecognized key: "bridge"']);
  });

  test('has times in ms and defaults', () => {
    expect(schema.parse({ when: 'above', limit: 80, for: '5s' })).toEqual({
      when: 'above',
      limit: 80,
      deadband: 0,
      for: 5000,
      bridge: 0,
    });
  });
});

/** Without the noise of rounding, and without -0. */
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6 + 0;

/** The state in each µs of the span, one by one; frames are runs of it. */
function naive(
  rows: readonly Row[],
  { limit, deadband, bridge, ...condition }: Extract<Condition, { when: 'above' }>,
  fromUs: number,
  toUs: number,
): string[] {
  const groups = [...Map.groupBy(rows, ({ timeUs }) => timeUs).values()];
  const distinct = groups.map((group) => group.findLast(isGoodRow) ?? group.at(-1) ?? row(0, 0));
  const first = Math.min(distinct[0]?.timeUs ?? 0, fromUs);
  // Values by µs; null: none.
  const values: (number | null)[] = [];
  for (let timeUs = first; timeUs < toUs; timeUs++) {
    const one = distinct.findLast((candidate) => candidate.timeUs <= timeUs);
    const isOld = one !== undefined && timeUs - one.timeUs >= (condition.stale ?? Infinity) * 1000;
    values.push(one === undefined || isOld || !isGoodRow(one) ? null : one.value);
  }
  const frames: string[] = [];
  let start: number | undefined;
  let last = 0;
  let held: number[] = [];
  const close = (end: number): void => {
    if (start === undefined) return;
    const inside = held.slice(Math.max(0, fromUs - start));
    const begin = Math.max(start, fromUs);
    const isOpen = start < fromUs || end === toUs;
    const certain = end - begin > condition.for * 1000;
    const seen = inside.filter((value) => !Number.isNaN(value));
    const mean = seen.reduce((sum, value) => sum + value, 0) / seen.length;
    const samples = distinct.filter(({ timeUs }) => timeUs >= begin && timeUs < end).length;
    const gap = inside.length - seen.length;
    if (end > begin && (certain || isOpen))
      frames.push(
        `${begin} ${end} ${certain} ${samples} ${Math.min(...seen)} ${Math.max(...seen)} ${rounded(mean)} ${gap}`,
      );
    start = undefined;
    held = [];
  };
  for (const [i, value] of values.entries()) {
    const timeUs = first + i;
    if (value === null) continue;
    if (start !== undefined) {
      const gap = timeUs - last - 1;
      if (gap > bridge * 1000 || (gap > 0 && value <= limit - deadband)) close(last + 1);
      else if (value <= limit - deadband) close(timeUs);
      else held.push(...Array.from({ length: gap }, () => Number.NaN), value);
    }
    if (start === undefined && value > limit) {
      start = timeUs;
      held = [value];
    }
    last = timeUs;
  }
  close(last + 1);
  return frames;
}

test('event frames are the same for pieces of any size, and those of a list', () => {
  const anyCondition = fc.record({
    when: fc.constant('above' as const),
    limit: fc.integer({ min: -3, max: 3 }),
    deadband: fc.nat(3),
    // ms; rows are µs apart.
    for: fc.nat(12).map((us) => us / 1000),
    bridge: fc.nat(8).map((us) => us / 1000),
    stale: fc.option(
      fc.integer({ min: 1, max: 8 }).map((us) => us / 1000),
      { nil: undefined },
    ),
  });
  const anySpan = fc.record({ fromUs: fc.nat(40), lengthUs: fc.integer({ min: 1, max: 150 }) });
  fc.assert(
    fc.property(
      anyRows(fc.integer({ min: -6, max: 6 }), 40),
      anyCondition,
      anySpan,
      anyLengths,
      (rows, condition, { fromUs, lengthUs }, lengths) => {
        const span = { fromUs, toUs: fromUs + lengthUs };
        const frames = framesOf(new EventFrames(condition, span), rows, lengths);
        const lines = frames.map(
          ({ startUs, endUs, certain, samples, min, max, mean, gapUs }) =>
            `${startUs} ${endUs} ${certain} ${samples} ${min} ${max} ${rounded(mean)} ${gapUs}`,
        );
        expect(lines).toEqual(naive(rows, condition, span.fromUs, span.toUs));
        expect(frames).toEqual(framesOf(new EventFrames(condition, span), rows, [1000]));
      },
    ),
    { numRuns: 500 },
  );
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_TIME_US } from '../core/sample.ts';
import { TextBytes } from './text-bytes.ts';
import { formatTime } from './time-text.ts';
import { numberText } from './value-text.ts';

function textOf(add: (out: TextBytes) => void): string {
  const out = new TextBytes();
  add(out);
  return out.take();
}

const wholeNumbers = fc.maxSafeInteger();
const decimals = fc
  .tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 12 }))
  .map(([digits, places]) => digits / 10 ** places);
const smallDecimals = fc
  .tuple(fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }), fc.integer({ min: 0, max: 9 }))
  .map(([digits, places]) => digits / 10 ** places);
const anyNumber = fc.oneof(fc.double(), wholeNumbers, decimals, smallDecimals, fc.float());

describe('numbers', () => {
  test.each([
    0,
    -0,
    1,
    -1,
    54.25,
    -0.5,
    0.1,
    0.3,
    0.1 + 0.2,
    0.000001,
    0.0000001,
    -0.000001,
    1e-5,
    999_999_999,
    999_999_999.999999,
    999_999_999.9999999,
    1_000_000_000,
    2_157_641_728,
    2 ** 53,
    1e21,
    1e-7,
    5e-324,
    Number.MAX_VALUE,
    Math.fround(54.3),
    100,
    10.01,
    4.35,
    1.005,
    8.41e-4,
  ])('%d as it reads back', (value) => {
    expect(textOf((out) => out.number(value))).toBe(numberText(value));
  });

  test('any number is written as elsewhere', () => {
    fc.assert(
      fc.property(anyNumber, (value) => {
        expect(textOf((out) => out.number(value))).toBe(numberText(value));
      }),
      { numRuns: 20_000 },
    );
  });
});

test('any time is written as elsewhere, also where the day changes', () => {
  const time = fc.oneof(
    fc.integer({ min: -MAX_TIME_US, max: MAX_TIME_US }),
    fc.integer({ min: 1_584_440_073_000_000, max: 1_584_640_073_000_000 }),
  );
  fc.assert(
    fc.property(fc.array(time, { minLength: 1, maxLength: 5 }), (times) => {
      expect(textOf((out) => times.forEach((each) => out.time(each)))).toBe(times.map(formatTime).join(''));
    }),
    { numRuns: 2000 },
  );
});

test('any text is UTF-8, however long', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 3000 }), { maxLength: 40 }), (texts) => {
      const added = textOf((out) => {
        for (const text of texts) {
          out.text(text);
          out.raw(Buffer.from(text));
        }
      });
      expect(added).toBe(texts.map((text) => text + text).join(''));
    }),
    { numRuns: 100 },
  );
});

test('a piece is what was added since the last one', () => {
  const out = new TextBytes();
  const line = 'x'.repeat(1000);
  const pieces: string[] = [];
  for (let i = 0; i < 200; i++) {
    out.text(line);
    out.number(i);
    if (out.isFull) pieces.push(out.take());
  }
  pieces.push(out.take());
  expect(pieces.join('')).toBe(Array.from({ length: 200 }, (_, i) => line + i).join(''));
  expect(pieces.map(({ length }) => length > 65_536 && length < 67_000)).toEqual([true, true, true, false]);
});

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fault } from '../../core/fault.ts';
import { type FramesTexts, parseFrames } from './frames-request.ts';

test.each<[FramesTexts, unknown]>([
  [
    { above: '80', for: '5m' },
    { when: 'above', limit: 80, deadband: 0, for: 300_000, bridge: 0 },
  ],
  [
    { below: '-1.5e2', deadband: '2', bridge: '30s' },
    { when: 'below', limit: -150, deadband: 2, for: 0, bridge: 30_000 },
  ],
  [
    { outside: '10,80', stale: '1m' },
    { when: 'outside', low: 10, high: 80, deadband: 0, for: 0, bridge: 0, stale: 60_000 },
  ],
  [{ inside: '10, 80' }, { when: 'inside', low: 10, high: 80, deadband: 0, for: 0, bridge: 0 }],
  [{ equals: 'true' }, { when: 'equals', state: 1, for: 0, bridge: 0 }],
  [{ equals: '3' }, { when: 'equals', state: 3, for: 0, bridge: 0 }],
  [
    { quality: 'not-good', for: '1h' },
    { when: 'not-good', for: 3_600_000 },
  ],
])('%o is a condition', (texts, condition) => {
  expect(parseFrames(texts)).toEqual({ condition, uncertainIsBad: true });
});

test.each<[FramesTexts, string]>([
  [{}, 'above: expected one of above, below, outside, inside, equals, quality, such as above=80.'],
  [{ above: '1', below: '2' }, 'above, below: expected one of'],
  [{ above: 'hot' }, 'above: expected a number in the unit of the tag.'],
  [{ above: '80', for: '5' }, 'for: expected a time of at most 366d, such as 5m.'],
  [{ above: '80', for: '400d' }, 'for: expected a time of at most 366d, such as 5m.'],
  [{ above: '80', deadband: '-1' }, 'deadband: expected a number of at least 0 in the unit of the tag.'],
  [{ outside: '80' }, 'outside: expected two numbers with a comma between'],
  [{ outside: '80,10' }, 'outside: expected two numbers with a comma between, the smaller one first'],
  [{ inside: '1,2,3' }, 'inside: expected two numbers'],
  [{ equals: 'on' }, 'equals: expected a number, true or false.'],
  [{ equals: '1', deadband: '1' }, 'deadband: not together with equals.'],
  [{ quality: 'uncertain' }, 'quality: expected bad or not-good.'],
  [{ above: '80', treatUncertainAsBad: 'no' }, 'treatUncertainAsBad: expected true or false.'],
])('%o is refused', (texts, message) => {
  expect(() => parseFrames(texts)).toThrow(message);
  expect(() => parseFrames(texts, 'usage')).toThrow(expect.objectContaining({ code: 'usage' }));
});

test('any text is a condition or refused', () => {
  const text = fc.option(
    fc.oneof(fc.string(), fc.constantFrom('1', '1,2', '5m', 'true', 'bad', '1e999', '__proto__')),
    {
      nil: undefined,
      freq: 2,
    },
  );
  const keys = ['above', 'below', 'outside', 'inside', 'equals', 'quality', 'for', 'deadband', 'bridge', 'stale'];
  fc.assert(
    fc.property(fc.record(Object.fromEntries(keys.map((key) => [key, text]))), (texts) => {
      expect(() => {
        try {
          parseFrames(texts);
        } catch (error) {
          if (!(error instanceof Fault) || error.code !== 'request-invalid') throw error;
        }
      }).not.toThrow();
    }),
    { numRuns: 2000 },
  );
});

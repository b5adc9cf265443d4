import { expect, test } from 'vitest';

import { Debounce } from './debounce.ts';

test('two windows beyond 1 begin it, two below the lower bound end it, and between the two it stays', () => {
  const debounce = new Debounce({
    limits: [],
    residual: [],
    memory: [],
    untied: [],
    beginWindows: 2,
    endWindows: 2,
    back: 0.8,
  });
  const scores = [2, 0.5, 1.1, 1.2, 0.9, 0.7, 0.9, 0.7, 0.6, 1.5, 0.5];
  expect(scores.map((score) => debounce.take(score))).toEqual([
    false,
    false,
    false,
    true,
    true,
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

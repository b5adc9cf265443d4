import { expect, test } from 'vitest';
import { fitting } from './progress.ts';
import { rateText } from './rate-progress.ts';

test('progress says how much is read, how fast, and how long it will take', () => {
  const state = { bytes: 25, totalBytes: 100, rows: 1_200_000, unit: 'rows', tookMs: 3000 };
  expect(rateText(state)).toBe('[#####...............]  25 %  1,200,000 rows  400,000 rows/s  0:09 left');
  expect(rateText({ ...state, tookMs: 3_600_000 })).toContain('3:00:00 left');
  // What is not known is not said.
  expect(rateText({ ...state, bytes: 0 })).toBe('[....................]   0 %  1,200,000 rows  400,000 rows/s');
  expect(rateText({ ...state, bytes: 200 })).toContain('100 %');
});

test('progress stays on one line of the terminal, however narrow it is', () => {
  const [text, shorter] = ['importing [####......]  40 %  1,200,000 rows', 'importing  40 %  1,200,000 rows'];
  expect(fitting(text, shorter, 45)).toBe(text);
  expect(fitting(text, shorter, 44)).toBe(shorter);
  expect(fitting(text, shorter, 20)).toBe('importing  40 %  1,');
  // A terminal that does not tell how wide it is.
  expect(fitting(text, shorter, 0)).toBe(text);
});

import { expect, test } from 'vitest';
import { Refusals } from './refusals.ts';

test('rows that cannot be taken are told in bounded numbers: the first at once, the others once a minute and at the end', () => {
  let nowMs = 0;
  const told: string[] = [];
  const refusals = new Refusals({ monotonicMs: () => nowMs }, ({ detail }) => told.push(detail));
  for (let row = 0; row < 1000; row++) refusals.add(`row ${row}`);
  expect(told).toEqual(['row 0']);
  nowMs = 60_000;
  refusals.tellIfDue();
  nowMs = 61_000;
  refusals.tellIfDue();
  refusals.add('row 1000');
  expect(told).toEqual(['row 0', '999 rows, the first of them: row 1']);
  refusals.tell();
  refusals.tell();
  expect(told.slice(2)).toEqual(['row 1000']);
});

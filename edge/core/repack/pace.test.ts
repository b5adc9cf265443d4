import { expect, test } from 'vitest';
import { DurableEnds } from '../durable-ends.ts';
import { ERASE_SHARE, REPACK_SHARE, RepackPace } from './pace.ts';

test('repacking takes a tenth of the time, erasing a quarter', () => {
  const pace = new RepackPace(DurableEnds.create(['samples']), REPACK_SHARE, 0);
  expect([pace.rest(1, 1), pace.rest(20, 30), pace.rest(0, 31)]).toEqual([9, 180, 0]);
  const quicker = new RepackPace(DurableEnds.create(['samples']), ERASE_SHARE, 0);
  expect([quicker.rest(1, 1), quicker.rest(20, 30)]).toEqual([3, 60]);
});

test('while more than 200,000 records a second are logged, in all topics together, there is a step in a quarter of a second', () => {
  const ends = DurableEnds.create(['samples', 'events']);
  const pace = new RepackPace(ends, REPACK_SHARE, 1000);
  ends.publish('samples', 150_001);
  ends.publish('events', 50_000);
  expect(pace.rest(2, 2000)).toBe(250);
  expect(pace.rest(2, 2250)).toBe(18);
  ends.publish('samples', 350_001);
  expect(pace.rest(2, 3250)).toBe(18);
  ends.publish('events', 500_000);
  expect(pace.rest(40, 3260)).toBe(360);
});

import { expect, test } from 'vitest';
import { ClockOffsets } from './clock-offsets.ts';

test('the last offset of each device is told once', () => {
  const offsets = new ClockOffsets();
  offsets.note('pump', 5_000_000, 2_000_000);
  offsets.note('pump', 6_500_000, 7_000_000);
  offsets.note('press', 9_000_000, 9_000_000);
  expect(offsets.take()).toEqual({ pump: -0.5, press: 0 });
  expect(offsets.take()).toEqual({});
});

test('of more than a thousand devices the first are told of', () => {
  const offsets = new ClockOffsets();
  for (let i = 0; i < 2000; i++) offsets.note(`device-${i}`, i, 0);
  offsets.take();
  offsets.note('device-0', 3_000_000, 0);
  offsets.note('device-1999', 3_000_000, 0);
  expect(offsets.take()).toEqual({ 'device-0': 3 });
});

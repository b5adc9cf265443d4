import { expect, test } from 'vitest';
import { DiskForecast } from './disk-forecast.ts';

const MB = 1_000_000;

/** A forecast after looks every 10 s that find so much free. */
function after(...freeMb: number[]): DiskForecast {
  let look = 0;
  const forecast = new DiskForecast('', () => (freeMb[look] ?? 0) * MB);
  for (; look < freeMb.length; look++) forecast.look(look * 10_000);
  return forecast;
}

test('the disk is full when what is free is used up at the present rate', () => {
  expect(after(100, 90, 80).now()).toEqual({ freeBytes: 80 * MB, seconds: 80 });
});

test.each([[[]], [[100]], [[100, 100]], [[100, 110]]])('free MB %j: no end in sight', (freeMb) => {
  expect(after(...freeMb).now()).toEqual({ freeBytes: (freeMb.at(-1) ?? 0) * MB, seconds: Infinity });
});

test('only the last ten minutes count', () => {
  const steady = Array.from({ length: 60 }, () => 500);
  expect(after(900, ...steady).now().seconds).toBe(Infinity);
});

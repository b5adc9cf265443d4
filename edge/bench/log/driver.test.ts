import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { drive } from './driver.ts';

const { signal } = new AbortController();

test('at full rate every lane sends again as soon as it is answered, and never more are under way', async () => {
  let underWay = 0;
  let most = 0;
  let answered = 0;
  const result = await drive({ batch: 10, rate: 0, seconds: 0.4 }, 3, signal, async () => {
    most = Math.max(most, ++underWay);
    await delay(1);
    underWay--;
    answered++;
  });
  expect(most).toBe(3);
  expect(underWay).toBe(0);
  expect(result.samples).toBe(answered * 10);
  expect(result.seconds).toBeGreaterThanOrEqual(0.4);
  // Those of the first moments are left out.
  expect(result.latenciesMs.length).toBeGreaterThan(0);
  expect(result.latenciesMs.length).toBeLessThan(answered);
  expect(Math.min(...result.latenciesMs)).toBeGreaterThan(0);
  expect(result.producersCpuSeconds).toBeGreaterThan(0);
});

test('at a fixed rate no more is sent than is due', async () => {
  const result = await drive({ batch: 10, rate: 1000, seconds: 0.3 }, 5, signal, () => Promise.resolve());
  expect(result.samples).toBeGreaterThan(0);
  expect(result.samples).toBeLessThanOrEqual(300);
});

test('a system that cannot keep up is not asked for more than it takes', async () => {
  const load = { batch: 1, rate: 1e6, seconds: 0.2 };
  const result = await drive(load, 1, signal, () => delay(5));
  expect(result.samples).toBeLessThan(100);
  expect(result.samples / result.seconds).toBeLessThan(1000);
});

test('a system that answers at once does not keep a signal from being heard', async () => {
  const ending = new AbortController();
  let sent = 0;
  const endless = drive({ batch: 1, rate: 0, seconds: 3600 }, 1, ending.signal, () => {
    if (++sent === 1000) setImmediate(() => ending.abort(new Error('enough')));
    return Promise.resolve();
  });
  await expect(endless).rejects.toThrow('enough');
});

test('what a system refuses ends the load', async () => {
  const refused = drive({ batch: 1, rate: 0, seconds: 3600 }, 2, signal, () => Promise.reject(new Error('full')));
  await expect(refused).rejects.toThrow('full');
});

import { expect, test } from 'vitest';
import { MAX_BATCH_BYTES } from '../../edge/core/record-batch.ts';
import { BackOff } from './back-off.ts';
import { Bell } from './bell.ts';
import { Pace } from './pace.ts';

test('one request goes at once, few records behind it wait for company, many do not, five requests are the most', () => {
  const pace = new Pace();
  expect(pace.waitMs(1, 1000)).toBe(0);
  pace.sent(100, 1000);
  expect(pace.waitMs(1, 1001)).toBe(4);
  expect(pace.waitMs(1, 1005)).toBe(0);
  expect(pace.waitMs(500, 1001)).toBe(0);
  for (let i = 0; i < 4; i++) pace.sent(100, 1001);
  expect(pace.inFlight).toBe(5);
  expect(pace.waitMs(500, 2000)).toBeUndefined();
  pace.ended(100);
  expect(pace.waitMs(500, 2000)).toBe(0);
});

test('a slow line gets less at a time, down to a bound; a quick one more, up to five of the largest batches', () => {
  const pace = new Pace();
  for (let i = 0; i < 20; i++) {
    pace.sent(pace.batchBytes, 0);
    pace.answered(pace.batchBytes, 5000);
  }
  expect(pace.batchBytes).toBe(32 * 1024);
  expect(pace.largeBytes).toBe(64 * 1024);
  pace.slowDown();
  expect(pace.batchBytes).toBe(32 * 1024);
  for (let i = 0; i < 40; i++) {
    const bytes = pace.batchBytes;
    for (let r = 0; r < 5; r++) pace.sent(bytes, 0);
    for (let r = 0; r < 5; r++) pace.answered(bytes, 1);
  }
  expect(pace.batchBytes).toBe(MAX_BATCH_BYTES);
  expect(pace.largeBytes).toBe(8 * 1024);
  let sent = 0;
  for (; pace.waitMs(500, 0) === 0; sent++) pace.sent(MAX_BATCH_BYTES, 0);
  expect(sent).toBe(5);
});

test('a window that is full holds the next request back', () => {
  const pace = new Pace();
  pace.sent(1024 * 1024, 0);
  expect(pace.waitMs(500, 100)).toBeUndefined();
  pace.answered(1024 * 1024, 1000);
  expect(pace.waitMs(500, 100)).toBe(0);
});

test('pauses grow from 200 ms to 30 s, half of each random, and begin anew', () => {
  const longest = new BackOff(() => 0.999_999);
  const pauses = Array.from({ length: 20 }, () => Math.round(longest.pause()));
  expect(pauses.slice(0, 4)).toEqual([200, 300, 450, 675]);
  expect(pauses.at(-1)).toBe(30_000);
  longest.reset();
  expect(Math.round(longest.pause())).toBe(200);
  expect(new BackOff(() => 0).pause()).toBe(100);
  // A broker that is away for 5 s is tried again within 2 s of its return.
  let triedMs = 0;
  for (const pause of pauses) if (triedMs < 5000) triedMs += pause;
  expect(triedMs).toBeLessThan(7000);
});

test('a bell that rang while nobody waited is heard once; nobody waits longer than told', async () => {
  const bell = new Bell();
  bell.ring();
  bell.ring();
  await bell.wait(60_000);
  const second = bell.wait(20);
  const order: string[] = [];
  await Promise.all([second.then(() => order.push('time')), Promise.resolve().then(() => order.push('first'))]);
  expect(order).toEqual(['first', 'time']);
  const third = bell.wait(60_000);
  bell.ring();
  await third;
});

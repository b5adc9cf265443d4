import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('work is done in order, and others have the thread after each 10 ms of it', async () => {
  let nowMs = 0;
  const turns = new Turns({ monotonicMs: () => nowMs });
  const { promise, resolve } = Promise.withResolvers<void>();
  const done: (number | string)[] = [];
  const other = (left: number): void => {
    done.push('other');
    if (left > 1) setImmediate(other, left - 1);
    else resolve();
  };
  setImmediate(other, 4);
  for (let i = 0; i < 6; i++) {
    turns.add(() => {
      done.push(i);
      nowMs += 4;
    });
  }
  // The first came when there was nothing to wait for, and had its turn for itself.
  expect(done).toEqual([0]);
  await promise;
  expect(done.filter((entry) => entry !== 'other')).toEqual([0, 1, 2, 3, 4, 5]);
  const between = done.join(' ').split(/(?: ?other ?)+/);
  expect(Math.max(...between.map((part) => part.split(' ').length))).toBe(3);
  turns.add(() => done.push('later'));
  expect(done.at(-1)).toBe('later');
});

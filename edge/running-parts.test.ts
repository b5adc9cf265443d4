import { expect, test } from 'vitest';
import { waitFor } from '../test/services/wait.ts';
import { RunningParts } from './running-parts.ts';

test('what was started is stopped last first, and one that fails does not keep the others', async () => {
  const running = new RunningParts();
  const stopped: string[] = [];
  const failures: unknown[] = [];
  running.onStop('lock', () => void stopped.push('lock'));
  running.onStop('log', async () => {
    await Promise.resolve();
    stopped.push('log');
  });
  running.onStop('http', () => {
    throw new Error('it is gone');
  });
  await running.stop((name, reason) => failures.push([name, reason]));
  expect([stopped, failures]).toEqual([['log', 'lock'], [['http', 'it is gone']]]);
  // Each once.
  await running.stop(() => expect.unreachable('everything is stopped'));
  expect(stopped).toHaveLength(2);
});

test('followers begin when they are told to, and what is done again and again ends', async () => {
  const running = new RunningParts();
  let [calls, runs] = [0, 0];
  const ended = Promise.withResolvers<undefined>();
  running.every('look', 1, () => calls++);
  const part = {
    run: () => {
      runs++;
      return ended.promise;
    },
    stop: () => {
      ended.resolve(undefined);
      return Promise.resolve();
    },
  };
  running.follow('historian', part, () => expect.unreachable('it does not end by itself'));
  expect(running.followers).toEqual(['historian']);
  await waitFor('it to look', () => calls > 1);
  expect(runs).toBe(0);
  running.startFollowers();
  expect(runs).toBe(1);
  await running.stop(() => expect.unreachable('nothing fails'));
  const after = calls;
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toBe(after);
});

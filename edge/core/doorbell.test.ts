import { Worker } from 'node:worker_threads';
import { expect, test, vi } from 'vitest';
import { Doorbell } from './doorbell.ts';

/** A thread that sleeps until there is work, again and again, and posts how long each sleep took. */
function sleeper(bell: Doorbell, work: Int32Array): { worker: Worker; sleptMs: number[] } {
  const module = new URL('./doorbell.ts', import.meta.url).href;
  const code = `
    const { parentPort, workerData: { memory, work } } = require('node:worker_threads');
    void import('${module}').then(({ Doorbell }) => {
      const bell = new Doorbell(memory);
      for (let done = 0; ; done++) {
        const seen = bell.generation();
        parentPort.postMessage('sleeps');
        const startMs = performance.now();
        bell.sleep(seen, 10_000, () => Atomics.load(work, 0) > done);
        parentPort.postMessage(performance.now() - startMs);
      }
    });
  `;
  const worker = new Worker(code, { eval: true, workerData: { memory: bell.memory, work } });
  const sleptMs: number[] = [];
  worker.on('message', (message: 'sleeps' | number) => {
    if (typeof message === 'number') sleptMs.push(message);
  });
  return { worker, sleptMs };
}

test.each(['ring', 'call'] as const)(
  'a %s wakes who sleeps, however close it is to the falling asleep',
  async (way) => {
    const bell = Doorbell.create();
    const work = new Int32Array(new SharedArrayBuffer(4));
    const { worker, sleptMs } = sleeper(bell, work);
    let rings = 0;
    worker.on('message', (message) => {
      if (message !== 'sleeps' || rings === 200) return;
      rings++;
      if (way === 'ring') Atomics.add(work, 0, 1);
      bell[way]();
    });
    await vi.waitUntil(() => sleptMs.length >= 200, { timeout: 10_000 });
    await worker.terminate();
    expect(Math.max(...sleptMs)).toBeLessThan(5000);
  },
);

test('a sleep ends at its limit, and at once if somebody has called since or something is there', () => {
  const bell = Doorbell.create();
  const startMs = performance.now();
  bell.sleep(bell.generation(), 20, () => false);
  expect(performance.now() - startMs).toBeGreaterThan(10);
  const seen = bell.generation();
  bell.call();
  bell.sleep(seen, 60_000, () => false);
  bell.sleep(bell.generation(), 60_000, () => true);
  expect(performance.now() - startMs).toBeLessThan(30_000);
});

test('the first reason of a refusal stays, in every thread', () => {
  const bell = Doorbell.create();
  const other = new Doorbell(bell.memory);
  expect(other.refusal()).toMatchObject({ code: 'internal' });
  bell.refuse({ code: 'log-write-failed', detail: 'EIO: Datenträger' });
  bell.refuse({ code: 'internal', detail: 'something else' });
  expect(other.refusal()).toMatchObject({ code: 'log-write-failed', detail: 'EIO: Datenträger' });
});

test('a reason of any length and any characters can be read', () => {
  for (const character of ['x', '"', '\u0000', '漢', '💥']) {
    const bell = Doorbell.create();
    bell.refuse({ code: 'log-write-failed', detail: character.repeat(100_000) });
    expect(bell.refusal().code).toBe('log-write-failed');
    expect(bell.refusal().detail.length).toBeGreaterThan(100);
  }
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startPeer, type PeerCommand } from './peer-process.ts';
import { freePort, waitFor } from './wait.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-peer-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const shell = (script: string, ready: boolean, readyLimitMs = 60_000): PeerCommand => ({
  name: 'peer',
  file: '/bin/sh',
  args: ['-c', script],
  outputFile: join(dir, 'output.txt'),
  ready: () => Promise.resolve(ready),
  readyLimitMs,
});

test('a peer that ends at once is an error with what it printed, long before the limit', async () => {
  const startMs = performance.now();
  await expect(startPeer(shell('echo bad configuration; exit 3', false))).rejects.toThrow('bad configuration');
  expect(performance.now() - startMs).toBeLessThan(30_000);
});

test('a peer that runs but never serves is killed at the limit', async () => {
  const started = startPeer(shell('echo $$; exec sleep 600', false, 3_000));
  const error: unknown = await started.catch((reason: unknown) => reason);
  const pid = Number(/\n(\d+)$/.exec(String(error))?.[1]);
  expect(pid).toBeGreaterThan(1);
  await waitFor('it is gone', () => !processExists(pid));
});

test('a program that does not exist is an error', async () => {
  await expect(startPeer({ ...shell('', false), file: join(dir, 'nothing') })).rejects.toThrow('did not come up');
});

test('a peer that ignores SIGTERM is killed, and that is an error', async () => {
  const output = join(dir, 'output.txt');
  const script = 'trap "" TERM; echo deaf; while :; do sleep 0.1; done';
  const deaf = (): Promise<boolean> => Promise.resolve(readFileSync(output, 'utf8') === 'deaf\n');
  const peer = await startPeer({ ...shell(script, true), ready: deaf });
  await expect(peer.stop(300)).rejects.toThrow('ends after SIGTERM');
  expect(peer.running()).toBe(false);
  await peer.stop();
  await peer.kill9();
});

test('free ports differ and lie below those of outgoing connections', async () => {
  const ports = await Promise.all(Array.from({ length: 20 }, freePort));
  expect(new Set(ports).size).toBe(20);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});

test('waiting ends at the limit with the condition’s last error as the cause', async () => {
  const failing = waitFor('the tide', () => Promise.reject(new Error('still low')), 50);
  await expect(failing).rejects.toMatchObject({
    message: 'not within 50 ms: the tide',
    cause: { message: 'still low' },
  });
});

test('a machine that stood still while it waited does not decide: the condition is asked once more', async () => {
  let asked = 0;
  const standStill = (): boolean => {
    // Sixty milliseconds in which nothing else happens.
    if (++asked === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
    return asked === 2;
  };
  await waitFor('the second answer', standStill, 50);
  expect(asked).toBe(2);
});

function processExists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

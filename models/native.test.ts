import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';

import { requireNative } from '../test/services/native.ts';
import type { Answers } from './agreement-kit.ts';
import { openNative } from './native.ts';

const native = requireNative();

test('a package that cannot be loaded is a fault that says how it is installed', async () => {
  await expect(openNative('./no-such-package')).rejects.toMatchObject({
    code: 'model-backend-failed',
    detail: expect.stringContaining('npm run native:setup') as string,
  });
});

describe.skipIf(!native.available)(`the native library ${native.reason}`, () => {
  test('agrees with WASM: predictions within 5e-7 of the largest, validation loss of a training within 5e-4', async () => {
    const wasm = await answersOf('wasm');
    const made = await answersOf('native');
    expect(wasm.runtime).toMatch(/^tfjs-wasm-4\./);
    expect(made.runtime).toMatch(/^tfjs-node-4\./);
    expect(made.predictions).toHaveLength(64 * 64);
    const largest = Math.max(...wasm.predictions.map(Math.abs));
    const off = made.predictions.map((value, nr) => Math.abs(value - (wasm.predictions[nr] ?? Number.NaN)));
    expect(Math.max(...off) / largest).toBeLessThan(5e-7);
    expect(Math.abs(made.validationLoss - wasm.validationLoss)).toBeLessThan(5e-4);
  });
});

async function answersOf(backend: 'native' | 'wasm'): Promise<Answers> {
  const child = fork(fileURLToPath(new URL('./agreement-kit.ts', import.meta.url)), [backend], {
    execArgv: [],
    serialization: 'advanced',
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${backend} ended without an answer: ${String(code)}`);
  });
  const [answers] = (await Promise.race([once(child, 'message'), ended])) as [Answers];
  return answers;
}

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { listVersions, readModel } from '../../models/folder.ts';
import type { Model } from '../../models/model.ts';
import { machineSeries, machineSpec } from '../../models/model-kit.ts';
import { requireNative } from '../../test/services/native.ts';
import { realDisk } from '../core/disk.ts';
import { Trainer } from './client.ts';
import type { TrainingNotice, TrainingWorkerData } from './messages.ts';
import { NativeTrainer } from './native.ts';

const native = requireNative();

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace-native-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const training = (version: string, seconds = 1800): TrainingWorkerData => ({
  spec: machineSpec,
  series: machineSeries(seconds, 5),
  folder,
  version,
});
const trained = (version: string): Model => readModel(realDisk, folder, machineSpec.name, version).model;
const ignore = (): void => undefined;
const nativeOrFail = { native: true, onFallback: (why: string) => expect.unreachable(why) };

describe.skipIf(!native.available)(`training with native TensorFlow, in a child process ${native.reason}`, () => {
  test('gives a model as good as that of the WASM worker, and tells how far it is', async () => {
    const done: number[] = [];
    await new Trainer(nativeOrFail).train(training('1'), (share) => done.push(share));
    await new Trainer({ native: false, onFallback: ignore }).train(training('2'), ignore);
    expect(trained('1').training.backend).toMatch(/^tfjs-node-4/);
    expect(trained('2').training.backend).toMatch(/^tfjs-wasm-4/);
    const losses = [trained('1'), trained('2')].map((model) => model.training.validationLoss);
    expect(Math.abs((losses[0] ?? Number.NaN) - (losses[1] ?? Number.NaN))).toBeLessThan(5e-4);
    expect(done.at(-1)).toBe(1);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
  });

  test('the same history gives the same model', async () => {
    const trainer = new Trainer(nativeOrFail);
    for (const version of ['1', '2']) await trainer.train(training(version), ignore);
    expect(trained('2').weights).toEqual(trained('1').weights);
  });

  test('too little history is the fault that it is in a worker, and native stays in use', async () => {
    const trainer = new NativeTrainer();
    await expect(trainer.train(training('1', 100), ignore)).rejects.toMatchObject({ code: 'model-history-short' });
    expect(trainer.usable()).toBe(true);
  });

  test('a crash of the process fails that training alone: the next one runs on WASM', async () => {
    const trainer = new Trainer(nativeOrFail);
    const killed = trainer.train(training('1'), () => kill(trainer.nativePid));
    await expect(killed).rejects.toMatchObject({
      code: 'worker-failed',
      detail: expect.stringMatching(/native TensorFlow.*SIGKILL.*WASM/) as string,
    });
    expect(listVersions(realDisk, folder, machineSpec.name)).toEqual([]);
    await trainer.train(training('1'), ignore);
    expect(trained('1').training.backend).toMatch(/^tfjs-wasm/);
  });

  test('a library that cannot be loaded is told, and the same training runs on WASM at once', async () => {
    // The loader looks here first, and finds no library in an empty file.
    writeFileSync(path.join(folder, 'libtensorflow_cc.so.2'), '');
    vi.stubEnv('LD_LIBRARY_PATH', folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    const told: string[] = [];
    const trainer = new Trainer({ native: true, onFallback: (why) => told.push(why) });
    for (const version of ['1', '2']) await trainer.train(training(version), ignore);
    expect(told).toEqual([expect.stringContaining('native TensorFlow (npm run native:setup)')]);
    expect(trained('1').training.backend).toMatch(/^tfjs-wasm/);
    expect(trained('2').training.backend).toMatch(/^tfjs-wasm/);
  });

  test('a process that is killed before it has read its history is such a crash too', async () => {
    const trainer = new NativeTrainer();
    const killed = trainer.train(training('1', 200_000), ignore);
    kill(trainer.pid);
    await expect(killed).rejects.toMatchObject({ code: 'worker-failed' });
    expect(trainer.usable()).toBe(false);
  });

  test('stopping gives a training up and leaves no version and no process', async () => {
    const trainer = new Trainer(nativeOrFail);
    let pid: number | undefined;
    let stopped: Promise<void> | undefined;
    const given = trainer.train(training('1'), () => {
      pid ??= trainer.nativePid;
      stopped ??= trainer.stop();
    });
    await expect(given).rejects.toMatchObject({ code: 'worker-failed' });
    await stopped;
    expect(() => process.kill(pid ?? 0, 0)).toThrow('ESRCH');
    expect(listVersions(realDisk, folder, machineSpec.name)).toEqual([]);
    await expect(trainer.train(training('1'), ignore)).rejects.toMatchObject({ code: 'not-ready' });
  });

  test('the process ends with its gateway', async () => {
    const main = fileURLToPath(new URL('./native-child.ts', import.meta.url));
    const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
    const child = fork(main, { execArgv: [], serialization: 'advanced', env });
    onTestFinished(() => void child.kill('SIGKILL'));
    child.send(training('1'));
    const [notice] = (await once(child, 'message')) as [TrainingNotice];
    expect(notice.type).toBe('progress');
    child.disconnect();
    await once(child, 'exit');
    expect(listVersions(realDisk, folder, machineSpec.name)).toEqual([]);
  });
});

function kill(pid: number | undefined): void {
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
}

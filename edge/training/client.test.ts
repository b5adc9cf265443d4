import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readModel } from '../../models/folder.ts';
import { machineSeries, machineSpec } from '../../models/model-kit.ts';
import { realDisk } from '../core/disk.ts';
import { Trainer } from './client.ts';

const wasm = { native: false, onFallback: () => undefined };

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-training-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a training writes its version and tells how far it is', async () => {
  const folder = temporaryFolder();
  const progress: number[] = [];
  const data = { spec: machineSpec, series: machineSeries(700, 1), folder, version: '1' };
  await new Trainer(wasm).train(data, (done) => progress.push(done));
  expect(readModel(realDisk, folder, machineSpec.name, '1').model.spec).toEqual(machineSpec);
  expect(progress.at(-1)).toBe(1);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
});

test('says why there is no model', async () => {
  const trainer = new Trainer(wasm);
  const data = { spec: machineSpec, series: machineSeries(20, 1), folder: temporaryFolder(), version: '1' };
  await expect(trainer.train(data, () => undefined)).rejects.toMatchObject({ code: 'model-history-short' });
  // And goes on: the next one is another worker.
  const next = { ...data, series: machineSeries(20, 1) };
  await expect(trainer.train(next, () => undefined)).rejects.toMatchObject({ code: 'model-history-short' });
});

test('after a stop none begins', async () => {
  const trainer = new Trainer(wasm);
  await trainer.stop();
  const data = { spec: machineSpec, series: machineSeries(20, 1), folder: temporaryFolder(), version: '1' };
  await expect(trainer.train(data, () => undefined)).rejects.toMatchObject({ code: 'not-ready' });
});

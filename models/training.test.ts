import { createHash } from 'node:crypto';

import { beforeAll, expect, test } from 'vitest';

import { Detector } from './detector.ts';
import { machineSeries, machineSpec } from './model-kit.ts';
import type { Model, Score, Series } from './model.ts';
import type { Runtime } from './runtime.ts';
import { openWasm } from './tensorflow.ts';
import { trainModel, type TrainingOptions, type TrainingProgress } from './training.ts';

let runtime: Runtime;
let model: Model;
const progress: TrainingProgress[] = [];

function options(more: Partial<TrainingOptions> = {}): TrainingOptions {
  return {
    spec: machineSpec,
    series: machineSeries(1500, 1),
    seed: 3,
    runtime,
    signal: new AbortController().signal,
    maxMs: 1e9,
    ...more,
  };
}

function hashOf({ weights }: Model): string {
  return createHash('sha256').update(weights).digest('hex');
}

/** All scores of a history. */
function scoresOf(series: readonly Series[]): Score[] {
  const scores: Score[] = [];
  const network = runtime.network(model.layers, model.weights);
  const detector = new Detector(model, network, (score) => scores.push(score));
  const count = series[0]?.timesUs.length ?? 0;
  for (let nr = 0; nr < count; nr++)
    for (const [column, { timesUs, values }] of series.entries())
      detector.sample(column, timesUs[nr] ?? 0, values[nr] ?? Number.NaN);
  network.close();
  return scores;
}

beforeAll(async () => {
  runtime = await openWasm('learning');
  model = await trainModel(options({ onProgress: (now) => progress.push(now) }));
});

test('it learns, and says how far it is', () => {
  expect(model.training.validationLoss).toBeLessThan(0.1);
  expect(model.training.heldOutWindows).toBeGreaterThan(100);
  expect(progress.length).toBe(model.training.epochs);
  expect(progress.at(-1)?.done).toBe(1);
  expect(progress.every(({ done }, nr) => done > (progress[nr - 1]?.done ?? 0))).toBe(true);
});

test('the same history and seed give the same weights, another seed gives others', async () => {
  expect(hashOf(await trainModel(options()))).toBe(hashOf(model));
  expect(hashOf(await trainModel(options({ seed: 4 })))).not.toBe(hashOf(model));
});

test('what is normal scores below 1', () => {
  const scores = scoresOf(machineSeries(1500, 2, 1.8e15));
  expect(scores.length).toBe(371);
  expect(Math.max(...scores.map(({ score }) => score))).toBeLessThan(0.8);
});

test('a signal that leaves the others begins the condition and ranks first, with what was expected of it', () => {
  const series = machineSeries(600, 2, 1.8e15);
  const pressure = series[2]?.values ?? new Float64Array();
  for (let second = 300; second < 400; second++) pressure[second] = (pressure[second] ?? 0) + 2.5;
  const scores = scoresOf(series);
  const begun = scores.find(({ stands }) => stands);
  const ended = scores.findLast(({ stands }) => stands);
  expect(((begun?.timeUs ?? 0) - 1.8e15) / 1e6).toBeGreaterThan(300);
  expect(((begun?.timeUs ?? 0) - 1.8e15) / 1e6).toBeLessThan(320);
  expect(((ended?.timeUs ?? 0) - 1.8e15) / 1e6).toBeLessThan(430);
  const middle = scores.find(({ timeUs }) => timeUs === 1.8e15 + 352e6);
  const first = middle?.contributions[0];
  expect(first?.signal).toBe(2);
  expect((first?.seen ?? 0) - (first?.expected ?? 0)).toBeGreaterThan(1.5);
  expect(middle?.contributions.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
});

test('a missing signal makes no scores, and says why', () => {
  const series = machineSeries(300, 2, 1.8e15);
  series[1]?.values.fill(Number.NaN, 100, 200);
  const network = runtime.network(model.layers, model.weights);
  const seconds: number[] = [];
  const detector = new Detector(model, network, ({ timeUs }) => seconds.push((timeUs - 1.8e15) / 1e6));
  for (let nr = 0; nr < 300; nr++)
    for (const [column, { timesUs, values }] of series.entries())
      detector.sample(column, timesUs[nr] ?? 0, values[nr] ?? Number.NaN);
  network.close();
  expect(seconds.filter((second) => second > 100 && second < 216)).toEqual([]);
  expect(seconds.at(-1)).toBe(296);
  expect(detector.windows.unusable).toBe(28);
  expect([...detector.windows.missing]).toEqual([0, 100, 0, 0]);
});

test('a training that is aborted ends with the reason', async () => {
  const abort = new AbortController();
  const reason = new Error('no longer wanted');
  const training = trainModel(options({ signal: abort.signal, onProgress: () => abort.abort(reason) }));
  await expect(training).rejects.toBe(reason);
});

test('it ends in time with the best so far', async () => {
  let nowMs = 0;
  const timed = await trainModel(options({ maxMs: 100, nowMs: () => (nowMs += 1) }));
  expect(timed.training.stopped).toBe('time');
  expect(timed.training.epochs).toBeLessThan(20);
});

test('too little history is a fault that names the signal that is missing', async () => {
  const series = machineSeries(1500, 1);
  series[3]?.values.fill(Number.NaN, 200);
  const training = trainModel(options({ series }));
  await expect(training).rejects.toMatchObject({ code: 'model-history-short' });
  await expect(training).rejects.toThrow('site/machine/noise is missing most often');
});

import type { Device } from '../../firmware-sim/device.ts';
import type { FaultName } from '../../firmware-sim/faults.ts';
import { createPlant, type Plant } from '../../firmware-sim/plant.ts';
import { Detector } from '../../models/detector.ts';
import type { Model, ModelSpec, Score } from '../../models/model.ts';
import type { Runtime } from '../../models/runtime.ts';
import { trainModel } from '../../models/training.ts';

const asset = 'water/loop1';
const minuteUs = 60e6;
const startUs = Date.UTC(2026, 0, 5, 6) * 1000;

/** The model of the demo: signals of both protocols that carry the past. */
const loopHealth: ModelSpec = {
  name: 'loop1-health',
  asset,
  signals: [
    'flow',
    'suction-pressure',
    'discharge-pressure',
    'pump-speed',
    'valve-position',
    'supply-temperature',
    'return-temperature',
    'tank-level',
    'vibration-de',
    'vibration-peak',
    'noise-level',
    'motor-temperature',
  ].map((name) => `${asset}/${name}`),
  kind: 'autoencoder',
  window: 32,
  hop: 4,
  holdS: 10,
};

type Take = (column: number, timeUs: number, value: number) => void;

/** Lets a plant go on and hands over what its devices read of the model's signals, in the order of their readings. */
function advance(plant: Plant, untilUs: number, take: Take): void {
  plant.advanceTo(untilUs, ({ first, signals }: Device) => {
    const { timesUs, values } = plant.readings();
    for (const [nr, { path }] of signals.entries()) {
      const column = loopHealth.signals.indexOf(path);
      if (column >= 0) take(column, timesUs[first + nr] ?? Number.NaN, values[first + nr] ?? Number.NaN);
    }
  });
}

/** Trains on the first minutes of a plant. */
export function trainOnPlant(runtime: Runtime, seed: number, minutes: number): Promise<Model> {
  const plant = createPlant(seed, startUs);
  const times = loopHealth.signals.map((): number[] => []);
  const values = loopHealth.signals.map((): number[] => []);
  advance(plant, startUs + minutes * minuteUs, (column, timeUs, value) => {
    times[column]?.push(timeUs);
    values[column]?.push(value);
  });
  const series = times.map((of, column) => ({
    timesUs: Float64Array.from(of),
    values: Float64Array.from(values[column] ?? []),
  }));
  const { signal } = new AbortController();
  return trainModel({ spec: loopHealth, series, seed: 1, runtime, signal, maxMs: 60_000 });
}

/** What a model said of a fault; times in seconds of the plant. */
export interface Watched {
  /** Highest score in the five minutes before. */
  readonly quietScore: number;
  /** From the fault's beginning to the condition's, and from its end to the condition's; NaN: never. */
  readonly delayS: number;
  readonly clearS: number;
  /** Place of the first right signal in the reasons when the condition began, from 1; NaN: never. */
  readonly rank: number;
}

/** Watches five minutes without a fault, 100 s with it, and what comes after; scores count at the time at which they are there. */
export function watchFault(runtime: Runtime, model: Model, seed: number, fault: FaultName): Watched {
  const plant = createPlant(seed, startUs);
  const beginUs = startUs + 65 * minuteUs;
  const endUs = beginUs + 100e6;
  let quietScore = 0;
  let delayS = Number.NaN;
  let rank = Number.NaN;
  let standingUs = Number.NaN;
  let lastUs = startUs;
  const network = runtime.network(model.layers, model.weights);
  const detector = new Detector(model, network, (score) => {
    const { nowUs } = plant;
    if (nowUs <= beginUs) quietScore = Math.max(quietScore, score.score);
    else if (score.stands && Number.isNaN(delayS)) {
      delayS = (nowUs - beginUs) / 1e6;
      rank = rankOf(plant, fault, score);
    }
    if (score.stands) standingUs = Number.NaN;
    else if (Number.isNaN(standingUs)) standingUs = nowUs;
    lastUs = nowUs;
  });
  const sample: Take = (column, timeUs, value) => detector.sample(column, timeUs, value);
  advance(plant, startUs + 59 * minuteUs, () => undefined);
  advance(plant, beginUs, sample);
  plant.beginFault(fault);
  advance(plant, endUs, sample);
  plant.endFault(fault);
  advance(plant, endUs + 5 * minuteUs, sample);
  network.close();
  const clearS = lastUs > endUs ? (standingUs - endUs) / 1e6 : Number.NaN;
  return { quietScore, delayS, clearS, rank };
}

function rankOf(plant: Plant, fault: FaultName, { contributions }: Score): number {
  const right = plant.faults().find(({ name }) => name === fault)?.signals ?? [];
  const place = contributions.findIndex(({ signal }) => right.includes(loopHealth.signals[signal] ?? ''));
  return place < 0 ? Number.NaN : place + 1;
}

/** Watches a plant without a fault from the end of its first hour on; counts how often the condition begins. */
export function watchDay(
  runtime: Runtime,
  model: Model,
  seed: number,
  hours: number,
): { readonly windows: number; readonly alarms: number; readonly highest: number } {
  const plant = createPlant(seed, startUs);
  let stood = false;
  let alarms = 0;
  let highest = 0;
  const network = runtime.network(model.layers, model.weights);
  const detector = new Detector(model, network, ({ score, stands }) => {
    if (stands && !stood) alarms++;
    stood = stands;
    highest = Math.max(highest, score);
  });
  advance(plant, startUs + 60 * minuteUs, () => undefined);
  advance(plant, startUs + (1 + hours) * 60 * minuteUs, (column, timeUs, value) => {
    detector.sample(column, timeUs, value);
  });
  network.close();
  return { windows: detector.windows.usable, alarms, highest };
}

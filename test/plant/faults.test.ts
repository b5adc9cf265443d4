import { beforeAll, describe, expect, test } from 'vitest';

import { faultNames } from '../../firmware-sim/faults.ts';
import type { Model } from '../../models/model.ts';
import type { Runtime } from '../../models/runtime.ts';
import { openWasm } from '../../models/tensorflow.ts';
import { figure } from '../end-to-end/figures.ts';
import { trainOnPlant, watchDay, watchFault } from './watch.ts';

/** The long run: MILLRACE_LONG=1; MILLRACE_SEEDS says of which plants, so that it can be gone on with. */
const long = process.env['MILLRACE_LONG'] === '1';
const [first = 1, last = first] = (process.env['MILLRACE_SEEDS'] ?? (long ? '1-10' : '1')).split('-').map(Number);
const seeds = Array.from({ length: last - first + 1 }, (_, i) => first + i);

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openWasm('learning');
});

describe.each(seeds)('plant of seed %i, watched by a model of one hour of its history', (seed) => {
  let model: Model;
  beforeAll(async () => {
    model = await trainOnPlant(runtime, seed, 60);
  });

  test.each(faultNames)('%s: quiet before, an alarm with a right reason within 60 s, gone within 110 s', (fault) => {
    const seen = watchFault(runtime, model, seed, fault);
    const { delayS, clearS, rank } = seen;
    figure(`seed ${seed}, ${fault}: alarm after, gone after, s; rank`, `${delayS} ${clearS}; ${rank}`);
    expect(seen.quietScore).toBeLessThan(0.8);
    expect(seen.delayS).toBeLessThan(60);
    expect(seen.rank).toBeLessThanOrEqual(2);
    expect(seen.clearS).toBeLessThan(110);
  });

  test('a day without a fault has no alarm', () => {
    const { alarms, windows, highest } = watchDay(runtime, model, seed, long ? 24 : 4);
    figure(`seed ${seed}, hours without a fault: false alarms, highest score`, `${alarms} ${highest.toFixed(2)}`);
    expect(windows).toBeGreaterThan(3500);
    expect(alarms).toBe(0);
    expect(highest).toBeLessThan(1);
  });
});

import { describe, expect, test } from 'vitest';
import { faultSignature, type Deviation } from './fault-signature.ts';
import { faultNames, type FaultName } from './faults.ts';
import { createPlant } from './plant.ts';

const seeds = [1, 2, 3];
/** In different parts of the cooling programme; s. */
const beginnings = [300, 444, 590, 735];
const settled = [20, 60] as const;

/** The least score of each signal over all seeds and beginnings: it shows at least that strongly. */
function leastScores(name: FaultName): Deviation[] {
  const least = new Map<string, Deviation>();
  for (const seed of seeds)
    for (const beginS of beginnings)
      for (const deviation of faultSignature(seed, name, beginS, settled)) {
        const known = least.get(deviation.path);
        if (known === undefined || known.score > deviation.score) least.set(deviation.path, deviation);
      }
  return [...least.values()].toSorted((one, other) => other.score - one.score);
}

function signalsOf(name: FaultName): readonly string[] {
  const state = createPlant(1)
    .faults()
    .find((fault) => fault.name === name);
  return state?.signals ?? [];
}

describe('each fault', () => {
  test.each(faultNames)('%s: the signals it names are those that deviate most, and far outside their noise', (name) => {
    const scores = leastScores(name);
    const signals = signalsOf(name);
    const most = scores.slice(0, signals.length);
    expect(most[0]?.path).toBe(signals[0]);
    expect(most.map(({ path }) => path).toSorted()).toEqual(signals.toSorted());
    for (const { score } of most) expect(score).toBeGreaterThan(15);
  });

  test.each(faultNames)('%s: can be seen within 20 s, and within 30 s after its end nearly nothing is left', (name) => {
    const signals = signalsOf(name);
    for (const seed of seeds) {
      const early = faultSignature(seed, name, 400, [15, 20]);
      expect(Math.max(...early.filter(({ path }) => signals.includes(path)).map(({ score }) => score))).toBeGreaterThan(
        5,
      );
      const after = faultSignature(seed, name, 400, [120, 130], 90);
      for (const { path, score } of after.filter((deviation) => signals.includes(deviation.path)))
        expect({ path, left: score > 4 }).toEqual({ path, left: false });
    }
  });

  test('valve-partly-closed: flow falls, pressure behind the pump rises, power falls, the reported position stays', () => {
    const shifts = new Map(
      faultSignature(1, 'valve-partly-closed', 300, settled).map(({ path, shift }) => [path, shift]),
    );
    expect(shifts.get('water/loop1/flow')).toBeLessThan(-8);
    expect(shifts.get('water/loop1/discharge-pressure')).toBeGreaterThan(0.15);
    expect(shifts.get('water/loop1/power')).toBeLessThan(-0.2);
    expect(shifts.get('water/loop1/valve-position')).toBe(0);
  });

  test('cavitation: the suction side falls towards vapour pressure, the pump shakes and roars, flow falls', () => {
    const shifts = new Map(faultSignature(1, 'cavitation', 300, settled).map(({ path, shift }) => [path, shift]));
    expect(shifts.get('water/loop1/suction-pressure')).toBeLessThan(-0.4);
    expect(shifts.get('water/loop1/vibration-peak')).toBeGreaterThan(4);
    expect(shifts.get('water/loop1/vibration-de')).toBeGreaterThan(1);
    expect(shifts.get('water/loop1/noise-level')).toBeGreaterThan(5);
    expect(shifts.get('water/loop1/flow')).toBeLessThan(-4);
  });

  test('drifting-sensor: one transmitter leaves the physics, nothing else moves at all', () => {
    const [worst, ...others] = faultSignature(1, 'drifting-sensor', 300, settled);
    expect(worst?.path).toBe('water/loop1/discharge-pressure');
    expect(others.every(({ score }) => score === 0)).toBe(true);
  });

  test('begins with a severity of its own each time, from the seed', () => {
    expect(severities(1)).toEqual(severities(1));
    expect(new Set([...severities(1), ...severities(2)]).size).toBe(8);
    for (const severity of severities(3)) expect(severity >= 42_000 && severity <= 52_000).toBe(true);
  });
});

/** Of four occurrences of cavitation. */
function severities(seed: number): number[] {
  const plant = createPlant(seed);
  return Array.from({ length: 4 }, () => {
    plant.beginFault('cavitation');
    plant.advanceTo(plant.nowUs + 1e6);
    plant.endFault('cavitation');
    return plant.loop.faults.cavitation.severity;
  });
}

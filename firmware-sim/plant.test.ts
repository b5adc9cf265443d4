import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { faultNames } from './faults.ts';
import { createPlant, type Plant } from './plant.ts';

/** Hash over every reading with its time until then, going on in pieces of the given lengths (s), repeated. */
function storyOf(plant: Plant, seconds: number, pieces: readonly number[], before?: (second: number) => void): string {
  const hash = createHash('sha256');
  const readings = plant.readings();
  let at = 0;
  for (let nr = 0; at < seconds; nr++) {
    before?.(at);
    at = Math.min(seconds, at + (pieces[nr % pieces.length] ?? 1));
    plant.advanceTo(plant.startUs + at * 1e6, ({ first, signals }) => {
      hash.update(readings.values.subarray(first, first + signals.length));
      hash.update(readings.timesUs.subarray(first, first + 1).map((time) => time - plant.startUs));
    });
  }
  return hash.digest('hex');
}

const faultStory = (plant: Plant) => (second: number) => {
  if (second === 60) plant.beginFault('cavitation');
  if (second === 120) plant.endFault('cavitation');
  if (second === 150) plant.beginFault('drifting-sensor');
};

describe('the plant', () => {
  test('same seed, same plant, to the bit; another seed, another plant', () => {
    const story = storyOf(createPlant(7), 600, [600]);
    expect(storyOf(createPlant(7), 600, [600])).toBe(story);
    expect(storyOf(createPlant(8), 600, [600])).not.toBe(story);
  });

  test('however time is cut into pieces, and whenever it begins', () => {
    const story = storyOf(createPlant(7), 300, [300]);
    const lengths = fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(lengths, (pieces) => {
        expect(storyOf(createPlant(7), 300, [...pieces, 10])).toBe(story);
      }),
      { numRuns: 8 },
    );
    expect(storyOf(createPlant(7, 1_763_708_400_000_000), 300, [1])).toBe(story);
  });

  test('the same faults at the same times are part of it', () => {
    const [one, two, quiet] = [createPlant(7), createPlant(7), createPlant(7)];
    const story = storyOf(one, 300, [30], faultStory(one));
    expect(storyOf(two, 300, [30, 30, 10, 20], faultStory(two))).toBe(story);
    expect(storyOf(quiet, 300, [30])).not.toBe(story);
    expect(one.faults().map(({ active }) => active)).toEqual([false, false, true]);
    expect(one.faults()[2]?.sinceUs).toBe(150e6);
  });

  test('a fault at one machine leaves the other as it was but for the voltage they share', () => {
    const [faulty, quiet] = [createPlant(7), createPlant(7)];
    faulty.beginFault('valve-partly-closed');
    for (let second = 1; second <= 120; second++) {
      faulty.advanceTo(second * 1e6);
      quiet.advanceTo(second * 1e6);
      for (const { path } of quiet.signals.filter(
        ({ asset, protocol }) => asset === 'pressing/press1' && protocol !== 'modbus',
      ))
        expect({ path, value: faulty.reading(path) }).toEqual({ path, value: quiet.reading(path) });
    }
  });

  test('has the signals it promises, each read about once a second by its device', () => {
    const plant = createPlant(3);
    const counts = new Map<string, number>();
    plant.advanceTo(100e6, ({ asset, name }) =>
      counts.set(`${asset}/${name}`, (counts.get(`${asset}/${name}`) ?? 0) + 1),
    );
    const byProtocol = (protocol: string): number =>
      plant.signals.filter((signal) => signal.protocol === protocol).length;
    expect([byProtocol('opcua'), byProtocol('mqtt'), byProtocol('modbus')]).toEqual([16, 12, 20]);
    expect(new Set(plant.signals.map(({ path }) => path)).size).toBe(48);
    expect(counts.size).toBe(8);
    for (const count of counts.values()) expect(Math.abs(count - 100)).toBeLessThanOrEqual(1);
    expect(plant.readings().values.every((value) => Number.isFinite(value))).toBe(true);
    expect(() => plant.reading('water/loop1/colour')).toThrow('no signal water/loop1/colour');
  });

  test('device times go up, second by second, and stay near the truth', () => {
    const plant = createPlant(3);
    const last = new Map<string, number>();
    const steps: number[] = [];
    const errors: number[] = [];
    plant.advanceTo(2 * 3600e6, ({ asset, first, name }) => {
      const time = plant.readings().timesUs[first] ?? 0;
      const before = last.get(`${asset}/${name}`);
      if (before !== undefined) steps.push(time - before);
      errors.push(Math.abs(time - plant.nowUs));
      last.set(`${asset}/${name}`, time);
    });
    expect(steps.reduce((least, step) => Math.min(least, step), 1e9)).toBeGreaterThan(0.7e6);
    expect(steps.reduce((most, step) => Math.max(most, step), 0)).toBeLessThan(1.3e6);
    expect(errors.reduce((most, error) => Math.max(most, error), 0)).toBeLessThan(0.4e6);
  });

  test('at least ten signals a protocol move within any five seconds', () => {
    const plant = createPlant(2);
    for (let round = 0; round < 200; round++) {
      const start = plant.readings().values.slice();
      const moved = new Set<string>();
      for (let second = 0; second < 5; second++) {
        plant.advanceTo(plant.nowUs + 1e6);
        for (const [place, { path, protocol }] of plant.signals.entries())
          if (plant.readings().values[place] !== start[place]) moved.add(`${protocol} ${path}`);
      }
      for (const protocol of ['opcua', 'mqtt', 'modbus'])
        expect([...moved].filter((one) => one.startsWith(protocol)).length).toBeGreaterThanOrEqual(10);
    }
  });
});

/** Each signal's readings over an hour, sorted. */
function hourOf(plant: Plant): Float64Array[] {
  const columns = plant.signals.map(() => new Float64Array(3600));
  for (let second = 0; second < 3600; second++) {
    plant.advanceTo(plant.nowUs + 1e6);
    for (const [place, column] of columns.entries()) column[second] = plant.readings().values[place] ?? Number.NaN;
  }
  return columns.map((column) => column.toSorted());
}

describe('normal operation', () => {
  test('one hour shows what a day holds: later quantiles stay within the first hour, or a little outside', () => {
    const plant = createPlant(1);
    const first = hourOf(plant);
    const outside: string[] = [];
    for (let hour = 1; hour < 24; hour++) {
      const later = hourOf(plant);
      for (const [place, { name, path }] of plant.signals.entries()) {
        if (name === 'energy' || name === 'strokes') continue;
        const [known, now] = [first[place] ?? new Float64Array(), later[place] ?? new Float64Array()];
        const [low = 0, high = 0, from = 0, to = 0] = [known[0], known[3599], now[36], now[3563]];
        const beyond = Math.max(low - from, to - high) / (high - low);
        if (beyond > 0.2) outside.push(`${path} in hour ${hour} by ${beyond.toFixed(2)}`);
      }
    }
    expect(outside).toEqual([]);
  });

  test('the cooling programme goes through all its levels five times an hour', () => {
    const plant = createPlant(1);
    const setpoints = Array.from({ length: 3600 }, () => {
      plant.advanceTo(plant.nowUs + 1e6);
      return plant.reading('water/loop1/speed-setpoint');
    });
    const round = setpoints.slice(0, 720);
    expect(Math.max(...round) - Math.min(...round)).toBeGreaterThan(250);
    // Between rounds only the slow swing differs, and the second in which the PLC is read.
    const differing = round.filter((setpoint, second) =>
      [1, 2, 3, 4].some((nr) => Math.abs((setpoints[second + 720 * nr] ?? 0) - setpoint) > 45),
    );
    expect(differing.length).toBeLessThan(10);
  });

  test('an hour of it is simulated within seconds', () => {
    const plant = createPlant(1);
    const begin = performance.now();
    plant.advanceTo(3600e6);
    expect(3600 / ((performance.now() - begin) / 1000)).toBeGreaterThan(2000);
  });

  test('never cavitates and stays dry above the lowest level', () => {
    const plant = createPlant(11);
    let margin = Infinity;
    for (let second = 0; second < 3600; second++) {
      plant.advanceTo(plant.nowUs + 1e6);
      margin = Math.min(margin, plant.loop.pump.npshAvailable / plant.loop.pump.npshRequired);
    }
    expect(margin).toBeGreaterThan(1.25);
    expect(plant.loop.pump.cavitation).toBe(0);
    expect(plant.faults().map(({ name }) => name)).toEqual([...faultNames]);
  });
});

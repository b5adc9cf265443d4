import { describe, expect, test } from 'vitest';
import { effectiveness } from './heat-exchanger.ts';
import { createPlant } from './plant.ts';
import { Tank } from './tank.ts';
import { stepS } from './time.ts';
import { ControlValve } from './valve.ts';
import { barPerMetre, heatPerVolume, vapourPressure } from './water.ts';

describe('the water loop', () => {
  test('mass: what the tank gains and loses is make-up minus leak', () => {
    const tank = new Tank();
    const before = tank.volume;
    const leakPerHour = 0.13;
    for (let step = 0; step < 300 * 10; step++) tank.step(0.014, 28, 22);
    expect(before - tank.volume).toBeCloseTo((leakPerHour * 300) / 3600, 6);
    const levels = Array.from({ length: 40_000 }, () => {
      tank.step(0.014, 28, 22);
      return tank.level;
    });
    expect(Math.min(...levels)).toBeGreaterThan(0.619);
    expect(Math.max(...levels)).toBeLessThan(0.639);
  });

  test('the valve follows its setpoint at the speed of its drive; its flow coefficient is equal-percentage', () => {
    const valve = new ControlValve();
    for (let step = 0; step < 100; step++) valve.step(1, 0, 0);
    expect(valve.reported).toBeCloseTo(0.7 + 0.015 * 100 * stepS, 6);
    const resistanceAt = (opening: number): number => {
      valve.opening = opening;
      return valve.resistance();
    };
    expect(resistanceAt(0.5) / resistanceAt(0.6)).toBeCloseTo(resistanceAt(0.7) / resistanceAt(0.8), 6);
    // Kvs: 160 m³/h at 1 bar.
    expect(resistanceAt(1) * (160 / 3600) ** 2 * barPerMetre).toBeCloseTo(1, 6);
  });

  test('a stuck valve goes on reporting what it was told', () => {
    const valve = new ControlValve();
    for (let step = 0; step < 200; step++) valve.step(0.72, 1, 0.45);
    expect(valve.reported).toBeCloseTo(0.72, 2);
    expect(valve.opening).toBe(0.45);
  });

  test('a counterflow exchanger never gives more than all, and the formula is whole at equal flows', () => {
    for (const units of [0.1, 1, 5, 50])
      for (const ratio of [0, 0.3, 0.9, 0.99989, 1]) {
        expect(effectiveness(units, ratio)).toBeGreaterThan(0);
        expect(effectiveness(units, ratio)).toBeLessThanOrEqual(1);
      }
    expect(effectiveness(2, 0.99989)).toBeCloseTo(effectiveness(2, 1), 3);
  });

  test('heads and heats balance over the running loop', () => {
    const { loop } = createPlant(4);
    const plant = createPlant(4);
    let given = 0;
    let taken = 0;
    const stored = (): number => plant.loop.tank.volume * plant.loop.tank.temperature * heatPerVolume;
    const before = stored();
    for (let second = 1; second <= 3600; second++) {
      plant.advanceTo(second * 1e6);
      const { demand, exchanger, flow, pump } = plant.loop;
      given += demand.heat + pump.heating(flow);
      taken += exchanger.heat;
    }
    // The hall's air and the make-up water carry the rest: a few kilowatts of three hundred.
    expect(Math.abs(given - taken - (stored() - before)) / given).toBeLessThan(0.03);
    const rise = loop.returnTemperature - loop.exchanger.supply;
    expect(rise).toBeGreaterThan(3);
    expect(rise).toBeLessThan(7);
    expect(loop.dischargePressure - loop.suctionPressure).toBeCloseTo(loop.pump.head * barPerMetre, 9);
  });

  test('water boils where tables say', () => {
    expect(vapourPressure(100)).toBeCloseTo(1.013, 1);
    expect(vapourPressure(20)).toBeCloseTo(0.0234, 3);
  });
});

import { describe, expect, test } from 'vitest';
import { Mains } from './mains.ts';
import { Motor } from './motor.ts';
import { PowerMeter } from './power-meter.ts';
import { PumpVibration } from './vibration.ts';

function run(motor: Motor, seconds: number, setpoint: number, shaftPower: number): void {
  for (let step = 0; step < seconds * 10; step++) motor.step(setpoint, shaftPower, 1, 22);
}

describe('motor, vibration and power meter', () => {
  test('the shaft slips behind its drive in proportion to the torque', () => {
    const slips = [1500, 3000, 6000].map((power) => {
      const motor = new Motor();
      run(motor, 30, 2700, power);
      return (1 - motor.speed / 2700) / (power / motor.speed);
    });
    expect(slips[0]).toBeCloseTo(slips[2] ?? 0, 3);
    const loaded = new Motor();
    run(loaded, 30, 2900, 7500);
    expect(1 - loaded.speed / 2900).toBeCloseTo(0.028, 2);
  });

  test('what goes in is more than what comes out, and the difference warms it to a standstill', () => {
    const motor = new Motor();
    run(motor, 7200, 2700, 5000);
    expect(5000 / motor.electricPower).toBeGreaterThan(0.85);
    expect(5000 / motor.electricPower).toBeLessThan(0.93);
    const { bearing, frame, winding } = motor;
    expect(winding).toBeGreaterThan(frame);
    expect(frame).toBeGreaterThan(bearing);
    run(motor, 600, 2700, 5000);
    expect(motor.winding).toBeCloseTo(winding, 2);
    run(motor, 7200, 2700, 7000);
    expect(motor.winding).toBeGreaterThan(winding + 5);
  });

  test('imbalance grows with the square of speed, bubbles are heard above all at high frequency', () => {
    const [fast] = average(2800, 0);
    const [slow] = average(1400, 0);
    expect(fast / slow).toBeCloseTo(4, 1);
    const [, quiet] = average(2700, 0);
    const [, loud] = average(2700, 1);
    expect(loud / quiet).toBeGreaterThan(5);
  });

  test('the meter: power is the sum of voltage times current times power factor, and energy its integral', () => {
    const mains = new Mains(1);
    const meter = new PowerMeter(1, 'pump');
    const before = meter.energy;
    for (let step = 0; step < 36_000; step++) {
      mains.step(5000);
      meter.step(6000, 0.93, mains);
    }
    const apparent = mains.voltages.reduce((sum, voltage, phase) => sum + voltage * (meter.currents[phase] ?? 0), 0);
    expect(apparent * meter.powerFactor).toBeCloseTo(6000, 0);
    expect(meter.energy - before).toBe(600);
    expect(Number.isInteger(meter.energy)).toBe(true);
  });
});

/** Mean velocity and peak over many steps. */
function average(speed: number, cavitation: number): [number, number] {
  const vibration = new PumpVibration(1);
  let velocity = 0;
  let peak = 0;
  for (let step = 0; step < 5000; step++) {
    vibration.step(speed, 0, 0, cavitation);
    velocity += vibration.driveEnd / 5000;
    peak += vibration.peak / 5000;
  }
  return [velocity, peak];
}

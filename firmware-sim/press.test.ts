import { describe, expect, test } from 'vitest';
import { PressHeat } from './press-heat.ts';
import { Press, type Phase } from './press.ts';

describe('the press', () => {
  test('goes through its cycle in order, stroke after stroke, and stands still while the tool is changed', () => {
    const press = new Press(1);
    const order: Phase[] = [];
    let standing = 0;
    let longest = 0;
    for (let step = 1; step <= 36_000; step++) {
      press.step(step / 10);
      if (order.at(-1) !== press.phase) order.push(press.phase);
      standing = press.phase === 'open' ? standing + 0.1 : 0;
      longest = Math.max(longest, standing);
    }
    expect(order.slice(0, 6)).toEqual(['open', 'closing', 'pressing', 'holding', 'returning', 'open']);
    const rounds = order.filter((phase) => phase === 'open').length;
    expect(press.strokes).toBeGreaterThan(400);
    expect(Math.abs(rounds - press.strokes)).toBeLessThanOrEqual(1);
    expect(longest).toBeGreaterThan(20);
    expect(longest).toBeLessThan(40);
  });

  test('reaches the ordered force of each of three parts, never more; pressure is force over area', () => {
    const press = new Press(1);
    const forces = new Set<number>();
    let highest = 0;
    for (let step = 1; step <= 36_000; step++) {
      press.step(step / 10);
      if (press.phase !== 'holding') continue;
      forces.add(press.force);
      highest = Math.max(highest, press.pressure);
    }
    expect([...forces].toSorted((one, other) => one - other)).toEqual([640e3, 720e3, 800e3]);
    expect(highest / 1e5).toBeCloseTo(800e3 / 0.05 / 1e5 + 6, 0);
  });

  test('the oil warms until the cooler comes on, and swings between the ends of its thermostat', () => {
    const heat = new PressHeat(1);
    const temperatures = Array.from({ length: 72_000 }, () => {
      heat.step(6500, 900, 12_000, 22);
      return heat.oil;
    }).slice(20_000);
    expect(Math.min(...temperatures)).toBeCloseTo(43.5, 1);
    expect(Math.max(...temperatures)).toBeCloseTo(45.5, 1);
  });
});

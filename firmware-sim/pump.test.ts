import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Pump } from './pump.ts';

/** Settled, and its turbulence averaged out. @param flow m³/h @param suction m */
function settled(speed: number, flow: number, suction: number): { head: number; power: number; cavitation: number } {
  const pump = new Pump(1);
  let head = 0;
  let power = 0;
  for (let step = 0; step < 600; step++) {
    pump.step(speed, flow / 3600, suction);
    if (step < 100) continue;
    head += pump.head / 500;
    power += pump.shaftPower / 500;
  }
  return { head, power, cavitation: pump.cavitation };
}

describe('the pump', () => {
  test('obeys the affinity laws: flow ~ n, head ~ n², power ~ n³', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1500, max: 2900 }), fc.integer({ min: 10, max: 60 }), (speed, flow) => {
        const ratio = speed / 2900;
        const full = settled(2900, flow, 50);
        const slow = settled(speed, flow * ratio, 50);
        expect(slow.head / full.head / ratio ** 2).toBeCloseTo(1, 2);
        expect(slow.power / full.power / ratio ** 3).toBeCloseTo(1, 2);
      }),
      { numRuns: 30 },
    );
  });

  test('has its best point near 72 % efficiency', () => {
    const { head, power } = settled(2900, 62, 50);
    const efficiency = (997 * 9.81 * (62 / 3600) * head) / power;
    expect(efficiency).toBeGreaterThan(0.68);
    expect(efficiency).toBeLessThan(0.78);
  });

  test('does not cavitate with room to spare, and loses head as the suction head falls below what it needs', () => {
    const needed = new Pump(1);
    needed.step(2700, 52 / 3600, 20);
    const heads = [2, 1, 0.6, 0.3].map((margin) => settled(2700, 52, margin * needed.npshRequired));
    expect(heads[0]?.cavitation).toBe(0);
    expect(heads[3]?.cavitation).toBeGreaterThan(0.99);
    const falling = heads.map(({ head }) => head);
    expect(falling).toEqual(falling.toSorted((one, other) => other - one));
    // NPSHr is where 3 % of the head is lost, or a little less.
    expect(1 - (falling[1] ?? 0) / (falling[0] ?? 1)).toBeLessThan(0.03);
    expect(1 - (falling[2] ?? 0) / (falling[0] ?? 1)).toBeGreaterThan(0.03);
  });
});

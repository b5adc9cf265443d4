import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RandomStream, Wander } from './random.ts';

function draw(count: number, next: () => number): number[] {
  return Array.from({ length: count }, next);
}

function moments(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(square) };
}

describe('random streams', () => {
  test('are the same for the same seed and name, and others for another', () => {
    fc.assert(
      fc.property(fc.integer(), fc.string(), (seed, name) => {
        const some = draw(
          8,
          (
            (stream) => () =>
              stream.uniform()
          )(new RandomStream(seed, name)),
        );
        const same = draw(
          8,
          (
            (stream) => () =>
              stream.uniform()
          )(new RandomStream(seed, name)),
        );
        const other = draw(
          8,
          (
            (stream) => () =>
              stream.uniform()
          )(new RandomStream(seed, `${name}x`)),
        );
        expect(same).toEqual(some);
        expect(other).not.toEqual(some);
        expect(some.every((value) => value > 0 && value < 1)).toBe(true);
      }),
    );
  });

  test('what one draws does not move another', () => {
    const first = new RandomStream(1, 'flow');
    const second = new RandomStream(1, 'power');
    const alone = draw(5, () => new RandomStream(1, 'power').uniform());
    draw(1000, () => first.gauss());
    expect(second.uniform()).toBe(alone[0]);
  });

  test('gauss has mean 0 and deviation 1, streams with neighbouring names are not related', () => {
    const one = new RandomStream(42, 'sensor/a');
    const two = new RandomStream(42, 'sensor/b');
    const pairs = Array.from({ length: 50_000 }, () => [one.gauss(), two.gauss()] as const);
    const { deviation, mean } = moments(pairs.map(([value]) => value));
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(deviation - 1)).toBeLessThan(0.02);
    const correlation = pairs.reduce((sum, [a, b]) => sum + a * b, 0) / pairs.length;
    expect(Math.abs(correlation)).toBeLessThan(0.02);
  });

  test('a wander has deviation 1 and forgets with its time constant', () => {
    const wander = new Wander(new RandomStream(3, 'wander'), 10, 1);
    const values = draw(200_000, () => wander.step());
    expect(Math.abs(moments(values).deviation - 1)).toBeLessThan(0.05);
    const lag = values.slice(10).reduce((sum, value, nr) => sum + value * (values[nr] ?? 0), 0) / (values.length - 10);
    expect(lag).toBeCloseTo(Math.exp(-1), 1);
  });
});

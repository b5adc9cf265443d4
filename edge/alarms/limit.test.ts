import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StatusCode } from '../core/status-code.ts';
import { LimitCondition, type LimitOptions } from './limit.ts';

const S = 1_000_000;

/** Feeds `[second, value]` pairs and returns at which seconds the condition stands. */
function standing(options: Partial<LimitOptions>, values: readonly (readonly [number, number | null])[]): number[] {
  const condition = new LimitCondition({ deadband: 0, onDelayUs: 0, ...options });
  return values.flatMap(([second, value]) => {
    condition.sample(second * S, second * S, value, value === null ? StatusCode.BadNoCommunication : StatusCode.Good);
    return condition.stands ? [second] : [];
  });
}

describe('a limit', () => {
  test('stands while the value is beyond it, not at it', () => {
    expect(
      standing({ high: 80 }, [
        [0, 79],
        [1, 80],
        [2, 80.1],
        [3, 80],
      ]),
    ).toEqual([2]);
    expect(
      standing({ low: 5 }, [
        [0, 6],
        [1, 5],
        [2, 4.9],
        [3, 5],
      ]),
    ).toEqual([2]);
  });

  test('with a deadband stands until the value has come so far back', () => {
    expect(
      standing({ high: 80, deadband: 2 }, [
        [0, 81],
        [1, 79],
        [2, 78],
        [3, 79],
      ]),
    ).toEqual([0, 1]);
    expect(
      standing({ low: 5, deadband: 1 }, [
        [0, 4],
        [1, 5.9],
        [2, 6],
        [3, 5.9],
      ]),
    ).toEqual([0, 1]);
  });

  test('with an on-delay stands only when the value stayed beyond it for so long', () => {
    const values = [
      [0, 81],
      [1, 81],
      [2, 79],
      [3, 81],
      [5, 81],
      [6, 81],
      [7, 79],
    ] as const;
    expect(standing({ high: 80, onDelayUs: 3 * S }, values)).toEqual([6]);
  });

  test('with an on-delay and a source that reports only changes stands when the time has gone by', () => {
    const condition = new LimitCondition({ high: 80, deadband: 0, onDelayUs: 3 * S });
    // The device's clock is an hour behind: the delay runs on arrival.
    condition.sample(0, 3600 * S, 81, StatusCode.Good);
    condition.tick(3602 * S);
    expect(condition.stands).toBe(false);
    condition.tick(3603 * S);
    expect(condition.stands).toBe(true);
    expect(condition.sinceUs).toBe(0);
  });

  test('a value that is not Good neither raises nor ends it, and begins a delay anew', () => {
    expect(
      standing({ high: 80 }, [
        [0, 81],
        [1, null],
        [2, 81],
      ]),
    ).toEqual([0, 1, 2]);
    expect(
      standing({ high: 80, onDelayUs: 2 * S }, [
        [0, 81],
        [1, null],
        [2, 81],
        [3, 81],
        [4, 81],
      ]),
    ).toEqual([4]);
  });

  test('says which limit is broken', () => {
    const condition = new LimitCondition({ high: 80, low: 5, deadband: 0, onDelayUs: 0 });
    condition.sample(0, 0, 90, StatusCode.Good);
    expect(condition.limit).toBe(80);
    condition.sample(S, S, 1, StatusCode.Good);
    expect([condition.stands, condition.limit, condition.sinceUs]).toEqual([true, 5, S]);
  });

  test('without delay and deadband stands exactly for the values beyond it, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -100, max: 100 })), (values) => {
        const stands = standing(
          { high: 50, low: -50 },
          values.map((value, i) => [i, value] as const),
        );
        expect(stands).toEqual(values.flatMap((value, i) => (value > 50 || value < -50 ? [i] : [])));
      }),
    );
  });
});

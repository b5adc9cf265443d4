import { describe, expect, test } from 'vitest';
import { ClockGuard } from './clock-guard.ts';
import { HandClock } from './clock-kit.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = 1_700_000_000_000;

function started(before: Partial<Parameters<ClockGuard['start']>[0]> = {}) {
  const clock = new HandClock(START);
  const guard = new ClockGuard(clock);
  guard.start({ lastMs: undefined, believedMs: undefined, shortestRetentionMs: 14 * DAY_MS, ...before });
  return { clock, guard, first: guard.look() };
}

describe('while it runs', () => {
  test('a clock that goes on is believed, however long, and so is one that is put right by less than an hour', () => {
    const { clock, guard } = started();
    for (let day = 0; day < 400; day++) {
      clock.pass(DAY_MS);
      clock.jump(day % 2 === 0 ? HOUR_MS : -HOUR_MS);
      expect(guard.look()).toBeUndefined();
    }
    expect(guard.trusted).toBe(true);
  });

  test.each([HOUR_MS + 1, -HOUR_MS - 1, 365 * DAY_MS, -365 * DAY_MS])('a jump by %d ms is noticed once', (jump) => {
    const { clock, guard } = started();
    clock.pass(1000);
    guard.look();
    clock.jump(jump);
    clock.pass(1000);
    expect(guard.look()).toEqual({ type: 'clock-jumped', aheadMs: jump });
    clock.pass(DAY_MS);
    expect([guard.look(), guard.trusted, guard.aheadMs]).toEqual([undefined, false, jump]);
  });

  test('it is believed again when it has come back, to within an hour of what monotonic time says', () => {
    const { clock, guard } = started();
    clock.jump(365 * DAY_MS);
    guard.look();
    clock.pass(3 * DAY_MS);
    clock.jump(-(365 * DAY_MS - 2 * HOUR_MS));
    expect(guard.look()).toBeUndefined();
    clock.jump(-HOUR_MS);
    expect(guard.look()).toEqual({ type: 'clock-confirmed', aheadMs: HOUR_MS, by: 'itself' });
    expect(guard.trusted).toBe(true);
  });

  test('or when somebody says so', () => {
    const { clock, guard } = started();
    clock.jump(365 * DAY_MS);
    guard.look();
    expect(guard.confirm()).toEqual({ type: 'clock-confirmed', aheadMs: 365 * DAY_MS, by: 'operator' });
    expect([guard.look(), guard.trusted, guard.confirm()]).toEqual([undefined, true, undefined]);
    clock.jump(-(365 * DAY_MS));
    expect(guard.look()).toMatchObject({ type: 'clock-jumped', aheadMs: -365 * DAY_MS });
  });
});

describe('at a start', () => {
  test.each([
    ['a log that is new', {}, true],
    ['off for a moment', { lastMs: START - 1000 }, true],
    ['off for a week', { lastMs: START - 7 * DAY_MS }, true],
    ['off over Christmas', { lastMs: START - 21 * DAY_MS }, false],
    ['off over Christmas, nothing goes by time', { lastMs: START - 21 * DAY_MS, shortestRetentionMs: undefined }, true],
    ['off for an hour, records are kept for one', { lastMs: START - HOUR_MS, shortestRetentionMs: HOUR_MS }, true],
    ['a clock that is behind the log', { lastMs: START + 2 * HOUR_MS }, false],
    [
      'in doubt before, with the stamps of a clock that is wrong',
      { lastMs: START, believedMs: START - 365 * DAY_MS },
      false,
    ],
    ['in doubt before, right again', { lastMs: START + 365 * DAY_MS, believedMs: START - DAY_MS }, true],
    [
      'in doubt before, nothing goes by time',
      { lastMs: START, believedMs: START - 8 * DAY_MS, shortestRetentionMs: undefined },
      false,
    ],
  ])('%s', (_name, before, trusted) => {
    expect(started(before).guard.trusted).toBe(trusted);
  });

  test('a doubt that was there before is no news, its end is', () => {
    expect(started({ believedMs: START - 365 * DAY_MS }).first).toBeUndefined();
    expect(started({ believedMs: START - DAY_MS }).first).toMatchObject({ type: 'clock-confirmed', by: 'itself' });
    expect(started({ lastMs: START - 21 * DAY_MS }).first).toEqual({ type: 'clock-jumped', aheadMs: 21 * DAY_MS });
  });

  test('a machine without a battery for its clock begins in 1970 and is believed when the network has told it the time', () => {
    const { clock, guard } = started({ lastMs: START + DAY_MS });
    expect([guard.trusted, guard.aheadMs]).toEqual([false, -DAY_MS]);
    clock.pass(30_000);
    clock.jump(2 * DAY_MS);
    expect(guard.look()).toMatchObject({ type: 'clock-confirmed', by: 'itself' });
  });
});

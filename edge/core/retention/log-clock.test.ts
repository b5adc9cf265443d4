import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fault } from '../fault.ts';
import { numbered, type OpenLog } from '../kit/log-kit.ts';
import { DAY_MS, HOUR_MS, RetentionKit, START } from './retention-kit.ts';

let kit: RetentionKit;

beforeEach(() => {
  kit = new RetentionKit();
});

afterEach(() => kit[Symbol.dispose]());

const doubtFile = (): string => path.join(kit.folder.log, 'unconfirmed-clock.json');

/** A log of ten days, and a clock that has jumped since. */
function jumped(): OpenLog {
  const log = kit.open();
  kit.days(log, 10);
  kit.clock.jump(365 * DAY_MS);
  return log;
}

describe('a clock that jumps a year ahead', () => {
  test('deletes nothing, and says so', () => {
    const log = jumped();
    for (let second = 0; second < 100; second++) {
      log.writer.retain();
      kit.clock.pass(HOUR_MS);
    }
    expect(log.ends.start('samples')).toBe(0);
    expect(kit.events(log.ends)).toMatchObject([{ key: 'gateway', type: 'clock-jumped', aheadSeconds: 365 * 86_400 }]);
    expect(log.writer.takeRecorded()).toMatchObject([{ type: 'clock-jumped', offset: 0 }]);
    expect(log.writer.figures().clock).toEqual({ trusted: false, aheadMs: 365 * DAY_MS });
    // It stands still, for others that delete by age.
    expect(log.writer.figures().believedMs).toBe(START + 9 * DAY_MS);
    log.writer.close();
  });

  test('deletes nothing after starts either, although the newest records have its stamps', () => {
    const first = jumped();
    first.writer.retain();
    first.append(50, 5, { timestampMs: kit.clock.nowMs() });
    first.writer.append([{ topic: 'events', batch: numbered(0, 1, { timestampMs: kit.clock.nowMs() }), records: 1 }]);
    first.writer.close();
    for (let start = 0; start < 3; start++) {
      kit.clock.pass(HOUR_MS);
      const log = kit.open();
      log.writer.retain();
      expect([log.ends.start('samples'), log.writer.figures().clock.trusted]).toEqual([0, false]);
      log.writer.close();
    }
  });

  test('while it was off deletes nothing at its start', () => {
    const first = kit.open();
    kit.days(first, 10);
    first.writer.close();
    kit.clock.jump(365 * DAY_MS);
    const log = kit.open();
    log.writer.retain();
    expect([log.ends.start('samples'), log.writer.figures().clock.trusted]).toEqual([0, false]);
    log.writer.close();
  });

  test('while it was off is in doubt too where only others delete by age: by half of what they keep', () => {
    for (const [othersKeepMs, trusted] of [
      [undefined, true],
      [800 * DAY_MS, true],
      [700 * DAY_MS, false],
    ] as const) {
      using own = new RetentionKit();
      const first = own.open({ retentionMs: {} });
      own.days(first, 2);
      first.writer.close();
      own.clock.jump(363 * DAY_MS);
      const more = othersKeepMs === undefined ? {} : { othersKeepMs };
      const log = own.open({ retentionMs: {}, ...more });
      log.writer.retain();
      expect([othersKeepMs, log.writer.figures().clock.trusted]).toEqual([othersKeepMs, trusted]);
      log.writer.close();
    }
  });

  test('deletes when somebody has confirmed it, which is on record', () => {
    const log = jumped();
    log.writer.retain();
    expect(existsSync(doubtFile())).toBe(true);
    log.writer.confirmClock();
    expect(existsSync(doubtFile())).toBe(false);
    log.writer.retain();
    expect(log.ends.start('samples')).toBe(50);
    expect(kit.events(log.ends)).toMatchObject([{ type: 'clock-jumped' }, { type: 'clock-confirmed', by: 'operator' }]);
    log.writer.close();
  });

  test('and comes back: data goes by its age again, with nothing lost in between', () => {
    const log = jumped();
    log.writer.retain();
    kit.clock.jump(-365 * DAY_MS);
    kit.days(log, 8);
    expect(log.ends.start('samples')).toBe(15);
    expect(kit.events(log.ends)).toMatchObject([{ type: 'clock-jumped' }, { type: 'clock-confirmed', by: 'itself' }]);
    log.writer.close();
  });

  test('does not keep the log from its budget', () => {
    const log = kit.open({ budgetBytes: 1000 });
    kit.clock.jump(365 * DAY_MS);
    kit.days(log, 10);
    expect(log.writer.figures()).toMatchObject({ withinBudget: true, clock: { trusted: false } });
    expect(log.ends.start('samples')).toBeGreaterThan(0);
    log.writer.close();
  });
});

test('a clock that jumps back deletes nothing, and what comes then lives its time', () => {
  const log = kit.open();
  kit.days(log, 10);
  kit.clock.jump(-365 * DAY_MS);
  kit.days(log, 20);
  expect(log.ends.start('samples')).toBe(0);
  expect(kit.events(log.ends)).toMatchObject([{ type: 'clock-jumped', aheadSeconds: -365 * 86_400 }]);
  log.writer.close();
});

test('a plant that was off for three weeks loses nothing at its start, and its disk is not full for that', () => {
  const first = kit.open();
  kit.days(first, 10);
  first.writer.close();
  kit.clock.pass(21 * DAY_MS);
  const log = kit.open({ budgetBytes: 1500 });
  log.writer.retain();
  const kept = log.ends.start('samples');
  expect(kept).toBeLessThan(50);
  expect(log.writer.figures()).toMatchObject({ withinBudget: true, clock: { trusted: false, aheadMs: 22 * DAY_MS } });
  kit.days(log, 10);
  expect(log.writer.figures().withinBudget).toBe(true);
  expect(log.ends.start('samples')).toBeGreaterThan(kept);
  log.writer.close();
});

test('a file that does not say when the clock was right is refused, and may be removed', () => {
  kit.open().writer.close();
  writeFileSync(doubtFile(), '{"v":2}');
  expect(() => kit.open()).toThrow(Fault);
  expect(() => kit.open()).toThrow('Without it the log can be opened');
});

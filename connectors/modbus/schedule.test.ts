import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PointConfig } from './config.ts';
import { compileDevice } from './device.ts';
import { deviceConfig } from './modbus-rig.ts';
import { type Block, planBlocks } from './plan.ts';
import { type PollPolicy, Schedule, type Task, type UnitPlan } from './schedule.ts';

const POLICY: PollPolicy = { retries: 1, timeoutMs: 300, silentPauseMs: 10_000, refusedPauseMs: 60_000 };

/** Blocks far apart, one register each. */
function blocks(count: number): Block[] {
  const points = Object.fromEntries(
    Array.from({ length: count }, (_, i): [string, PointConfig] => [`p${i}`, { table: 'holding', address: i * 100 }]),
  );
  return planned(points);
}

function planned(points: Record<string, PointConfig>): Block[] {
  const { device } = compileDevice(deviceConfig(points));
  if (device === undefined) throw new Error('no device');
  return planBlocks(
    device.groups.flatMap((group) => group.points),
    device,
  );
}

function unit(id: number, intervals: Record<string, number>, count = 1): UnitPlan {
  return {
    id,
    groups: Object.entries(intervals).map(([name, intervalMs]) => ({ name, intervalMs, blocks: blocks(count) })),
  };
}

/** A bus on which every answer takes so long; what is asked, and when. */
class Bus {
  nowMs = 0;
  readonly asked: { atMs: number; unit: number; group: string; address: number }[] = [];
  readonly died: { atMs: number; unit: number }[] = [];
  readonly missing: string[] = [];
  readonly schedule: Schedule;
  private readonly costMs: (task: Task, nowMs: number) => number | undefined;

  /** Without a cost there is no answer. */
  constructor(units: UnitPlan[], costMs: (task: Task, nowMs: number) => number | undefined) {
    this.schedule = new Schedule(units, POLICY, 0);
    this.costMs = costMs;
  }

  runUntil(endMs: number): void {
    while (this.nowMs < endMs) {
      const task = this.schedule.next(this.nowMs);
      if (typeof task === 'number') {
        this.nowMs += task;
        continue;
      }
      this.asked.push({ atMs: this.nowMs, unit: task.unit.id, group: task.group.name, address: task.block.address });
      const costMs = this.costMs(task, this.nowMs);
      this.nowMs += costMs ?? POLICY.timeoutMs;
      if (costMs !== undefined) this.schedule.answered(task, this.nowMs);
      else {
        const { blocks: left, died } = this.schedule.silent(task, this.nowMs);
        if (died) this.died.push({ atMs: this.nowMs, unit: task.unit.id });
        this.missing.push(...left.map(({ address }) => `${task.unit.id}/${address}`));
      }
    }
  }

  timesOf(id: number, group?: string): number[] {
    return this.asked
      .filter((each) => each.unit === id && (group ?? each.group) === each.group)
      .map(({ atMs }) => atMs);
  }
}

describe('a schedule', () => {
  test('each group keeps its interval and its phase, however long answers take', () => {
    const bus = new Bus([unit(1, { fast: 1000, slow: 5000 })], () => 17);
    bus.runUntil(20_000);
    expect(bus.timesOf(1, 'slow')).toEqual([17, 5017, 10_017, 15_017]);
    expect(bus.timesOf(1, 'fast')).toEqual(Array.from({ length: 20 }, (_, i) => i * 1000));
    expect(bus.schedule.takeOverruns()).toEqual([]);
  });

  test('a cycle whose predecessor is not done is left out and counted; the next one is in phase again', () => {
    const bus = new Bus([unit(1, { fast: 1000 })], (_task, nowMs) => (nowMs === 2000 ? 2500 : 10));
    bus.runUntil(7000);
    expect(bus.timesOf(1)).toEqual([0, 1000, 2000, 4500, 5000, 6000]);
    expect(bus.schedule.takeOverruns()).toEqual([{ unit: 1, group: 'fast', cycles: 1 }]);
    expect(bus.schedule.takeOverruns()).toEqual([]);
  });

  test('cycles never overlap: a bus that is too slow for its groups serves all of them in turn', () => {
    const bus = new Bus([unit(1, { fast: 100 }, 3), unit(2, { fast: 100 }, 3)], () => 50);
    bus.runUntil(10_000);
    const [first, second] = [bus.timesOf(1).length, bus.timesOf(2).length];
    expect(Math.abs(first - second)).toBeLessThanOrEqual(3);
    expect(bus.schedule.takeOverruns().map(({ unit: id }) => id)).toEqual([1, 2]);
    for (const id of [1, 2]) {
      const order = bus.asked.filter((each) => each.unit === id).map(({ address }) => address);
      expect(order).toEqual(order.map((_, i) => (i % 3) * 100));
    }
  });
});

describe('a unit that does not answer', () => {
  test('costs one time-out in a cycle; after the retries it is dead and its pauses double up to the longest', () => {
    const bus = new Bus([unit(1, { fast: 1000 }, 3), unit(2, { fast: 1000 })], ({ unit: { id } }, nowMs) =>
      id === 1 && nowMs >= 1000 ? undefined : 5,
    );
    bus.runUntil(60_000);
    expect(bus.timesOf(1).slice(3)).toEqual([1000, 2000, 4300, 8600, 16_900, 27_200, 37_500, 47_800, 58_100]);
    expect(bus.died).toEqual([{ atMs: 2300, unit: 1 }]);
    expect(bus.timesOf(2)).toHaveLength(60);
    for (const [i, atMs] of bus.timesOf(2).entries()) expect(atMs - i * 1000).toBeLessThanOrEqual(POLICY.timeoutMs);
  });

  test('the first time only what was due is missing, then everything, and again at each question', () => {
    const bus = new Bus([unit(1, { fast: 1000, slow: 60_000 }, 2)], (_task, nowMs) => (nowMs < 500 ? 1 : undefined));
    bus.runUntil(1200);
    expect(bus.missing).toEqual(['1/0', '1/100']);
    bus.runUntil(2200);
    // The block that had no answer is now the last: it does not hide the other.
    expect(bus.missing.slice(2)).toEqual(['1/0', '1/100', '1/0', '1/100']);
  });

  test('when it answers again all of it is read at once, in the old phase', () => {
    const bus = new Bus([unit(1, { fast: 1000, slow: 60_000 }, 2)], (_task, nowMs) =>
      nowMs > 100 && nowMs < 5000 ? undefined : 10,
    );
    bus.runUntil(20_000);
    const alive = bus.asked.filter(({ atMs }) => atMs >= 5000);
    expect(alive.slice(0, 4).map(({ group }) => group)).toEqual(['fast', 'fast', 'slow', 'slow']);
    expect(alive.slice(0, 4).every(({ atMs }) => atMs < 10_000)).toBe(true);
    expect(bus.timesOf(1, 'fast').filter((atMs) => atMs > 10_000 && atMs % 1000 === 0)).toHaveLength(9);
  });

  test('a block that alone is never answered does not hide the others', () => {
    const bus = new Bus([unit(1, { fast: 1000 }, 3)], ({ block }) => (block.address === 100 ? undefined : 5));
    bus.runUntil(10_000);
    const last = bus.asked.filter(({ atMs }) => atMs >= 8000 && atMs < 9000).map(({ address }) => address);
    expect(last).toEqual([0, 200, 100]);
    expect(bus.died).toEqual([]);
  });

  test('that was never there is dead at once', () => {
    const bus = new Bus([unit(1, { fast: 1000 })], () => undefined);
    bus.runUntil(8000);
    expect(bus.died).toEqual([{ atMs: 300, unit: 1 }]);
    expect(bus.timesOf(1)).toEqual([0, 1300, 3600, 7900]);
  });

  test('many of them leave the living nine tenths of the time', () => {
    const dead = Array.from({ length: 30 }, (_, i) => unit(i + 2, { fast: 1000 }));
    const bus = new Bus([unit(1, { fast: 1000 }), ...dead], ({ unit: { id } }) => (id === 1 ? 5 : undefined));
    bus.runUntil(600_000);
    const late = bus.asked.filter(({ unit: id, atMs }) => id !== 1 && atMs > 300_000);
    expect(late.length * POLICY.timeoutMs).toBeLessThanOrEqual(0.11 * 300_000);
    const times = bus.timesOf(1).filter((atMs) => atMs > 300_000);
    expect(times.length).toBeGreaterThanOrEqual(299);
    for (const atMs of times) expect(atMs % 1000).toBeLessThanOrEqual(POLICY.timeoutMs);
  });
});

describe('a block that the device refuses', () => {
  test('is parted, and its parts are asked for at once; what cannot be parted rests', () => {
    const [block] = planned({ a: { table: 'holding', address: 0 }, b: { table: 'holding', address: 1 } });
    if (block === undefined) throw new Error('no block');
    const schedule = new Schedule([{ id: 1, groups: [{ name: 'g', intervalMs: 1000, blocks: [block] }] }], POLICY, 0);
    const ask = (nowMs: number): Task => {
      const task = schedule.next(nowMs);
      if (typeof task === 'number') throw new Error(`nothing for ${task} ms`);
      return task;
    };
    const whole = ask(0);
    expect(whole.block.count).toBe(2);
    expect(schedule.refused(whole, 10)).toBe(true);
    const a = ask(10);
    expect([a.block.address, a.block.count]).toEqual([0, 1]);
    schedule.answered(a, 20);
    const b = ask(20);
    expect(schedule.refused(b, 30)).toBe(false);
    expect(ask(1000).block.address).toBe(0);
    expect(schedule.next(1000)).toBe(1000);
    const later = [ask(61_000), ask(61_000)].map(({ block: { address } }) => address);
    expect(later).toEqual([0, 1]);
  });
});

const intervals = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 10, max: 500 }), { minKeys: 1 });
const plans = fc.array(intervals, { minLength: 1, maxLength: 4 });
const cost = fc.integer({ min: 1, max: 300 });

test('whatever the intervals and costs: no more cycles than are due, each whole and in order before the next', () => {
  fc.assert(
    fc.property(plans, fc.array(cost, { minLength: 1, maxLength: 50 }), (chosen, costs) => {
      let asked = 0;
      const units = chosen.map((groups, id) => unit(id, groups, 2));
      const bus = new Bus(units, () => costs[asked++ % costs.length]);
      bus.runUntil(5000);
      for (const [id, groups] of chosen.entries()) {
        for (const [group, intervalMs] of Object.entries(groups)) {
          const addresses = bus.asked
            .filter((each) => each.unit === id && each.group === group)
            .map((each) => each.address);
          expect(addresses.length).toBeLessThanOrEqual(2 * (Math.floor(bus.nowMs / intervalMs) + 1));
          expect(addresses).toEqual(addresses.map((_, i) => (i % 2) * 100));
        }
      }
    }),
  );
});

test('whoever is silent whenever: those that answer are asked, and time goes on', () => {
  const answers = fc.array(fc.oneof(cost, fc.constant(undefined)), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(plans, answers, (chosen, costs) => {
      let asked = 0;
      const units = [unit(100, { all: 500 }), ...chosen.map((groups, id) => unit(id, groups, 2))];
      const bus = new Bus(units, ({ unit: { id } }) => (id === 100 ? 1 : costs[asked++ % costs.length]));
      bus.runUntil(20_000);
      // Between two of its questions each group of each other unit may have asked for two blocks.
      const groups = chosen.reduce((sum, each) => sum + Object.keys(each).length, 0);
      const longestMs = 500 + (2 * groups + chosen.length + 1) * POLICY.timeoutMs * 2;
      const times = bus.timesOf(100);
      for (const [i, atMs] of times.entries()) expect(atMs - (times[i - 1] ?? 0)).toBeLessThanOrEqual(longestMs);
      expect(times.length).toBeGreaterThan(0);
    }),
  );
});

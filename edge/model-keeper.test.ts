import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HistorianClient } from '../historian/client.ts';
import { double, type Tagged } from '../historian/kit/history-kit.ts';
import { DAY0, historyOf, TierWorld } from '../historian/kit/tier-kit.ts';
import type { SampleHistory } from '../historian/queries/history.ts';
import { writeModel } from '../models/folder.ts';
import { machineSeries, machineSpec, smallModel } from '../models/model-kit.ts';
import type { ModelSpec, Series } from '../models/model.ts';
import type { Clock } from './core/clock.ts';
import { realDisk } from './core/disk.ts';
import { GatewayEvents } from './gateway-events.ts';
import { ModelKeeper } from './model-keeper.ts';
import { WatchKit } from './watch/watch-kit.ts';

const LIMIT = { timeout: 60_000, interval: 20 };
const S = 1_000_000;
const START_US = 1.7e15;
const SECONDS = 700;

/** A clock that stands until it is moved. */
class TestClock implements Clock {
  ms = START_US / 1000 + SECONDS * 1000;
  nowMs(): number {
    return this.ms;
  }
  nowUs(): number {
    return this.ms * 1000;
  }
  monotonicMs(): number {
    return this.ms;
  }
}

let kit: WatchKit;
let clock: TestClock;
let historian: HistorianClient;
let activated: string[];

beforeEach(async () => {
  kit = await WatchKit.open();
  clock = new TestClock();
  activated = [];
  historian = new HistorianClient({
    logFolder: kit.log.folder,
    folder: path.join(kit.folder.data, 'historian'),
    ends: kit.log.ends,
    logId: kit.log.state.identity.logId,
    epoch: kit.log.state.identity.epoch,
    report: (fault) => expect.unreachable(fault.message),
  });
  await historian.start();
});

afterEach(async () => {
  await historian.stop();
  await kit[Symbol.asyncDispose]();
});

/** A keeper of these models, as the gateway makes it. */
function keeperOf(
  specs: readonly ModelSpec[],
  minimumS = 600,
  history: Pick<SampleHistory, 'query' | 'summaries'> = historian,
): ModelKeeper {
  const keeper = new ModelKeeper({
    models: specs.map((spec) => ({ spec, scoreTag: `${spec.name}-score`, priority: 'high', onReturn: 'normal' })),
    minimumUs: specs.map(() => minimumS * S),
    folder: kit.models,
    historian,
    history,
    watch: { activate: (model, version) => activated.push(`${model} ${version}`) },
    events: new GatewayEvents(kit.log.producer(), clock, kit.book, (error) => expect.unreachable(String(error))),
    clock,
    logger: pino({ level: 'silent' }),
  });
  keeper.start();
  return keeper;
}

/** Puts history into the log, and waits until the historian has it. */
async function store(series: readonly Series[], signals: readonly string[] = machineSpec.signals): Promise<void> {
  for (const [column, { timesUs, values }] of series.entries()) {
    const tag = signals[column] ?? '';
    await kit.append([...timesUs].map((timeUs, i) => ({ tag, timeUs, value: values[i] ?? 0 })));
  }
  await expect.poll(() => historian.state().lagSamples, LIMIT).toBe(0);
}

function damage(name: string): void {
  const folder = path.join(kit.models, name, '1');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'model.json'), '{"hash":');
  writeFileSync(path.join(folder, 'weights.bin'), '');
}

describe('a model without a version', () => {
  test('says which signals are missing, and how much has been collected', async () => {
    const keeper = keeperOf([machineSpec]);
    await keeper.look();
    expect(keeper.statuses()).toMatchObject([
      {
        state: 'learning',
        version: null,
        detail: 'No samples yet of site/machine/speed, site/machine/flow, site/machine/pressure and 1 more.',
        progress: { phase: 'collecting', done: 0 },
        threshold: null,
      },
    ]);
    const [first, second, third] = machineSeries(300, 1, START_US);
    await store([first, second, third].flatMap((series) => series ?? []));
    await keeper.look();
    expect(keeper.statuses()[0]?.detail).toBe('No samples yet of site/machine/noise.');
    await store(machineSeries(300, 1, START_US).slice(3), ['site/machine/noise']);
    await keeper.look();
    const [status] = keeper.statuses();
    expect(status).toMatchObject({ state: 'learning', detail: null, progress: { phase: 'collecting' } });
    expect(status?.progress?.done).toBeCloseTo(0.5, 1);
    expect(activated).toEqual([]);
  });

  describe('with a signal that is constant, and reported only once', () => {
    test('names it, with the hold, as long as that is too short', async () => {
      await store(onceOnly());
      const keeper = keeperOf([machineSpec]);
      await keeper.look();
      expect(keeper.statuses()).toMatchObject([
        {
          state: 'learning',
          detail:
            'Waits for site/machine/speed: no good value for longer than `hold` (10s), or the connection was lost. For sources that report only changes, `hold` must be longer.',
        },
      ]);
    });

    test('learns with a hold that is long enough; while active it says what it waits for', async () => {
      await store(onceOnly());
      const keeper = keeperOf([{ ...machineSpec, holdS: 3600 }]);
      await keeper.look();
      expect(keeper.statuses()).toMatchObject([{ state: 'active', version: '1', detail: null }]);
      const five = ['a', 'b', 'c', 'd', 'e'];
      keeper.waits({ type: 'waiting', model: 'machine-health', signals: five });
      expect(keeper.statuses()[0]?.detail).toContain('Waits for a, b, c and 2 more: no good value for longer than');
      keeper.waits({ type: 'waiting', model: 'machine-health', signals: [] });
      expect(keeper.statuses()[0]?.detail).toBeNull();
      const other = keeperOf([{ ...machineSpec, holdS: 60 }]);
      expect(other.statuses()).toMatchObject([{ state: 'learning', version: null }]);
    });
  });

  test('waits for signals that are not up to date', async () => {
    await store(machineSeries(SECONDS, 1, START_US));
    clock.ms += 40_000;
    const keeper = keeperOf([machineSpec]);
    await keeper.look();
    expect(keeper.statuses()).toMatchObject([
      { state: 'learning', detail: 'Waits until its signals are up to date.', progress: { done: 1 } },
    ]);
  });

  test('learns, becomes active with an event, and is active at the next start', async () => {
    await store(machineSeries(SECONDS, 1, START_US));
    const keeper = keeperOf([machineSpec]);
    const looking = keeper.look();
    const phases = new Set<unknown>();
    await expect
      .poll(() => {
        phases.add(keeper.statuses()[0]?.progress?.phase);
        return activated;
      }, LIMIT)
      .toEqual(['machine-health 1']);
    await looking;
    expect(phases).toContain('training');
    const [status] = keeper.statuses();
    expect(status).toMatchObject({ state: 'active', version: '1', detail: null, progress: null, threshold: 1 });
    expect(status?.trainedFromUs).toBeGreaterThanOrEqual(START_US);
    expect(status?.trainedToUs).toBeLessThanOrEqual(START_US + SECONDS * S + S);
    expect(status?.backend).toMatch(/^tfjs-/);
    expect(kit.json('events').at(-1)).toMatchObject({ type: 'model', model: 'machine-health', state: 'active' });
    keeper.scored({ type: 'score', model: 'machine-health', timeUs: 0, score: 0.7 });
    expect(keeper.statuses()[0]?.score).toBe(0.7);

    const again = keeperOf([machineSpec]);
    await again.look();
    expect(again.statuses()).toMatchObject([{ state: 'active', version: '1' }]);
    expect(activated).toEqual(['machine-health 1', 'machine-health 1']);

    const changed = keeperOf([{ ...machineSpec, hop: 8 }]);
    expect(changed.statuses()).toMatchObject([{ state: 'learning', version: null }]);
    await changed.look();
    expect(changed.statuses()).toMatchObject([{ state: 'active', version: '2' }]);
  });

  test('learns from what lies in the cold tier, as if it were still in the store', async () => {
    await using world = new TierWorld([]);
    const startUs = DAY0 + 80_000 * S;
    const samples = machineSeries(SECONDS, 1, startUs).flatMap(({ timesUs, values }, column): Tagged[] =>
      Array.from(timesUs, (timeUs, i) => double(machineSpec.signals[column] ?? '', 0, values[i] ?? 0, { timeUs })),
    );
    world.at(1);
    await world.take(samples);
    world.at(10);
    await world.tier(1);
    await world.expire(5);
    clock.ms = (startUs + SECONDS * S) / 1000;
    const alone = keeperOf([machineSpec], 600, historyOf(world.store));
    await alone.look();
    expect(alone.statuses()).toMatchObject([{ state: 'learning', progress: { phase: 'collecting', done: 0 } }]);
    const keeper = keeperOf([machineSpec], 600, world.tiered());
    await keeper.look();
    const [status] = keeper.statuses();
    expect(status).toMatchObject({ state: 'active', version: '1', detail: null });
    expect(status?.trainedFromUs).toBeLessThan(startUs + 20 * S);
  });

  test('that cannot learn has failed with the reason, and tries again after ten minutes', async () => {
    const series = machineSeries(SECONDS, 1, START_US);
    // The first signal has a first and a last sample only.
    const sparse = series.map(({ timesUs, values }, column) =>
      column > 0 ? { timesUs, values } : { timesUs: timesUs.filter(isEnd), values: values.filter(isEnd) },
    );
    await store(sparse);
    const keeper = keeperOf([machineSpec]);
    await keeper.look();
    const failed = {
      state: 'failed',
      progress: null,
      detail: expect.stringContaining('site/machine/speed') as unknown,
    };
    expect(keeper.statuses()).toMatchObject([failed]);
    await keeper.look();
    expect(keeper.statuses()).toMatchObject([failed]);
    clock.ms += 600_000;
    await keeper.look();
    expect(keeper.statuses()).toMatchObject([{ state: 'learning' }]);
  });
});

/** The first signal has one sample only. */
function onceOnly(): Series[] {
  return machineSeries(SECONDS, 1, START_US).map(({ timesUs, values }, column) =>
    column > 0 ? { timesUs, values } : { timesUs: timesUs.slice(0, 1), values: values.slice(0, 1) },
  );
}

function isEnd(_value: number, i: number, all: Float64Array): boolean {
  return i === 0 || i === all.length - 1;
}

test('a damaged version: its model has failed and says so, the others work', async () => {
  const small = smallModel();
  writeModel(realDisk, kit.models, '1', { ...small, spec: { ...small.spec, name: 'other' } });
  damage('machine-health');
  const keeper = keeperOf([machineSpec, { ...small.spec, name: 'other' }]);
  await keeper.look();
  expect(keeper.statuses()).toMatchObject([
    { state: 'failed', version: null, detail: expect.stringContaining('machine-health/1') as unknown },
    { state: 'active', version: '1' },
  ]);
  expect(activated).toEqual(['other 1']);
  keeper.failed('other', 'TensorFlow cannot be started.');
  expect(keeper.statuses()[1]).toMatchObject({ state: 'failed', detail: 'TensorFlow cannot be started.' });
});

test('a version next to a damaged one gets a number of its own', async () => {
  damage('machine-health');
  await store(machineSeries(SECONDS, 1, START_US));
  const keeper = keeperOf([machineSpec]);
  clock.ms += 600_000;
  const late = machineSeries(SECONDS, 1, clock.nowUs() - SECONDS * S);
  await store(late);
  await keeper.look();
  expect(activated).toEqual(['machine-health 2']);
  expect(readFileSync(path.join(kit.models, 'machine-health', '1', 'model.json'), 'utf8')).toBe('{"hash":');
});

test('a stop gives up a training that is under way, within the limit, and nothing is made of it', async () => {
  await store(machineSeries(SECONDS, 1, START_US));
  const keeper = keeperOf([machineSpec]);
  const looking = keeper.look();
  await expect.poll(() => keeper.statuses()[0]?.progress, LIMIT).toMatchObject({ phase: 'training' });
  await expect.poll(() => (keeper.statuses()[0]?.progress?.done ?? 0) > 0, LIMIT).toBe(true);
  const startMs = performance.now();
  await keeper.stop();
  await looking;
  expect(performance.now() - startMs).toBeLessThan(10_000);
  expect([activated, existsSync(path.join(kit.models, 'machine-health', '1', 'model.json'))]).toEqual([[], false]);
  await keeper.look();
  expect(activated).toEqual([]);
});

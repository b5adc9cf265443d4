import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeModel } from '../../models/folder.ts';
import { smallModel } from '../../models/model-kit.ts';
import type { Model } from '../../models/model.ts';
import { systemClock } from '../core/clock.ts';
import { seeded } from '../core/kit/crash-disk.ts';
import { realDisk } from '../core/disk.ts';
import { eachRecord } from '../core/each-record.ts';
import { LogFolder } from '../core/kit/log-kit.ts';
import { type CrashSubject, type Life, surviveCrashes } from '../core/progress/crash-kit.ts';
import { CrashWorld } from '../core/progress/world-kit.ts';
import { BatchEncoder } from '../core/record-batch.ts';
import type { RecordCursor } from '../core/record-cursor.ts';
import { SampleReader } from '../core/sample-codec.ts';
import { SampleKey } from '../core/sample-key.ts';
import { ValueKind } from '../core/sample.ts';
import { TOPICS } from '../core/topics.ts';
import { TagTable } from '../intake/tag-table.ts';
import { TagDictionary } from '../tags/dictionary.ts';
import { TagRegistrar } from '../tags/registrar.ts';
import type { LimitAlarm, WatchedModel, WatchNotice } from './messages.ts';
import { Watch, type WatchOptions } from './watch.ts';
import { tooHigh } from './watch-kit.ts';

const SEEDS = Number(process.env['MILLRACE_CRASH_SEEDS'] ?? 25);
const decoder = new TextDecoder();
const tags = ['pressure', 'flow', 'level'].map((name) => `northmill/loop/${name}`);
const keys = tags.map((tag) => SampleKey.of(tag));

/** An alarm on each tag: at once, after 3 s, and with a deadband. */
const alarms: readonly LimitAlarm[] = tags.map((tag, i) => ({
  ...tooHigh,
  name: `alarm-${i}`,
  tag,
  high: 5,
  low: i === 1 ? 2 : undefined,
  deadband: i === 2 ? 2 : 0,
  onDelayMs: i === 1 ? 3000 : 0,
}));

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

/** One turn of everything that waits. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lines of the journal that are durable. */
function journal(world: CrashWorld): string[] {
  const lines: string[] = [];
  const visit = (value: Uint8Array | null): void => {
    const { id, transition, since, state } = JSON.parse(decoder.decode(value ?? undefined)) as Record<string, unknown>;
    lines.push(`${String(id)} ${String(transition)} ${String(since)} ${String(state)}`);
  };
  eachRecord(world.logFolder, 'events', world.ends, 0, (cursor) => visit(cursor.value()), world.disk);
  return lines;
}

/** Scores that are durable. */
function scores(world: CrashWorld): string[] {
  const reader = new SampleReader();
  const found: string[] = [];
  const visit = (cursor: RecordCursor): void => {
    reader.read(cursor.data, cursor.valueStart, cursor.valueEnd);
    found.push(`${cursor.keyText()} ${reader.timeUs} ${Number(reader.value)}`);
  };
  eachRecord(world.logFolder, 'derived', world.ends, 0, visit, world.disk);
  return found;
}

/** A watch in this thread, and its life. */
async function live(world: CrashWorld, members: Partial<WatchOptions> = {}) {
  const stop = new AbortController();
  const line = new MessageChannel();
  let holds: Readonly<Record<string, number>> | undefined;
  let failure: unknown;
  const watch = new Watch({
    site: 'northmill',
    logFolder: world.logFolder,
    ends: world.ends,
    disk: world.disk,
    clock: world.clock,
    producer: world.producer,
    tags: new TagTable('northmill', line.port2),
    alarms,
    models: [],
    modelFolder: '/data/models',
    active: new Map(),
    restarted: world.isRestarted,
    ...members,
    notify: (notice) => {
      if (notice.type === 'holds') ({ holds } = notice);
      // No crash leaves behind what cannot be read.
      if (notice.type === 'unreadable') failure = new Error(`${notice.topic} ${notice.offset}: ${notice.why}`);
      members.notify?.(notice);
    },
  });
  const running = watch.run(stop.signal);
  running.catch((error: unknown) => (failure = error));
  const until = async (done: () => boolean): Promise<void> => {
    const limitMs = performance.now() + 20_000;
    do {
      if (performance.now() > limitMs) throw new Error('the watch stands still');
      await turn();
      if (failure !== undefined) throw failure;
    } while (!done());
  };
  // It has recovered, and since when the alarms are watched is on record.
  await until(() => (holds !== undefined && world.ends.end('__state.alarms') > 0) || !world.hasPower);
  const life: Life = {
    work: () => until(() => watch.position('samples') === world.ends.end('samples') || !world.hasPower),
    save: () => watch.save(),
    saved: () => holds?.['samples'] ?? 0,
    output: () => journal(world),
    async stop() {
      stop.abort();
      line.port1.close();
      await running;
    },
    kill() {
      stop.abort();
      line.port1.close();
    },
  };
  return { watch, life };
}

async function startIn(world: CrashWorld) {
  let one: Awaited<ReturnType<typeof live>> | undefined;
  await world.until(live(world).then((started) => void (one = started)));
  if (one === undefined) throw new Error('it did not start');
  return one;
}

/** A world with a watch in which nobody saves, and what appends a value of the first or second tag. */
async function begun() {
  const world = new CrashWorld(TOPICS);
  let now = await startIn(world);
  const value = async (tag: 0 | 1, number: number): Promise<void> => {
    world.ms += 1000;
    const encoder = new BatchEncoder();
    const key = keys[tag] ?? SampleKey.of('');
    const sample = { timeUs: world.ms * 1000, kind: ValueKind.double, value: number, quality: 0, flags: 0 };
    encoder.addSample(key, { ...sample, serverTimeUs: null });
    world.append('samples', encoder.finish(world.ms), 1);
    await now.life.work();
  };
  const restart = async (power: boolean): Promise<void> => {
    await world.commit();
    now.life.kill();
    if (power) world.crash(seeded(1));
    else world.newProcess(0);
    now = await startIn(world);
  };
  return { world, value, restart, current: () => now };
}

const subject: CrashSubject = {
  topics: TOPICS,
  input: 'samples',
  encode(encoder, i, random, nowMs) {
    const value = random(10);
    const quality = random(10) === 0 ? 0x80000000 : 0;
    // Some are a second old, so that two of a tag may have the same time.
    const timeUs = (nowMs - (random(4) === 0 ? 3000 : 0)) * 1000;
    const sample = { timeUs, kind: ValueKind.double, value, quality, flags: 0, serverTimeUs: null };
    encoder.addSample(keys[i % keys.length] ?? SampleKey.of(''), sample);
  },
  start: async (world) => (await live(world)).life,
};

describe('the alarm journal', () => {
  test('is after any crashes what it would be without: each line once, none missing', async () => {
    const counts = await surviveCrashes(subject, { seeds: SEEDS, records: 40 });
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(SEEDS);
  });

  test.each([false, true])('what a person did is taken over where it was done (power failure: %s)', async (power) => {
    const { world, value, restart, current } = await begun();
    await value(0, 9);
    await world.until(current().watch.act(1, 'alarm-0', { action: 'acknowledge', by: 'anna' }));
    await value(0, 1);
    await value(0, 8);
    await world.commit();
    const before = journal(world);
    expect(before.map((line) => line.split(' ').at(-1))).toEqual(['UNACK', 'ACKED', 'NORM', 'UNACK']);
    await restart(power);
    await world.until(current().life.work());
    await world.commit();
    expect(journal(world)).toEqual(before);
    // The book says the same: it was acknowledged before it returned, and nobody has seen that it stands again.
    await world.until(current().watch.act(1, 'alarm-0', { action: 'acknowledge', by: 'anna' }));
    await value(0, 1);
    await world.commit();
    expect(
      journal(world)
        .slice(4)
        .map((line) => line.split(' ').at(-1)),
    ).toEqual(['ACKED', 'NORM']);
  });

  test('a delay that ended by the clock has ended in the replay, although no sample says so', async () => {
    const { world, value, restart } = await begun();
    await value(1, 9);
    world.ms += 3500;
    vi.advanceTimersByTime(500);
    await world.commit();
    // The source reports changes only: the next value is one that is back.
    await value(1, 3);
    await world.commit();
    const before = journal(world);
    expect(before.map((line) => line.split(' ')[1])).toEqual(['raised', 'returned']);
    await restart(false);
    await value(1, 4);
    await world.commit();
    expect(journal(world)).toEqual(before);
  });

  test('a clock that runs on ends no shelf in a replay that has ended already', async () => {
    const { world, value, current } = await begun();
    await value(0, 9);
    const untilUs = world.ms * 1000 + 30e6;
    await world.until(current().watch.act(1, 'alarm-0', { action: 'shelve', by: 'anna', untilUs }));
    const encoder = new BatchEncoder();
    const other = { timeUs: world.ms * 1000, kind: ValueKind.double, value: 1, quality: 0, flags: 0 };
    // More than is read at once.
    for (let batch = 0; batch < 40; batch++) {
      for (let i = 0; i < 1000; i++)
        encoder.addSample(SampleKey.of('northmill/other'), { ...other, serverTimeUs: null });
      world.append('samples', encoder.finish(world.ms, false), 1000);
    }
    await current().life.work();
    world.ms += 60_000;
    vi.advanceTimersByTime(500);
    await world.commit();
    const before = journal(world);
    expect(before.map((line) => line.split(' ')[1])).toEqual(['raised', 'shelved', 'unshelved']);
    current().life.kill();
    world.newProcess(0);
    const { watch, life } = await startIn(world);
    while (watch.position('samples') < 1000) await turn();
    expect(watch.position('samples')).toBeLessThan(world.ends.end('samples'));
    vi.advanceTimersByTime(500);
    await world.until(life.work());
    await world.commit();
    expect(journal(world)).toEqual(before);
    life.kill();
  });

  test('a line that was not durable is made again, behind what a person did before it', async () => {
    const { world, value, restart, current } = await begun();
    await value(0, 9);
    await world.until(current().watch.act(1, 'alarm-0', { action: 'acknowledge', by: 'anna' }));
    await value(0, 1);
    expect(journal(world)).toHaveLength(2);
    // The line is lost with the process.
    current().life.kill();
    world.newProcess(0);
    await restart(false);
    await world.until(current().life.work());
    await world.commit();
    expect(journal(world).map((line) => line.split(' ').at(-1))).toEqual(['UNACK', 'ACKED', 'NORM']);
  });

  test('an alarm whose limit was changed meanwhile is what people have been told until a value says otherwise', async () => {
    const { world, value, current } = await begun();
    await value(0, 9);
    await world.commit();
    current().life.kill();
    world.newProcess(0);
    const raisedTo20 = alarms.map((alarm) => ({ ...alarm, high: 20 }));
    const told: string[][] = [];
    const notify = (notice: WatchNotice): void => {
      if (notice.type === 'alarms') told.push(notice.items.map(({ id, state }) => `${id} ${state}`));
    };
    const starting = live(world, { alarms: raisedTo20, notify });
    await world.until(starting.then(() => undefined));
    const { life } = await starting;
    await world.until(life.work());
    await world.commit();
    expect(told.at(-1)).toEqual(['alarm-0 UNACK']);
    const encoder = new BatchEncoder();
    const sample = { timeUs: (world.ms + 1000) * 1000, kind: ValueKind.double, value: 9, quality: 0, flags: 0 };
    encoder.addSample(keys[0] ?? SampleKey.of(''), { ...sample, serverTimeUs: null });
    world.append('samples', encoder.finish(world.ms), 1);
    await world.until(life.work());
    await world.commit();
    expect(journal(world).map((line) => line.split(' ')[1])).toEqual(['raised', 'returned']);
    life.kill();
  });
});

/** Samples of two signals in turn; now and then a while that no model has seen. */
const encodeBoth: CrashSubject['encode'] = (encoder, i, random, nowMs) => {
  const value = i % 40 < 25 ? random(10) : 1e6;
  const sample = { timeUs: nowMs * 1000, kind: ValueKind.double, value, quality: 0, flags: 0, serverTimeUs: null };
  encoder.addSample(keys[i % 2] ?? SampleKey.of(''), sample);
};

describe('scores', () => {
  const small = smallModel();
  const signals = tags.slice(0, 2);
  const model: Model = { ...small, spec: { ...small.spec, name: 'health', asset: 'northmill/loop', signals } };
  const watched: WatchedModel = {
    spec: model.spec,
    scoreTag: 'loop/health-score',
    priority: 'high',
    onReturn: 'normal',
  };

  test('and the alarms of models are after any crashes what they would be without', async () => {
    using folder = new LogFolder();
    writeModel(realDisk, folder.data, '1', model);
    const dictionary = new TagDictionary(realDisk, path.join(folder.data, 'tags'));
    dictionary.open();
    const registrar = new TagRegistrar(dictionary, systemClock(), () => undefined);
    registrar.start(undefined);
    const lines: MessageChannel[] = [];
    const start = async (world: CrashWorld): Promise<Life> => {
      const line = new MessageChannel();
      lines.push(line);
      registrar.serve(line.port1);
      const { life } = await live(world, {
        tags: new TagTable('northmill', line.port2).start(),
        alarms: [],
        models: [watched],
        modelFolder: folder.data,
        active: new Map([['health', '1']]),
      });
      return { ...life, output: () => [...scores(world), ...journal(world)] };
    };
    const seeds = Math.ceil(SEEDS / 5);
    const counts = await surviveCrashes({ ...subject, start, encode: encodeBoth }, { seeds, records: 60 });
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(seeds);
    for (const { port1, port2 } of lines) for (const port of [port1, port2]) port.close();
    dictionary.close();
  });
});

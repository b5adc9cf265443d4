import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeModel } from '../../models/folder.ts';
import { smallModel } from '../../models/model-kit.ts';
import type { Model } from '../../models/model.ts';
import { realDisk } from '../core/disk.ts';
import { Flag } from '../core/flags.ts';
import type { WatchClient } from './client.ts';
import type { WatchedModel } from './messages.ts';
import { tooHigh, WatchKit } from './watch-kit.ts';

const LIMIT = { timeout: 20_000, interval: 20 };
const S = 1_000_000;

let kit: WatchKit;

beforeEach(async () => {
  kit = await WatchKit.open();
});

afterEach(() => kit[Symbol.asyncDispose]());

function statesOf({ alarms }: WatchClient): string[] {
  return alarms.map(({ id, state }) => `${id} ${state}`);
}

/** A whole second that has not begun. */
function nextSecondUs(): number {
  return (Math.floor(Date.now() / 1000) + 2) * S;
}

/** Appends the value until the alarms are so: the worker takes a moment to begin. */
async function until(client: WatchClient, value: number, states: readonly string[]): Promise<void> {
  await expect
    .poll(async () => {
      await kit.append([{ value }]);
      return statesOf(client);
    }, LIMIT)
    .toEqual(states);
}

describe('limit alarms', () => {
  test('are raised, acknowledged, returned; each line is durable and covered by the ledger before it is told', async () => {
    const client = kit.start();
    await until(client, 90, ['too-high UNACK']);
    expect(kit.journal()).toEqual(['raised UNACK']);
    expect(client.alarms[0]).toMatchObject({ asset: 'northmill/loop', tag: tooHigh.tag, evidence: { limit: 80 } });
    const acknowledged = await client.act('too-high', { action: 'acknowledge', by: 'anna' });
    expect([acknowledged?.state, kit.journal()]).toEqual(['ACKED', ['raised UNACK', 'acknowledged ACKED']]);
    await until(client, 10, []);
    expect(kit.journal()).toEqual(['raised UNACK', 'acknowledged ACKED', 'returned NORM']);
    expect(kit.written.map(({ topic, first, tag }) => [topic, first, tag])).toEqual([
      ['events', 0, null],
      ['events', 1, null],
      ['events', 2, null],
    ]);
  });

  test('an action that means nothing, or is for an alarm that is not there, is refused', async () => {
    const client = kit.start();
    await expect(client.act('nobody', { action: 'acknowledge', by: 'anna' })).rejects.toMatchObject({
      code: 'alarm-unknown',
    });
    await expect(client.act('too-high', { action: 'acknowledge', by: 'anna' })).rejects.toMatchObject({
      code: 'alarm-state',
    });
    expect(kit.journal()).toEqual([]);
    await kit.stop();
    await expect(client.act('too-high', { action: 'acknowledge', by: 'anna' })).rejects.toMatchObject({
      code: 'not-ready',
    });
  });

  test('nothing is raised for what was there before the start; a suspect clock does not count, the time of arrival does', async () => {
    await kit.append([{ value: 99 }]);
    const client = kit.start();
    // Answered by a worker that has begun.
    await expect(client.act('nobody', { action: 'acknowledge', by: 'anna' })).rejects.toThrow('nobody');
    const old = { value: 99, timeUs: 1e15 };
    await kit.append([old]);
    await kit.append([{ value: 99, timeUs: 9e15, flags: Flag.clockSuspect }]);
    await expect.poll(() => statesOf(client), LIMIT).toEqual(['too-high UNACK']);
    expect(client.alarms[0]?.sinceUs).toBeLessThan(8e15);
    expect(kit.journal()).toHaveLength(1);
  });

  test('a shelved alarm comes back by itself', async () => {
    const client = kit.start();
    await until(client, 90, ['too-high UNACK']);
    const untilUs = Date.now() * 1000 + 1.5 * S;
    expect(await client.act('too-high', { action: 'shelve', by: 'anna', untilUs })).toMatchObject({ state: 'SHLVD' });
    await expect.poll(() => statesOf(client), LIMIT).toEqual(['too-high UNACK']);
    expect(kit.journal()).toEqual(['raised UNACK', 'shelved SHLVD', 'unshelved UNACK']);
  });

  test('a log that writes no more ends the watch, and no action is said to be done', async () => {
    const client = kit.start();
    await until(client, 90, ['too-high UNACK']);
    await kit.log.close();
    const acted = client.act('too-high', { action: 'acknowledge', by: 'anna' });
    await expect(acted).rejects.toMatchObject({ code: 'log-closed' });
    expect(await kit.failure()).toMatchObject({ code: 'worker-failed' });
    expect(statesOf(client)).toEqual(['too-high UNACK']);
  });
});

describe('over a restart', () => {
  test('an acknowledged alarm stays acknowledged and returns at the first good value', async () => {
    const first = kit.start();
    await until(first, 90, ['too-high UNACK']);
    await first.act('too-high', { action: 'acknowledge', by: 'anna' });
    await kit.stop();
    expect(kit.json('__state.alarms').at(-1)).toMatchObject({
      outputs: { events: 2 },
      state: { alarms: [{ state: 'ACKED', stands: true }] },
    });
    const second = kit.start();
    await expect.poll(() => statesOf(second), LIMIT).toEqual(['too-high ACKED']);
    await kit.append([{ value: 0, quality: 0x80000000 }]);
    await kit.append([{ value: 91 }]);
    await until(second, 92, ['too-high ACKED']);
    expect(kit.journal()).toHaveLength(2);
    await until(second, 10, []);
    expect(kit.journal().at(-1)).toBe('returned NORM');
  });

  test('lines behind the last snapshot count; what cannot be read is passed over and told', async () => {
    const first = kit.start();
    await until(first, 90, ['too-high UNACK']);
    await kit.stop();
    const snapshots = kit.log.ends.end('__state.alarms');
    await kit.appendText('__state.alarms', 'alarms', '{"v":1,"at":');
    const [line] = kit.json('events');
    const acknowledged = { ...line, transition: 'acknowledged', state: 'ACKED', by: 'anna' };
    await kit.appendText('events', 'alarm/too-high', 'not JSON');
    await kit.appendText('events', 'gateway', '{"type":"stopped"}');
    await kit.appendText('events', 'alarm/too-high', JSON.stringify(acknowledged));
    const second = kit.start();
    await expect.poll(() => statesOf(second), LIMIT).toEqual(['too-high ACKED']);
    expect(kit.unreadable.map(({ topic, offset }) => [topic, offset])).toEqual([
      ['__state.alarms', snapshots],
      ['events', 1],
    ]);
    // Who wrote them may not have come to telling the ledger; what is not ours is not covered by us.
    expect([1, 2, 3].map((offset) => kit.book.covers('events', offset))).toEqual([true, false, true]);
  });

  test('a stop without changes writes no snapshot; an alarm that is configured no more is gone', async () => {
    const first = kit.start();
    await until(first, 90, ['too-high UNACK']);
    await kit.stop();
    const snapshots = kit.json('__state.alarms').length;
    const second = kit.start();
    await expect.poll(() => statesOf(second), LIMIT).toEqual(['too-high UNACK']);
    await kit.stop();
    expect(kit.json('__state.alarms')).toHaveLength(snapshots);
    const third = kit.start([{ ...tooHigh, name: 'other', high: 200 }]);
    await until(third, 300, ['other UNACK']);
  });
});

describe('models', () => {
  const signals = ['northmill/loop/a', 'northmill/loop/b'];
  const small = smallModel();
  const model: Model = { ...small, spec: { ...small.spec, name: 'health', asset: 'northmill/loop', signals } };
  const watched: WatchedModel = {
    spec: model.spec,
    scoreTag: 'loop/health-score',
    priority: 'high',
    onReturn: 'normal',
  };

  /** Appends a sample of both signals for each of so many seconds. */
  async function run(fromUs: number, seconds: number, value: number): Promise<void> {
    const samples = Array.from({ length: seconds }, (_, s) =>
      signals.map((tag) => ({ tag, value: value + s, timeUs: fromUs + s * S })),
    );
    await kit.append(samples.flat());
  }

  test('score once a hop, into `derived`; the tag is known, the ledger balances, and counts the same anew', async () => {
    writeModel(realDisk, kit.models, '1', model);
    kit.start([], [watched]);
    const fromUs = nextSecondUs();
    await run(fromUs, 21, 5);
    await expect.poll(() => kit.scores.length, LIMIT).toBeGreaterThanOrEqual(8);
    await kit.stop();
    const derived = kit.derived();
    expect(new Set(derived.map(([tag]) => tag))).toEqual(new Set(['northmill/loop/health-score']));
    const times = derived.map(([, timeUs]) => timeUs);
    expect(new Set(times).size).toBe(times.length);
    expect(times.slice(1).every((timeUs, i) => timeUs - (times[i] ?? 0) === model.spec.hop * S)).toBe(true);
    expect(kit.scores.map(({ timeUs, score }) => [timeUs, score])).toEqual(derived.map(([, t, value]) => [t, value]));
    expect(kit.dictionary.find('northmill/loop/health-score')).toMatchObject({
      type: 'double',
      unit: '1',
      connector: 'models',
    });
    const stored = new Map([['northmill/loop/health-score', derived.length]]);
    const { items, balanced } = kit.book.report(stored);
    expect([items, balanced]).toMatchObject([[{ generated: derived.length, stored: derived.length, lag: 0 }], true]);
    const anew = kit.newBook('anew.json');
    anew.open();
    expect(anew.report(stored).items.filter(({ tag }) => tag.endsWith('-score'))).toEqual(items);
  });

  test('a version sees the samples from before its start, but scores none of them, also after a restart', async () => {
    writeModel(realDisk, kit.models, '1', model);
    const startUs = Date.now() * 1000;
    const client = kit.start([], [watched]);
    await kit.stop();
    await run((Math.floor(Date.now() / 1000) - 30) * S, 31, 5);
    const second = client.run();
    await run(nextSecondUs(), 4, 5);
    await expect.poll(() => kit.scores.length, LIMIT).toBeGreaterThan(0);
    expect(kit.scores.every(({ timeUs }) => timeUs >= startUs)).toBe(true);
    await client.stop();
    await second;
  });

  test('after a restart no window is scored twice, although the clocks of the devices are ahead', async () => {
    writeModel(realDisk, kit.models, '1', model);
    kit.start([], [watched]);
    const fromUs = nextSecondUs();
    await run(fromUs, 20, 5);
    await expect.poll(() => kit.scores.length, LIMIT).toBeGreaterThanOrEqual(8);
    await kit.stop();
    const before = kit.derived().length;
    kit.start([], [watched]);
    await run(fromUs + 20 * S, 10, 5);
    await expect.poll(() => kit.derived().length, LIMIT).toBe(before + 5);
    const times = kit.derived().map(([, timeUs]) => timeUs);
    expect(times.slice(1).every((timeUs, i) => timeUs - (times[i] ?? 0) === model.spec.hop * S)).toBe(true);
  });

  test('one that fails while its alarm stands ends it, and so does a start without a version of it', async () => {
    writeModel(realDisk, kit.models, '1', model);
    const client = kit.start([], [watched]);
    const fromUs = nextSecondUs();
    await run(fromUs, 20, 1e6);
    await expect.poll(() => statesOf(client), LIMIT).toEqual(['health UNACK']);
    client.activate('health', '9');
    await expect.poll(() => statesOf(client), LIMIT).toEqual([]);
    expect([kit.failed, kit.journal()]).toEqual([['health model-missing'], ['raised UNACK', 'returned NORM']]);
    expect(kit.json('events').at(-1)?.['message']).toContain('ended because the model looks no more');

    client.activate('health', '1');
    // What comes before the worker has loaded it is not seen.
    let nextUs = fromUs + 20 * S;
    const more = async (): Promise<string[]> => {
      await run(nextUs, 10, 1e6);
      nextUs += 10 * S;
      return statesOf(client);
    };
    await expect.poll(more, LIMIT).toEqual(['health UNACK']);
    await kit.stop();
    const second = kit.start([], [watched], []);
    await expect.poll(() => second.told, LIMIT).toBe(true);
    await expect.poll(() => statesOf(second), LIMIT).toEqual([]);
    expect(kit.journal().at(-1)).toBe('returned NORM');
  });

  test('one that waits for a signal says for which, and when it does not any more', async () => {
    writeModel(realDisk, kit.models, '1', model);
    kit.start([], [watched]);
    const fromUs = nextSecondUs();
    const one = (tag: string, s: number) => ({ tag, value: 5, timeUs: fromUs + s * S });
    await kit.append(Array.from({ length: 20 }, (_, s) => one('northmill/loop/a', s)));
    const told = { type: 'waiting', model: 'health' };
    await expect.poll(() => kit.waiting, LIMIT).toEqual([{ ...told, signals: ['northmill/loop/b'] }]);
    await kit.append([one('northmill/loop/b', 20)]);
    await expect.poll(() => kit.waiting.at(-1), LIMIT).toEqual({ ...told, signals: [] });
  });

  test('a limit may be on a score', async () => {
    writeModel(realDisk, kit.models, '1', model);
    const onScore = { ...tooHigh, name: 'unusual', tag: 'northmill/loop/health-score', high: 0.001 };
    const client = kit.start([onScore], [watched]);
    await run(nextSecondUs(), 10, 5);
    await expect.poll(() => statesOf(client).includes('unusual UNACK'), LIMIT).toBe(true);
  });

  test('a damaged one is told and scores nothing; alarms and other models go on', async () => {
    const other = { ...watched, spec: { ...watched.spec, name: 'other' }, scoreTag: 'loop/other-score' };
    writeModel(realDisk, kit.models, '1', model);
    const folder = path.join(kit.models, 'other', '1');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'model.json'), '{"hash":');
    writeFileSync(path.join(folder, 'weights.bin'), '');
    const client = kit.start([tooHigh], [watched, other]);
    await expect.poll(() => kit.failed, LIMIT).toEqual(['other model-damaged']);
    await run(nextSecondUs(), 12, 5);
    await expect.poll(() => kit.scores.length, LIMIT).toBeGreaterThan(2);
    await kit.append([{ value: 90 }]);
    await expect.poll(() => statesOf(client).includes('too-high UNACK'), LIMIT).toBe(true);
    expect(new Set(kit.scores.map(({ model: name }) => name))).toEqual(new Set(['health']));
  });

  test('a score that cannot have a tag is told once, and the rest goes on', async () => {
    const long = `${'x/'.repeat(20)}health-score`;
    writeModel(realDisk, kit.models, '1', model);
    const client = kit.start([tooHigh], [{ ...watched, scoreTag: long }]);
    const fromUs = nextSecondUs();
    await run(fromUs, 10, 5);
    await expect.poll(() => kit.failed.length, LIMIT).toBeGreaterThan(0);
    await run(fromUs + 10 * S, 10, 5);
    await kit.append([{ value: 90 }]);
    await expect.poll(() => statesOf(client).includes('too-high UNACK'), LIMIT).toBe(true);
    expect(kit.failed).toEqual(['health config-invalid']);
    expect(kit.derived()).toEqual([]);
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeModel } from '../../models/folder.ts';
import { smallModel } from '../../models/model-kit.ts';
import type { Model } from '../../models/model.ts';
import { realDisk } from '../core/disk.ts';
import { SAMPLE_TOPICS } from '../core/topics.ts';
import type { WatchClient } from './client.ts';
import type { LimitAlarm, WatchedModel } from './messages.ts';
import { tooHigh, WatchKit } from './watch-kit.ts';

const LIMIT = { timeout: 20_000, interval: 20 };
const S = 1_000_000;

let kit: WatchKit;

beforeEach(async () => {
  kit = await WatchKit.open();
});

afterEach(() => kit[Symbol.asyncDispose]());

/** An alarm on a tag of its own in each topic of samples. */
const alarms = SAMPLE_TOPICS.map((topic, i): LimitAlarm => ({ ...tooHigh, name: topic, tag: `northmill/loop/t${i}` }));

function standing({ alarms: all }: WatchClient): string[] {
  return all.map(({ id, state }) => `${id} ${state}`).toSorted();
}

/** Appends a value of each tag to its topic. */
async function append(value: number): Promise<void> {
  for (const [i, topic] of SAMPLE_TOPICS.entries())
    await kit.append([{ tag: `northmill/loop/t${i}`, value }], Date.now(), topic);
}

describe('tags of every class are watched', () => {
  test('alarms are raised and return, whichever topic the tag lives in', async () => {
    const client = kit.start(alarms);
    const until = async (value: number, expected: readonly string[]): Promise<void> => {
      await expect
        .poll(async () => {
          await append(value);
          return standing(client);
        }, LIMIT)
        .toEqual(expected);
    };
    await until(90, ['samples UNACK', 'samples.bulk UNACK', 'samples.critical UNACK']);
    for (const topic of SAMPLE_TOPICS) await client.act(topic, { action: 'acknowledge', by: 'anna' });
    await until(10, []);
  });

  test('a delay ends by the clock once everything was seen, however quiet the other topics are', async () => {
    const delayed = alarms.map((alarm) => ({ ...alarm, onDelayMs: 600 }));
    const client = kit.start(delayed);
    await expect.poll(() => client.told, LIMIT).toBe(true);
    await kit.append([{ tag: 'northmill/loop/t1', value: 90 }], Date.now(), 'samples.critical');
    await expect.poll(() => standing(client), LIMIT).toEqual(['samples.critical UNACK']);
    expect(kit.journal()).toHaveLength(1);
  });
});

describe('a model whose signals live in different topics', () => {
  const signals = ['northmill/loop/a', 'northmill/loop/b'];
  const small = smallModel();
  const model: Model = { ...small, spec: { ...small.spec, name: 'health', asset: 'northmill/loop', signals } };
  const scoreTag = 'loop/health-score';
  const watched: WatchedModel = { spec: model.spec, scoreTag, priority: 'high', onReturn: 'normal' };

  /** Its first scores from a time on that is still to come, after a start that finds two minutes of both signals in the log. */
  async function scores(topicOfB: string, nextUs: number): Promise<unknown[]> {
    await using own = await WatchKit.open();
    const both = async (timeUs: number, n: number, arrivalMs: number): Promise<void> => {
      await own.append([{ tag: 'northmill/loop/a', timeUs, value: Math.sin(n) }], arrivalMs);
      await own.append([{ tag: 'northmill/loop/b', timeUs, value: Math.cos(n) }], arrivalMs, topicOfB);
    };
    const nowMs = Date.now();
    for (let n = -120; n < 0; n++) await both(nextUs + n * S, n, nowMs + n * 1000);
    writeModel(realDisk, own.models, '1', model);
    own.start([], [watched]);
    for (let n = 0; n < 12; n++) await both(nextUs + n * S, n, Date.now());
    const found = (): unknown[] => own.derived().filter(([, timeUs]) => timeUs >= nextUs);
    await expect.poll(() => found().length, LIMIT).toBeGreaterThanOrEqual(3);
    await own.stop();
    return found().slice(0, 3);
  }

  test('scores as it does when they live in one', async () => {
    const nextUs = (Math.floor(Date.now() / 1000) + 60) * S;
    expect(await scores('samples.critical', nextUs)).toEqual(await scores('samples', nextUs));
  });
});

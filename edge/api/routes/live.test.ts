import { describe, expect, test } from 'vitest';
import type { Latest } from '../../../historian/queries/latest.ts';
import { Fault } from '../../core/fault.ts';
import { MemoryServices, sampleAt, START_US } from '../services-kit.ts';
import type { LiveSample } from '../services.ts';
import { liveEvents } from './live.ts';

const { signal } = new AbortController();

function servicesWith(tags: number): MemoryServices {
  const services = new MemoryServices();
  for (let i = 0; i < tags; i++) services.samples.set(`plant/t${i}`, [sampleAt(START_US, i)]);
  return services;
}

function update(tag: string, value: number): LiveSample {
  return { tag, ...sampleAt(START_US + 1_000_000, value) };
}

/** The events of a stream: names and what they carry. */
function parse(text: string): [name: string, tags: string[]][] {
  return Array.from(text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g), ([, name = '', data = '']) => {
    const { items = [] } = JSON.parse(data) as { items?: { tag: string }[] };
    return [name, items.map(({ tag }) => tag)];
  });
}

/** Nothing, until the signal ends it. */
function silence(until: AbortSignal): Promise<LiveSample[][]> {
  return new Promise((resolve) => until.addEventListener('abort', () => resolve([])));
}

async function all(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

describe('the live stream', () => {
  test('begins with the last known sample of each tag that fits, then gives what comes', async () => {
    const services = servicesWith(3);
    services.updates = [[update('plant/t1', 5)], [update('plant/t0', 6), update('plant/new', 7)]];
    const text = await all(liveEvents(services, ['plant/t0', 'PLANT/T1'], signal));
    expect(text.startsWith('retry: ')).toBe(true);
    expect(parse(text)).toEqual([
      ['sample', ['plant/t0', 'plant/t1']],
      ['sample', ['plant/t1']],
      ['sample', ['plant/t0', 'plant/new']],
    ]);
    expect(text).toContain('{"tag":"plant/t1","time":"2020-03-17T10:14:34.000000Z","value":5,"quality":0}');
  });

  test('of many tags comes in events of at most 1,000 samples', async () => {
    const services = servicesWith(2500);
    services.updates = [Array.from({ length: 1001 }, (_, i) => update(`plant/t${i}`, i))];
    const sizes = parse(await all(liveEvents(services, ['**'], signal))).map(([, tags]) => tags.length);
    expect(sizes).toEqual([1000, 1000, 500, 1000, 1]);
  });

  test('says that it lives while nothing comes, and ends when its asker has gone', async () => {
    const services = servicesWith(0);
    const leave = new AbortController();
    let ended = false;
    services.live = async function* (_patterns, until) {
      yield* await silence(until);
      ended = true;
    };
    const stream = liveEvents(services, ['**'], leave.signal, 5);
    await stream.next();
    expect(parse(String((await stream.next()).value))).toEqual([['ping', []]]);
    expect(parse(String((await stream.next()).value))).toEqual([['ping', []]]);
    leave.abort();
    while ((await stream.next()).done !== true) continue;
    expect(ended).toBe(true);
  });

  test('a subscription that is refused, or values that cannot be read, are told before anything is sent', async () => {
    const services = servicesWith(1);
    const refused = new Fault('too-many-requests', '64');
    services.live = async function* () {
      yield* await Promise.reject<LiveSample[][]>(refused);
    };
    await expect(liveEvents(services, ['**'], signal).next()).rejects.toBe(refused);
    const blind = servicesWith(1);
    const unread = new Fault('not-ready', 'historian');
    blind.latest = async function* () {
      yield* await Promise.reject<Latest[]>(unread);
    };
    blind.live = async function* (_patterns, until) {
      yield* await silence(until);
    };
    await expect(liveEvents(blind, ['**'], signal).next()).rejects.toBe(unread);
  });
});

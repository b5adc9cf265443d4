import { afterEach, beforeEach, expect, test } from 'vitest';
import { ByteWriter } from '../core/byte-writer.ts';
import { Flag } from '../core/flags.ts';
import { LogFolder, type OpenLog } from '../core/kit/log-kit.ts';
import { BatchEncoder } from '../core/record-batch.ts';
import { writeSample } from '../core/sample-codec.ts';
import { type Sample, ValueKind } from '../core/sample.ts';
import { LiveClient } from './client.ts';
import type { LiveItem } from './messages.ts';

const TOPICS = ['samples', 'derived'];
const ARRIVAL_MS = 1_600_000_000_000;

let folder: LogFolder;
let log: OpenLog;
let client: LiveClient;
let running: Promise<void>;
const leaving: AbortController[] = [];

beforeEach(() => {
  folder = new LogFolder();
  log = folder.open({ topics: TOPICS });
  client = new LiveClient({ logFolder: folder.log, ends: log.ends, topics: TOPICS });
  running = client.run();
  // Each test says what it expects of it.
  running.catch(() => undefined);
});

afterEach(async () => {
  for (const one of leaving.splice(0)) one.abort();
  await client.stop();
  log.writer.close();
  folder[Symbol.dispose]();
});

const encoder = new TextEncoder();

/** Appends a sample of each tag, durably, as the log writer does. */
function append(tags: Readonly<Record<string, Partial<Sample>>>, topic = 'samples'): void {
  const batch = new BatchEncoder();
  for (const [tag, members] of Object.entries(tags)) {
    const out = new ByteWriter();
    const sample = { timeUs: 1, kind: ValueKind.double, value: 0.5, quality: 0, flags: 0, serverTimeUs: null };
    writeSample(out, { ...sample, ...members });
    batch.addRecord(encoder.encode(tag), out.bytes.slice(0, out.length));
  }
  log.writer.append([{ topic, batch: batch.finish(ARRIVAL_MS), records: Object.keys(tags).length }]);
  log.ends.notify();
}

/** Looks on; `next` is the next update. */
function follow(...patterns: string[]) {
  const leave = new AbortController();
  leaving.push(leave);
  const updates = client.follow(patterns, leave.signal);
  const next = async (): Promise<readonly LiveItem[] | undefined> => {
    const result = await updates.next();
    return result.done === true ? undefined : result.value;
  };
  /** The next update, of which there must be one. */
  const more = async (): Promise<readonly LiveItem[]> => {
    const items = await next();
    if (items === undefined) throw new Error('the live view has ended');
    return items;
  };
  return { leave, next, more };
}

/** Appends again and again until the update that is waited for has come: the worker begins at the log's end as it finds it. */
async function firstUpdate(waiting: Promise<readonly LiveItem[] | undefined>, tag: string) {
  const timer = setInterval(() => append({ [tag]: { timeUs: Date.now() * 1000 } }), 20);
  try {
    return await waiting;
  } finally {
    clearInterval(timer);
  }
}

test('samples come as they are appended, of all topics, of the tags that were asked for', async () => {
  const { next, more } = follow('plant/loop/*', 'plant/score');
  expect(await firstUpdate(next(), 'plant/loop/flow')).toMatchObject([{ tag: 'plant/loop/flow', value: 0.5 }]);
  const late = 2 ** 52;
  append({ 'plant/score': { timeUs: late, value: 1.25 } }, 'derived');
  append({
    'plant/press': { timeUs: late },
    'plant/loop/flow': { timeUs: late, value: 7, quality: 0x80310000, flags: Flag.gap },
  });
  const items: LiveItem[] = [];
  while (
    !items.some(({ timeUs, tag }) => timeUs === late && tag === 'plant/score') ||
    !items.some(({ value }) => value === 7)
  )
    items.push(...(await more()));
  expect(new Set(items.map(({ tag }) => tag))).toEqual(new Set(['plant/loop/flow', 'plant/score']));
  expect(items.find(({ value }) => value === 7)).toEqual({
    tag: 'plant/loop/flow',
    timeUs: late,
    kind: ValueKind.double,
    value: 7,
    quality: 0x80310000,
    flags: Flag.gap,
  });
});

test('every kind of value crosses the threads; a suspect clock gives the time of arrival', async () => {
  const { next, more } = follow('plant/**');
  await firstUpdate(next(), 'plant/first');
  const bytes = new Uint8Array([1, 2, 255]);
  const array = { shape: [2], stepNs: null, element: 'double', items: Float64Array.of(0.5, 1) } as const;
  append({
    'plant/null': { kind: ValueKind.null, value: null },
    'plant/long': { kind: ValueKind.long, value: 2n ** 60n },
    'plant/text': { kind: ValueKind.string, value: 'ü' },
    'plant/bytes': { kind: ValueKind.bytes, value: bytes },
    'plant/array': { kind: ValueKind.array, value: array },
    'plant/late': { timeUs: 5, flags: Flag.clockSuspect },
  });
  const items = new Map<string, LiveItem>();
  while (items.size < 6) for (const item of await more()) if (item.tag !== 'plant/first') items.set(item.tag, item);
  const values = ['null', 'long', 'text', 'bytes', 'array'].map((name) => items.get(`plant/${name}`)?.value);
  expect(values).toEqual([null, 2n ** 60n, 'ü', bytes, array]);
  expect(items.get('plant/late')?.timeUs).toBe(ARRIVAL_MS * 1000);
});

test('records that are no samples are left out', async () => {
  const { next, more } = follow('**');
  await firstUpdate(next(), 'plant/first');
  const batch = new BatchEncoder();
  batch.addRecord(encoder.encode('plant/a'), encoder.encode('no sample'));
  batch.addRecord(null, encoder.encode('no tag'));
  batch.addRecord(encoder.encode('plant/gone'), null);
  log.writer.append([{ topic: 'samples', batch: batch.finish(ARRIVAL_MS), records: 3 }]);
  append({ 'plant/good': {} });
  const tags: string[] = [];
  while (!tags.includes('plant/good')) tags.push(...(await more()).map(({ tag }) => tag));
  expect(tags.filter((tag) => tag !== 'plant/first')).toEqual(['plant/good']);
});

test('who is slow gets the newest sample of a tag, not all of them', async () => {
  const { next, more } = follow('plant/**');
  await firstUpdate(next(), 'plant/first');
  for (let i = 1; i <= 500; i++) append({ 'plant/a': { timeUs: i, value: i } });
  const quick = follow('plant/**');
  await firstUpdate(quick.next(), 'plant/first');
  let last: LiveItem | undefined;
  let updates = 0;
  while (last?.value !== 500) {
    last = (await more()).find(({ tag }) => tag === 'plant/a') ?? last;
    updates++;
  }
  expect(updates).toBeLessThan(10);
});

test('who leaves gets no more; a second look begins anew', async () => {
  const first = follow('plant/**');
  await firstUpdate(first.next(), 'plant/a');
  first.leave.abort();
  expect(await first.next()).toBeUndefined();
  const waiting = follow('plant/**');
  const none = waiting.next();
  waiting.leave.abort();
  expect(await none).toBeUndefined();
  expect(await firstUpdate(follow('plant/**').next(), 'plant/b')).toMatchObject([{ tag: 'plant/b' }]);
});

test('one too many is refused until another leaves', async () => {
  const all = Array.from({ length: 64 }, () => follow('plant/**'));
  const waiting = all.map(({ next }) => next());
  await expect(follow('plant/**').next()).rejects.toMatchObject({ code: 'too-many-requests' });
  all[0]?.leave.abort();
  expect(await waiting[0]).toBeUndefined();
  expect(await firstUpdate(follow('plant/**').next(), 'plant/a')).toHaveLength(1);
  expect(await Promise.all(waiting.slice(1))).toHaveLength(63);
});

test('a clean stop ends those who look on without an error', async () => {
  const { next } = follow('plant/**');
  await firstUpdate(next(), 'plant/a');
  const last = next();
  await client.stop();
  expect(await last).toBeUndefined();
  await expect(running).resolves.toBeUndefined();
  await expect(follow('plant/**').next()).rejects.toMatchObject({ code: 'not-ready' });
});

test('a worker that fails tells those who look on, and can be run again', async () => {
  const broken = new LiveClient({ logFolder: folder.log, ends: log.ends, topics: ['samples', 'no-such-topic'] });
  const { signal } = new AbortController();
  for (let run = 0; run < 2; run++) {
    const ended = broken.run();
    const looking = [broken.follow(['**'], signal).next(), broken.follow(['**'], signal).next()];
    await Promise.all([ended, ...looking].map((each) => expect(each).rejects.toMatchObject({ code: 'worker-failed' })));
    await expect(broken.follow(['**'], signal).next()).rejects.toMatchObject({ code: 'not-ready' });
  }
});

test('a record whose sample was erased is no update', async () => {
  const { next, more } = follow('plant/**');
  await firstUpdate(next(), 'plant/first');
  const batch = new BatchEncoder();
  batch.addRecord(encoder.encode('plant/erased'), null);
  log.writer.append([{ topic: 'samples', batch: batch.finish(ARRIVAL_MS), records: 1 }]);
  append({ 'plant/last': { timeUs: 2 ** 52 } });
  const items: LiveItem[] = [];
  while (!items.some(({ tag }) => tag === 'plant/last')) items.push(...(await more()));
  expect(items.some(({ tag }) => tag === 'plant/erased')).toBe(false);
});

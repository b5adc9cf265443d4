import { describe, expect, test } from 'vitest';
import { eachRecord } from '../each-record.ts';
import type { RecordCursor } from '../record-cursor.ts';
import { type CrashSubject, type Life, surviveCrashes } from './crash-kit.ts';
import { DerivedTopics } from './derived-topics.ts';
import { StateFile } from './state-file.ts';
import { TrailingCursor } from './trailing-cursor.ts';
import type { CrashWorld } from './world-kit.ts';

const text = new TextEncoder();
const decoder = new TextDecoder();
const topics = ['samples', 'derived', '__state.sums'];
const MANY = { seeds: Number(process.env['MILLRACE_CRASH_SEEDS'] ?? 60), records: 40 };

/** Input: numbers from 0 to 9. */
const encode: CrashSubject['encode'] = (encoder, _i, random) =>
  void encoder.addRecord(null, text.encode(String(random(10))));

function valueOf(cursor: RecordCursor): string {
  return decoder.decode(cursor.value() ?? undefined);
}

/** Values of the records of a topic from an offset on, that are durable. */
function read(world: CrashWorld, topic: string, from = 0): string[] {
  const values: string[] = [];
  eachRecord(world.logFolder, topic, world.ends, from, (cursor) => values.push(valueOf(cursor)), world.disk);
  return values;
}

/** What may be wrong with a consumer. */
type Fault =
  | 'position apart from the output'
  | 'state without its position'
  | 'no identities'
  | 'no fence'
  | 'snapshot before the output'
  | 'no progress without output'
  | 'snapshot of a later position'
  | 'cursor ahead of the sink'
  | 'cursor only at the end';

/** Form (a): the sum of all numbers, and how many they are. */
function summing(fault?: Fault): CrashSubject {
  return {
    topics,
    input: 'samples',
    encode,
    start(world): Life {
      const { disk } = world;
      const file = (name: string): StateFile =>
        new StateFile({ disk, file: `/data/${name}`, consumer: 'sum', remedy: 'Remove it.' });
      const both = file('sum');
      const position = file('position');
      const state = { sum: 0, next: 0 };
      Object.assign(state, both.read());
      if (fault === 'position apart from the output') Object.assign(state, position.read());
      let saved = state.next;
      const save = (): void => {
        if (fault === 'state without its position') both.write({ sum: state.sum });
        else if (fault === 'position apart from the output') {
          position.write({ next: state.next });
          both.write({ sum: state.sum });
        } else both.write(state);
        saved = state.next;
      };
      return {
        work() {
          for (const value of read(world, 'samples', state.next)) {
            state.sum += Number(value);
            state.next++;
          }
        },
        save,
        saved: () => saved,
        output: () => Array.from({ length: state.sum }, () => 'one'),
        stop: save,
        kill: () => undefined,
      };
    },
  };
}

/** Form (b): tells each time when the sum of all numbers passes ten more. */
function passing(fault?: Fault): CrashSubject {
  return {
    topics,
    input: 'samples',
    encode,
    async start(world): Promise<Life> {
      const failures: unknown[] = [];
      let sum = 0;
      let outputs = 0;
      const progress = new DerivedTopics({
        consumer: 'sums',
        inputs: ['samples'],
        outputs: { derived: 'start' },
        logFolder: world.logFolder,
        ends: world.ends,
        producer:
          fault === 'snapshot before the output'
            ? { ...held(world), append: (topic, ...rest) => outOfOrder(world, topic, ...rest) }
            : world.producer,
        clock: world.clock,
        disk: world.disk,
        capture: () => ({ sum: fault === 'snapshot of a later position' ? sum + 1 : sum }),
        identify: (_topic, cursor) => (fault === 'no identities' ? undefined : valueOf(cursor)),
        onFailed: (error) => failures.push(error),
        onUnreadable: (topic, offset, why) => failures.push(new Error(`${topic} ${offset}: ${why}`)),
      });
      if (world.isRestarted && fault !== 'no fence') await progress.fence();
      const snapshot = progress.recover({ samples: 0 });
      sum = (snapshot?.state as { sum: number } | undefined)?.sum ?? 0;
      progress.begin();
      if (snapshot === undefined) await progress.save(true);
      const visit = (cursor: RecordCursor): void => {
        const before = Math.floor(sum / 10);
        sum += Number(valueOf(cursor));
        const tens = Math.floor(sum / 10);
        if (tens > before) {
          outputs++;
          progress.emit('derived', String(tens), (encoder) => encoder.addRecord(null, text.encode(String(tens))));
        }
        progress.took('samples', cursor.offset, 10, cursor.timestampMs);
      };
      const save = async (): Promise<void> => {
        if (fault !== 'no progress without output' || outputs > 0) await progress.save();
        outputs = 0;
      };
      return {
        work() {
          if (failures.length > 0) throw failures[0];
          eachRecord(world.logFolder, 'samples', world.ends, progress.position('samples'), visit, world.disk);
        },
        save,
        saved: () => progress.holds['samples'] ?? 0,
        output: () => read(world, 'derived'),
        stop: save,
        kill: () => undefined,
      };
    },
  };
}

const held = (world: CrashWorld) => {
  const { producer } = world;
  return {
    pending: 0,
    writable: () => producer.writable(),
    close: () => producer.close(),
  };
};

/** Answers for outputs before they are durable. */
function outOfOrder(world: CrashWorld, topic: string, batch: Uint8Array, records: number): Promise<number> {
  if (topic !== 'derived') return world.producer.append(topic, batch, records);
  const copy = batch.slice();
  const { producer } = world;
  const late = (): void => void producer.append(topic, copy, records).catch(() => undefined);
  setImmediate(() => setImmediate(late));
  return Promise.resolve(world.ends.end(topic));
}

/** Form (c): gives everything to a store elsewhere that keeps a record by its offset. */
function forwarding(fault?: Fault): CrashSubject & { sent: number; kept: number } {
  const stores = new WeakMap<CrashWorld, Map<number, string>>();
  const subject = {
    topics,
    input: 'samples',
    encode,
    sent: 0,
    kept: 0,
    start(world: CrashWorld): Life {
      const store = stores.get(world) ?? new Map<number, string>();
      stores.set(world, store);
      const log = { logId: 'crash', epoch: 0 };
      const { disk, ends } = world;
      const cursor = new TrailingCursor({ disk, ends, file: '/data/cursor', consumer: 'store', log });
      cursor.open();
      let next = cursor.position('samples');
      let alive = true;
      const answers: (() => void)[] = [];
      const answer = (): void => {
        for (const one of answers.splice(0)) one();
      };
      const send = (offset: number, value: string): void => {
        subject.sent++;
        const taken = new Promise<void>((resolve) => {
          answers.push(() => {
            if (!alive) return;
            if (!store.has(offset)) subject.kept++;
            store.set(offset, value);
            resolve();
          });
        });
        const claimed = fault === 'cursor ahead of the sink' ? Promise.resolve() : taken;
        void cursor.deliver('samples', offset + 1, claimed);
      };
      const save = async (): Promise<void> => {
        if (fault === 'cursor ahead of the sink') {
          cursor.save();
          await new Promise((resolve) => setImmediate(resolve));
        }
        answer();
        await new Promise((resolve) => setImmediate(resolve));
        if (alive && fault !== 'cursor only at the end') cursor.save();
      };
      return {
        work() {
          // The store answers for what it was given before.
          answer();
          for (const value of read(world, 'samples', next)) send(next++, value);
        },
        save,
        saved: () => cursor.holds['samples'] ?? 0,
        output: () => [...store].map(([offset, value]) => `${offset} ${value}`),
        async stop() {
          await save();
        },
        kill() {
          alive = false;
        },
      };
    },
  };
  return subject;
}

describe('what goes by the rules survives', () => {
  test('a state file (form a)', async () => {
    const counts = await surviveCrashes(summing(), MANY);
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(MANY.seeds);
  });

  test('derived topics (form b)', async () => {
    const counts = await surviveCrashes(passing(), MANY);
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(MANY.seeds);
  });

  test('a trailing cursor (form c), which sends some twice', async () => {
    const subject = forwarding();
    const counts = await surviveCrashes(subject, MANY);
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(MANY.seeds);
    expect(subject.sent).toBeGreaterThan(subject.kept + MANY.seeds);
  });
});

describe('what breaks a rule is found', () => {
  test.each<[Fault, (fault: Fault) => CrashSubject, RegExp]>([
    ['position apart from the output', summing, /without|once too often|missing/],
    ['state without its position', summing, /once too often|goes on from/],
    ['no identities', passing, /once too often/],
    ['no fence', passing, /once too often/],
    ['snapshot before the output', passing, /without|missing|speaks of/],
    ['no progress without output', passing, /only \d+ saved/],
    ['snapshot of a later position', passing, /once too often|without|missing/],
    ['cursor ahead of the sink', forwarding, /without/],
    ['cursor only at the end', forwarding, /only \d+ saved/],
  ])('%s', async (fault, subject, message) => {
    await expect(surviveCrashes(subject(fault), MANY)).rejects.toThrow(message);
  });
});

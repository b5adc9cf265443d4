import { beforeEach, describe, expect, test } from 'vitest';
import { eachRecord } from '../each-record.ts';
import { BatchEncoder } from '../record-batch.ts';
import { type DerivedOptions, DerivedTopics } from './derived-topics.ts';
import { CrashWorld } from './world-kit.ts';

const TOPICS = ['samples', 'events', 'derived', '__state.copies'];
const STATE = '__state.copies';
const MIB = 1024 * 1024;
const text = new TextEncoder();
const decoder = new TextDecoder();

let world: CrashWorld;
let failures: unknown[];

beforeEach(() => {
  world = new CrashWorld(TOPICS);
  failures = [];
});

function consumer(members: Partial<DerivedOptions> = {}): DerivedTopics {
  const { logFolder, ends, producer, clock, disk } = world;
  return new DerivedTopics({
    consumer: 'copies',
    inputs: ['samples'],
    outputs: { derived: 'start' },
    logFolder,
    ends,
    producer,
    clock,
    disk,
    capture: () => null,
    identify: (_topic, cursor) => decoder.decode(cursor.value() ?? undefined),
    onFailed: (error) => failures.push(error),
    onUnreadable: (topic, offset, why) => failures.push(new Error(`${topic} ${offset} ${why}`)),
    ...members,
  });
}

/** One that has begun, with its first snapshot. */
async function begun(members: Partial<DerivedOptions> = {}): Promise<DerivedTopics> {
  const one = consumer(members);
  const snapshot = one.recover({ samples: world.ends.start('samples') });
  one.begin();
  if (snapshot === undefined) await world.until(one.save(true));
  return one;
}

function emit(one: DerivedTopics, value: string, identity: string | undefined = value): boolean {
  return one.emit('derived', identity, (encoder) => encoder.addRecord(null, text.encode(value)));
}

function append(topic: string, ...records: string[]): void {
  for (const value of records) {
    const encoder = new BatchEncoder();
    encoder.addRecord(null, text.encode(value));
    world.append(topic, encoder.finish(world.ms), 1);
  }
}

function values(topic: string): string[] {
  const found: string[] = [];
  const visit = (value: Uint8Array | null): void => void found.push(decoder.decode(value ?? undefined));
  eachRecord(world.logFolder, topic, world.ends, 0, (cursor) => visit(cursor.value()), world.disk);
  return found;
}

/** Commits what is appended now, and what comes of the answers. */
async function committed(): Promise<void> {
  for (let i = 0; i < 3; i++) await world.commit();
}

function last(): Record<string, unknown> {
  return JSON.parse(values(STATE).at(-1) ?? 'null') as Record<string, unknown>;
}

describe('a snapshot', () => {
  test('says where the inputs are, where the outputs end, what was seen, and the state', async () => {
    append('samples', 'a', 'b');
    const one = await begun({ capture: () => ({ sum: 5 }) });
    emit(one, 'x');
    one.took('samples', 0, 10, 1234);
    await world.until(one.save());
    expect(last()).toEqual({
      v: 2,
      at: world.ms * 1000,
      inputs: { samples: 1 },
      outputs: { derived: 1 },
      watermark: 1_234_000,
      state: { sum: 5 },
    });
    expect(one.holds).toEqual({ samples: 1, derived: 1, [STATE]: 1 });
  });

  test('is due after 30 s, also when nothing came of the input; and not when there was none', async () => {
    append('samples', 'a', 'b');
    const one = await begun();
    const snapshots = (): number => world.ends.end(STATE);
    one.took('samples', 0, 10, 0);
    world.ms += 29_999;
    one.tick();
    await committed();
    expect(snapshots()).toBe(1);
    world.ms += 1;
    one.tick();
    await committed();
    expect([snapshots(), last()['inputs']]).toEqual([2, { samples: 1 }]);
    world.ms += 100_000;
    one.tick();
    await committed();
    expect(snapshots()).toBe(2);
  });

  test('is due after 64 MiB of input and after 100,000 records of output, whatever the time', async () => {
    append('samples', ...Array.from({ length: 70 }, () => 'a'));
    const one = await begun();
    for (let offset = 0; offset < 64; offset++) {
      expect(world.producer.pending).toBe(0);
      one.took('samples', offset, MIB, 0);
    }
    await committed();
    expect(last()['inputs']).toEqual({ samples: 64 });
    for (let i = 0; i < 100_000; i++) emit(one, 'x', undefined);
    one.took('samples', 64, 1, 0);
    await world.until(one.save());
    expect(last()).toMatchObject({ inputs: { samples: 65 }, outputs: { derived: 100_000 } });
  });

  test('moves with what others write to an output, so that the next recovery reads no more than that', async () => {
    const one = await begun();
    append('derived', 'of another', 'of another');
    world.ms += 30_000;
    one.tick();
    await committed();
    expect([last()['outputs'], one.holds['derived']]).toEqual([{ derived: 2 }, 2]);
  });

  test('is of one moment: what is emitted while it waits for the output before it is not in it', async () => {
    append('samples', 'a', 'b');
    let sum = 1;
    const one = await begun({ capture: () => sum });
    emit(one, 'x');
    one.took('samples', 0, 10, 0);
    const saved = one.save();
    sum = 2;
    emit(one, 'y');
    one.took('samples', 1, 10, 0);
    await world.until(saved);
    expect(last()).toMatchObject({ inputs: { samples: 1 }, outputs: { derived: 1 }, state: 1 });
    await world.until(one.save());
    expect(last()).toMatchObject({ inputs: { samples: 2 }, outputs: { derived: 2 }, state: 2 });
  });

  test('that the log refuses ends the consumer', async () => {
    append('samples', 'a');
    const one = await begun();
    one.took('samples', 0, 10, 0);
    world.failAfter(0);
    world.ms += 30_000;
    one.tick();
    await committed();
    expect(failures).toMatchObject([{ code: 'log-write-failed' }]);
  });
});

const identify: DerivedOptions['identify'] = (_topic, cursor) =>
  cursor.valueStart < 0 ? 'erased' : decoder.decode(cursor.value() ?? undefined);

describe('a recovery', () => {
  test('emits nothing again that is there, as often as it is there', async () => {
    append('samples', 'a', 'a', 'a');
    const one = await begun();
    for (const offset of [0, 1]) {
      emit(one, 'x');
      one.took('samples', offset, 1, 0);
    }
    await world.commit();
    world.newProcess(0);
    const again = consumer();
    expect(again.recover({ samples: 0 })).toMatchObject({ inputs: { samples: 0 } });
    again.begin();
    expect([again.position('samples'), again.replaying]).toEqual([0, true]);
    const emitted = [0, 1, 2].map((offset) => {
      const isNew = emit(again, 'x');
      again.took('samples', offset, 1, 0);
      return isNew;
    });
    await world.commit();
    expect([emitted, values('derived'), again.replaying]).toEqual([[false, false, true], ['x', 'x', 'x'], false]);
  });

  test('emits nothing again that was erased meanwhile, and then goes on', async () => {
    append('samples', 'a', 'b', 'c', 'd');
    const one = await begun({ identify });
    emit(one, 'a');
    // What stands in place of `b` and `c` after their erasure.
    for (let i = 0; i < 2; i++) one.emit('derived', 'lost', (encoder) => encoder.addRecord(text.encode('tag'), null));
    await world.commit();
    world.newProcess(0);
    const again = consumer({ identify });
    again.recover({ samples: 0 });
    again.begin();
    const emitted = ['a', 'b', 'c', 'd'].map((value, offset) => {
      const isNew = again.emit('derived', [value, 'erased'], (encoder) => encoder.addRecord(null, text.encode(value)));
      again.took('samples', offset, 1, 0);
      return isNew;
    });
    await world.commit();
    expect(emitted).toEqual([false, false, false, true]);
    expect(values('derived')).toEqual(['a', '', '', 'd']);
  });

  test('takes no snapshot while there is output in front of the replay: it would forget it', async () => {
    append('samples', 'a', 'b');
    const one = await begun();
    emit(one, 'x');
    one.took('samples', 0, 1, 0);
    emit(one, 'y');
    one.took('samples', 1, 1, 0);
    await world.commit();
    world.newProcess(0);
    const again = await begun();
    emit(again, 'x');
    again.took('samples', 0, 1, 0);
    await world.until(again.save());
    expect(last()['inputs']).toEqual({ samples: 0 });
    emit(again, 'y');
    again.took('samples', 1, 1, 0);
    await world.until(again.save());
    expect(last()['inputs']).toEqual({ samples: 2 });
    expect(values('derived')).toEqual(['x', 'y']);
  });

  test('forgets what does not come again, once all of the input was seen; and tells that it was', async () => {
    append('samples', 'a');
    const one = await begun();
    emit(one, 'of an older program');
    one.took('samples', 0, 1, 0);
    await world.commit();
    world.newProcess(0);
    let caughtUp = 0;
    const again = await begun({ onCaughtUp: () => caughtUp++ });
    expect(caughtUp).toBe(0);
    again.took('samples', 0, 1, 0);
    await world.until(again.save());
    expect([caughtUp, last()['inputs']]).toEqual([1, { samples: 1 }]);
    expect(emit(again, 'of an older program')).toBe(true);
  });

  test('passes over what cannot be read, and over input that is not to be had', async () => {
    append('samples', 'a', 'b', 'c');
    append('derived', 'x', 'not mine', 'y');
    const one = consumer({
      identify(_topic, cursor) {
        const value = decoder.decode(cursor.value() ?? undefined);
        if (value === 'not mine') throw new Error('what is this');
        return value;
      },
    });
    one.recover({ samples: 0 });
    one.begin();
    expect(failures).toMatchObject([{ message: 'derived 1 what is this' }]);
    one.skipped('samples', 2);
    expect([emit(one, 'y'), emit(one, 'x'), one.position('samples')]).toEqual([false, false, 2]);
    one.took('samples', 2, 1, 0);
    expect(one.replaying).toBe(false);
  });

  test('looks for no output of its own where it begins at the end', () => {
    append('derived', 'x');
    const one = consumer({ outputs: { derived: 'end' } });
    one.recover({ samples: 0 });
    one.begin();
    expect(emit(one, 'x')).toBe(true);
  });

  test('holds everything that it needs before its first snapshot', () => {
    append('samples', 'a', 'b');
    const one = consumer({ inputs: ['samples', 'derived'], outputs: { derived: 'start', events: 'end' } });
    append('events', 'e');
    const holds: unknown[] = [];
    const other = consumer({ onHolds: (held) => holds.push(held) });
    one.recover({ samples: 1, derived: 0 });
    other.recover({ samples: 2 });
    expect(one.holds).toEqual({ samples: 1, derived: 0, events: 1, [STATE]: 0 });
    expect(holds).toEqual([{ samples: 2, derived: 0, [STATE]: 0 }]);
  });
});

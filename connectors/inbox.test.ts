import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Batch } from './contract.ts';
import { abortError, Inbox } from './inbox.ts';

interface Rig {
  readonly inbox: Inbox<string>;
  readonly acknowledged: string[];
  readonly failures: unknown[];
}

function start(onAcknowledged: (item: string) => void = () => undefined): Rig {
  const acknowledged: string[] = [];
  const failures: unknown[] = [];
  const inbox = new Inbox<string>({
    toReading: (item) => {
      if (item === 'bad') throw new Error('cannot be read');
      return { type: 'lost', source: item };
    },
    bytesOf: ({ length }) => length,
    onAcknowledged: (item) => {
      acknowledged.push(item);
      onAcknowledged(item);
    },
    onFailed: (error) => failures.push(error),
  });
  return { inbox, acknowledged, failures };
}

const sources = ({ readings }: Batch): string[] => readings.map(({ source }) => source);

describe('an inbox', () => {
  test('what came in one turn is one batch', async () => {
    const { inbox } = start();
    const reading = inbox.read();
    inbox.add('a');
    await Promise.resolve();
    inbox.add('b');
    expect(sources(await reading)).toEqual(['a', 'b']);
    inbox.add('c');
    expect(sources(await inbox.read())).toEqual(['c']);
  });

  test('nothing waits where nothing is under way', async () => {
    const { inbox } = start();
    const reading = inbox.read();
    inbox.add('a');
    await nextTurn();
    const first = await reading;
    first.acknowledge();
    const next = inbox.read();
    inbox.add('b');
    expect(await Promise.race([next.then(sources), nextTurn('late')])).toEqual(['b']);
  });

  test('while a batch waits for its acknowledgement the next one is filled, until that comes, some time has passed or it is large', async () => {
    const { inbox } = start();
    inbox.add('first');
    const first = await inbox.read();
    const second = inbox.read().then(sources);
    inbox.add('a');
    expect(await Promise.race([second, nextTurn('not yet')])).toBe('not yet');
    inbox.add('b');
    first.acknowledge();
    expect(await second).toEqual(['a', 'b']);
    const startMs = performance.now();
    inbox.add('c');
    expect(sources(await inbox.read())).toEqual(['c']);
    expect(performance.now() - startMs).toBeGreaterThan(3);
    const large = inbox.read().then(sources);
    inbox.add('x'.repeat(70_000));
    expect(await Promise.race([large, nextTurn('late')])).toHaveLength(1);
  });

  test('batches are not larger than four MiB, but a single item may be', async () => {
    const { inbox } = start();
    const items = [3, 2, 9, 1, 1].map((size) => 'x'.repeat(size * 1024 * 1024));
    for (const item of items) inbox.add(item);
    const counts: number[] = [];
    while (counts.reduce((a, b) => a + b, 0) < items.length) counts.push((await inbox.read()).readings.length);
    expect(counts).toEqual([1, 1, 1, 2]);
  });

  test('a batch is acknowledged once, item by item, in order', async () => {
    const { inbox, acknowledged } = start();
    for (const item of ['a', 'b']) inbox.add(item);
    const batch = await inbox.read();
    batch.acknowledge();
    batch.acknowledge();
    expect(acknowledged).toEqual(['a', 'b']);
  });

  test('ended, nothing more is read; closed, nothing more is acknowledged', async () => {
    const { inbox, acknowledged } = start();
    inbox.add('a');
    const first = await inbox.read();
    inbox.add('b');
    const second = await inbox.read();
    inbox.add('unread');
    const waiting = inbox.read();
    inbox.end(abortError('over'));
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    await expect(inbox.read()).rejects.toMatchObject({ name: 'AbortError' });
    first.acknowledge();
    inbox.close(abortError('closed'));
    second.acknowledge();
    expect(acknowledged).toEqual(['a']);
  });

  test('what throws ends it, and is said', async () => {
    const reading = start();
    reading.inbox.add('bad');
    await expect(reading.inbox.read()).rejects.toThrow('cannot be read');
    const answering = start(() => {
      throw new Error('cannot be answered');
    });
    answering.inbox.add('a');
    const batch = await answering.inbox.read();
    expect(() => batch.acknowledge()).not.toThrow();
    await expect(answering.inbox.read()).rejects.toThrow('cannot be answered');
    expect([...reading.failures, ...answering.failures]).toHaveLength(2);
  });
});

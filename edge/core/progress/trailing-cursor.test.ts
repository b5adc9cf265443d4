import * as fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { CrashDisk } from '../kit/crash-disk.ts';
import { DurableEnds } from '../durable-ends.ts';
import { TrailingCursor, type TrailingCursorOptions } from './trailing-cursor.ts';

const LOG = { logId: 'a', epoch: 0 };

let disk: CrashDisk;
let ends: DurableEnds;

beforeEach(() => {
  disk = new CrashDisk();
  disk.makeFolder('/data');
  ends = DurableEnds.create(['samples', 'events']);
  ends.publish('samples', 1000);
  ends.publish('events', 1000);
});

function opened(members: Partial<TrailingCursorOptions> = {}): TrailingCursor {
  const cursor = new TrailingCursor({ disk, file: '/data/cursor', consumer: 'hub', log: LOG, ends, ...members });
  cursor.open();
  return cursor;
}

/** Resolves when everything that is ready to go on has gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('moves over what the sink has, and not before', async () => {
  const cursor = opened();
  const taken = Promise.withResolvers<void>();
  const delivered = cursor.deliver('samples', 10, taken.promise);
  await turn();
  cursor.save();
  expect([cursor.position('samples'), opened().position('samples')]).toEqual([0, 0]);
  taken.resolve();
  await delivered;
  expect([cursor.position('samples'), cursor.holds]).toEqual([10, {}]);
  cursor.save();
  expect([cursor.holds, opened().position('samples'), opened().position('events')]).toEqual([{ samples: 10 }, 10, 0]);
});

test('never leads the sink, in whatever order it answers: it stands before the first batch that was not taken', async () => {
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7]), fc.nat(8), async (order, refused) => {
      const cursor = opened({ file: '/data/any' });
      const answers = Array.from({ length: 8 }, () => Promise.withResolvers<void>());
      const ended = answers.map(({ promise }, i) => cursor.deliver('events', i + 1, promise).catch(() => undefined));
      const taken = new Set<number>();
      for (const i of order) {
        if (i === refused) answers[i]?.reject(new Error('refused'));
        else {
          answers[i]?.resolve();
          taken.add(i);
        }
        await ended[i];
        const first = [0, 1, 2, 3, 4, 5, 6, 7, 8].find((batch) => !taken.has(batch));
        expect(cursor.position('events')).toBe(first);
      }
    }),
    { numRuns: 50 },
  );
});

test('tells why a batch was not taken; what comes behind it does not move it', async () => {
  const cursor = opened();
  const refused = cursor.deliver('samples', 5, Promise.reject(new Error('the table is gone')));
  await expect(refused).rejects.toThrow('the table is gone');
  await cursor.deliver('samples', 9, Promise.resolve());
  expect(cursor.position('samples')).toBe(0);
});

test('takes no more than so many batches at a time, each behind the one before', async () => {
  const cursor = opened();
  const never = new Promise<void>(() => undefined);
  for (let next = 1; cursor.writable('samples'); next++) void cursor.deliver('samples', next, never);
  expect(cursor.writable('events')).toBe(true);
  await expect(cursor.deliver('samples', 500, never)).rejects.toThrow(/at most 100/);
  await expect(opened().deliver('events', 0, never)).rejects.toThrow('in order');
});

test('of another log, of another epoch, or behind the end of the log counts for nothing: offsets are given again', async () => {
  const cursor = opened();
  await cursor.deliver('samples', 900, Promise.resolve());
  await cursor.deliver('events', 20, Promise.resolve());
  cursor.save();
  expect(opened().position('samples')).toBe(900);
  expect(opened({ log: { logId: 'b', epoch: 0 } }).position('samples')).toBe(0);
  expect(opened({ log: { logId: 'a', epoch: 1 } }).position('events')).toBe(0);
  const shorter = DurableEnds.create(['samples', 'events']);
  shorter.publish('events', 20);
  const again = opened({ ends: shorter });
  expect([again.position('samples'), again.position('events')]).toEqual([0, 20]);
});

test('that is damaged stops the start and says what helps', () => {
  const fd = disk.open('/data/cursor', 'w');
  disk.write(fd, [new TextEncoder().encode('millrace-state 1 hub 3 00000000\n{}\n')], 0);
  expect(() => opened()).toThrow(expect.objectContaining({ code: 'state-damaged' }));
  expect(() => opened()).toThrow(/Move it away: the sink is then given everything once more/);
});

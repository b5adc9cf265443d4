import { describe, expect, test } from 'vitest';
import { ArrivalOrder } from '../arrival-order.ts';
import { realDisk } from '../disk.ts';
import { expectedPairs, LogFolder, numbered, pairs, readAll } from '../kit/log-kit.ts';
import type { ReadResult } from '../reader.ts';
import { filledLog, repackAll } from './repack-kit.ts';
import { repackLog } from './log.ts';

test('topics that are read side by side come in the order of arrival, also where one batch holds hours', () => {
  using folder = new LogFolder();
  const topics = ['samples', 'samples.bulk', 'events'];
  const { writer, ends } = folder.open({ topics, segmentBytes: 20_000 });
  // One has a record a second, one every three, one every seven; and each has its own number.
  const requests = Array.from({ length: 6000 }, (_, second) =>
    topics.flatMap((topic, i) =>
      second % ([1, 3, 7][i] ?? 1) === 0
        ? [{ topic, batch: numbered(second, 1, { size: 30, timestampMs: 1000 * second }), records: 1 }]
        : [],
    ),
  ).flat();
  for (let i = 0; i < requests.length; i += 500) writer.append(requests.slice(i, i + 500));

  const walk = (from: Record<string, number>): string[] => {
    const seen: string[] = [];
    const order = new ArrivalOrder({
      logFolder: folder.log,
      ends,
      from,
      visit: (topic, { offset, timestampMs }) => seen.push(`${timestampMs} ${topic} ${offset}`),
      onGap: () => expect.unreachable(),
      readBytes: 3000,
    });
    while (order.step());
    order.close();
    return seen;
  };
  const starts = [
    { samples: 0, 'samples.bulk': 0, events: 0 },
    { samples: 1501, 'samples.bulk': 777, events: 0 },
  ];
  const before = starts.map(walk);
  const outcomes = Object.values(repackAll(realDisk, folder.log, writer));
  expect(outcomes.length).toBeGreaterThan(20);
  expect(new Set(outcomes)).toEqual(new Set(['ready']));
  const after = starts.map(walk);
  expect(after.map((seen) => seen.toSorted())).toEqual(before.map((seen) => seen.toSorted()));
  for (const seen of [...before, ...after]) {
    const times = seen.map((line) => Number(line.split(' ')[0]));
    const late = times.filter((time, i) => time < (times[i - 1] ?? 0));
    expect(late).toEqual([]);
  }
  writer.close();
});

function nextOffset(result: ReadResult): number {
  if (result.kind !== 'data') throw new Error(result.kind);
  return result.nextOffset;
}

describe('readers while segments are swapped', () => {
  test('read on from wherever they are, each record once', () => {
    using folder = new LogFolder();
    const { writer, ends } = filledLog(folder, 6000);
    const end = ends.end('samples');
    // Some have the old segment open, some come in the middle of it, some read a batch at a time.
    const readers = Array.from({ length: 100 }, (_, i) => {
      const from = Math.floor((end * i) / 100);
      const reader = folder.reader(ends);
      reader.seek(from);
      const start = i % 3 === 0 ? from : nextOffset(reader.read(i % 2 === 0 ? 1 : 3000));
      return { from, start, reader, maxBytes: [1, 700, 5000, 100_000][i % 4] ?? 1 };
    });
    const swaps = repackLog(realDisk, folder.log, {});
    let step = swaps.next();
    const seen = readers.map(({ start }) => start);
    while (readers.some((_, i) => (seen[i] ?? end) < end)) {
      if (step.done !== true) {
        if (step.value?.outcome === 'ready') writer.replaceSegment(step.value);
        step = swaps.next();
      }
      for (const [i, { reader, maxBytes }] of readers.entries()) {
        if ((seen[i] ?? end) >= end) continue;
        const result = reader.read(maxBytes);
        expect(result.kind).toBe('data');
        if (result.kind !== 'data') continue;
        expect(result.baseOffset).toBeLessThanOrEqual(seen[i] ?? 0);
        seen[i] = result.nextOffset;
      }
    }
    for (const { reader, from } of readers) expect(pairs(readAll(reader, from))).toEqual(expectedPairs(from, end));
    expect(folder.bytes(0).length).toBeLessThan(6_000);
    writer.close();
  });
});

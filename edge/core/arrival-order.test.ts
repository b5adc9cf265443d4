import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ArrivalOrder } from './arrival-order.ts';
import { type Disk, realDisk } from './disk.ts';
import { LogFolder, type OpenLog } from './kit/log-kit.ts';
import { BatchEncoder } from './record-batch.ts';

const TOPICS = ['samples', 'samples.critical', 'samples.bulk'];

interface Visited {
  readonly topic: string;
  readonly offset: number;
  readonly arrivalMs: number;
}

const quickDisk: Disk = { ...realDisk, sync: () => undefined, syncFolder: () => undefined };

/** Appends a batch of so many records to a topic. */
function append(log: OpenLog, topic: string, arrivalMs: number, records: number): void {
  const encoder = new BatchEncoder();
  for (let i = 0; i < records; i++) encoder.addRecord(new Uint8Array(3), new Uint8Array(20));
  const [answer] = log.writer.append([{ topic, batch: encoder.finish(arrivalMs), records }]);
  expect(answer).toBeTypeOf('number');
}

function reading(folder: LogFolder, { ends }: OpenLog, from: Readonly<Record<string, number>>, readBytes?: number) {
  const visited: Visited[] = [];
  const gaps: string[] = [];
  const records = new ArrivalOrder({
    logFolder: folder.log,
    ends,
    from,
    visit: (topic, { offset, timestampMs }) => visited.push({ topic, offset, arrivalMs: timestampMs }),
    onGap: (topic, first, last, reason) => gaps.push(`${topic} ${first}-${last} ${reason}`),
    ...(readBytes === undefined ? {} : { readBytes }),
  });
  return { records, visited, gaps };
}

test('what is durable comes in the order of arrival over all topics, each record once, from the first offset that is wanted', () => {
  const batch = fc.record({
    topic: fc.constantFrom(...TOPICS),
    // The clock of a gateway may stand, and be set.
    afterMs: fc.constantFrom(0, 0, 1, 1, 7, 1000),
    records: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(
      fc.array(batch, { maxLength: 30 }),
      fc.constantFrom(1, 200, 500, undefined),
      fc.constantFrom(0, 1, 4),
      (batches, readBytes, first) => {
        using folder = new LogFolder();
        const log = folder.open({ topics: TOPICS, disk: quickDisk });
        let arrivalMs = 1_600_000_000_000;
        const expected: Visited[] = [];
        const ends: Record<string, number> = {};
        for (const { topic, afterMs, records } of batches) {
          arrivalMs += afterMs;
          append(log, topic, arrivalMs, records);
          const from = ends[topic] ?? 0;
          for (let offset = from; offset < from + records; offset++)
            if (offset >= first) expected.push({ topic, offset, arrivalMs });
          ends[topic] = from + records;
        }
        const from = Object.fromEntries(TOPICS.map((topic) => [topic, Math.min(first, ends[topic] ?? 0)]));
        const { records, visited, gaps } = reading(folder, log, from, readBytes);
        for (let steps = 0; records.step(); steps++) expect(steps).toBeLessThan(1000);
        records.close();
        log.writer.close();
        expect(visited.map((one) => one.arrivalMs)).toEqual(expected.map((one) => one.arrivalMs));
        for (const topic of TOPICS)
          expect(visited.filter((one) => one.topic === topic)).toEqual(expected.filter((one) => one.topic === topic));
        expect(gaps).toEqual([]);
      },
    ),
    { numRuns: 40 },
  );
});

test('a topic that is at its end keeps no other one waiting, and goes on when something comes', () => {
  using folder = new LogFolder();
  const log = folder.open({ topics: TOPICS });
  append(log, 'samples', 1000, 2);
  const { records, visited } = reading(folder, log, Object.fromEntries(TOPICS.map((topic) => [topic, 0])));
  expect([records.step(), records.step()]).toEqual([true, false]);
  append(log, 'samples.bulk', 900, 1);
  append(log, 'samples', 1100, 1);
  expect([records.step(), records.step()]).toEqual([true, false]);
  expect(visited.map(({ topic, offset }) => `${topic} ${offset}`)).toEqual([
    'samples 0',
    'samples 1',
    'samples.bulk 0',
    'samples 2',
  ]);
  records.close();
  log.writer.close();
});

test('a clock that was a year ahead for a while keeps nothing back', () => {
  using folder = new LogFolder();
  const log = folder.open({ topics: TOPICS });
  const yearMs = 365 * 86_400_000;
  append(log, 'samples', 1000 + yearMs, 1);
  append(log, 'samples', 2000, 1);
  append(log, 'samples.bulk', 1500, 1);
  append(log, 'samples.bulk', 2500, 1);
  const { records, visited } = reading(folder, log, { samples: 0, 'samples.bulk': 0 });
  expect([records.step(), records.step()]).toEqual([true, false]);
  expect(visited.map(({ arrivalMs }) => arrivalMs)).toEqual([1500, 2500, 1000 + yearMs, 2000]);
  records.close();
  log.writer.close();
});

test('gaps are told, and the rest goes on', () => {
  using folder = new LogFolder();
  const filled = folder.fill();
  filled.writer.close();
  const [, second = 0, third = 0] = folder.segments();
  folder.damage(second, (bytes) => {
    bytes.fill(0x55, 100, bytes.length - 100);
  });
  const log = folder.open();
  const { records, visited, gaps } = reading(folder, log, { samples: 0 });
  while (records.step()) expect(visited.length).toBeLessThanOrEqual(filled.end);
  expect(gaps.length).toBeGreaterThan(0);
  const told = gaps.map((gap) => /(\d+)-(\d+)/.exec(gap)?.slice(1).map(Number) ?? []);
  const lost = told.reduce((sum, [first = 0, last = 0]) => sum + last - first + 1, 0);
  expect(visited.length + lost).toBe(log.ends.end('samples'));
  expect(visited.some(({ offset }) => offset >= third)).toBe(true);
  records.close();
  log.writer.close();
});

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { waitFor } from '../../../test/services/wait.ts';
import type { Fault } from '../fault.ts';
import { Log, type LogOptions } from '../log.ts';
import { expectedPairs, LogFolder, numbered, pairs } from '../kit/log-kit.ts';
import type { Producer } from '../producer.ts';
import { erasureOf, meantBy, expectedSaid, readSaid, secrets } from './erase-kit.ts';
import type { RepackedSegment } from './log.ts';
import { Repacking } from './repacking.ts';
import { topicFolder } from '../segment-files.ts';

/** A log with its workers; closed and removed at the end. */
class RunningLog implements AsyncDisposable {
  readonly folder: LogFolder;
  readonly log: Log;
  readonly failures: Fault[] = [];

  private constructor(options: Partial<LogOptions>, folder: LogFolder) {
    this.folder = folder;
    this.log = new Log({ dataFolder: folder.data, budgetBytes: 1e12, nowMs: 1, segmentBytes: 100_000, ...options });
  }

  static async open(options: Partial<LogOptions> = {}, folder = new LogFolder()): Promise<RunningLog> {
    const running = new RunningLog(options, folder);
    await running.log.open((fault) => running.failures.push(fault));
    return running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log.close();
    this.folder[Symbol.dispose]();
  }
}

/** Appends so many records from `first` on, in batches of ten. */
async function append(producer: Producer, first: number, records: number): Promise<void> {
  const all: Promise<number>[] = [];
  for (let next = first; next < first + records; next += 10)
    all.push(producer.append('samples', numbered(next, 10, { size: 30 }), 10));
  await Promise.all(all);
}

const leftovers = (folder: LogFolder): string[] =>
  readdirSync(topicFolder(folder.log, 'samples')).filter((name) => name.endsWith('.cleaned'));

/** Bytes of all complete segments. */
const completeBytes = (folder: LogFolder): number =>
  folder
    .segments()
    .slice(0, -1)
    .reduce((sum, base) => sum + folder.bytes(base).length, 0);

const unasked = (): void => expect.unreachable();

describe('the worker', () => {
  test('repacks what is complete while records are appended and read, and waits when there is nothing to do', async () => {
    await using running = await RunningLog.open();
    const { log, folder } = running;
    const producer = log.producer();
    let end = 0;
    const reader = folder.reader(log.ends);
    reader.seek(0);
    const complete = (): number => folder.segments().length - 1;
    for (; end < 30_000; end += 2000) {
      await append(producer, end, 2000);
      for (let result = reader.read(5000); result.kind !== 'end'; result = reader.read(5000))
        expect(result.kind).toBe('data');
    }
    expect(reader.position).toBe(end);
    reader.close();
    const { state } = log.repacking;
    await waitFor('all segments are repacked', () => state.segments === complete());
    expect(state).toEqual({ segments: complete(), savedBytes: state.savedBytes, failed: 0, fault: undefined });
    expect(complete()).toBeGreaterThan(10);
    expect(completeBytes(folder)).toBeLessThan(complete() * 20_000);
    expect(completeBytes(folder) + state.savedBytes).toBeGreaterThan(complete() * 90_000);
    await waitFor('the worker waits', () => !log.repacking.isWorking);
    expect(log.repacking.isRunning).toBe(true);
    expect(pairs(folder.read(log.ends))).toEqual(expectedPairs(0, end));
    expect([leftovers(folder), running.failures, log.state.failed]).toEqual([[], [], undefined]);

    // It comes back when there is more.
    const before = state.segments;
    await append(producer, end, 10_000);
    await waitFor('the new ones are', () => state.segments > before && state.segments === complete());
    expect(pairs(folder.read(log.ends))).toEqual(expectedPairs(0, end + 10_000));
  });

  test('ends when there was nothing to do for a while, and comes back when there is more', async () => {
    using folder = new LogFolder();
    const { writer, ends } = folder.open({ segmentBytes: 100_000 });
    const swap = (segment: RepackedSegment): void => repacking.swapped(writer.replaceSegment(segment));
    const repacking = new Repacking({ logFolder: folder.log, ends: ends.shared, swap, roll: unasked, lingerMs: 20 });
    const { state } = repacking;
    for (const first of [0, 10_000]) {
      for (let next = first; next < first + 10_000; next += 10)
        writer.append([{ topic: 'samples', batch: numbered(next, 10, { size: 30 }), records: 10 }]);
      repacking.wake();
      const complete = folder.segments().length - 1;
      await waitFor('all are repacked', () => state.segments === complete);
      await waitFor('the worker has ended', () => !repacking.isRunning);
    }
    expect([state.fault, state.segments > 5]).toEqual([undefined, true]);
    await repacking.stop();
    writer.close();
    expect(pairs(folder.read(ends))).toEqual(expectedPairs(0, 20_000));
  });

  test('has the budget go down: nothing is deleted that fits when it is repacked', async () => {
    await using running = await RunningLog.open({ budgetBytes: 1_200_000, topics: ['samples'] });
    const { log, folder } = running;
    const producer = log.producer();
    // Twice the budget, plain.
    for (let next = 0; next < 40_000; next += 10_000) {
      await append(producer, next, 10_000);
      const complete = folder.segments().length - 1;
      await waitFor('all segments are repacked', () => log.repacking.state.segments >= complete);
    }
    log.hold({});
    const told = log.state.figures;
    await waitFor('the budget is looked at', () => log.state.figures !== told);
    expect([log.ends.start('samples'), log.state.figures.withinBudget]).toEqual([0, true]);
    expect(log.state.figures.bytes).toBeLessThan(1_000_000);
  });

  test('leaves nothing half done at a clean stop, and the next start goes on', async () => {
    const folder = new LogFolder();
    {
      const running = await RunningLog.open({ segmentBytes: 1_000_000 }, folder);
      await append(running.log.producer(), 0, 100_000);
      await waitFor('a segment is being repacked', () => leftovers(folder).length > 0);
      await running.log.close();
      expect([leftovers(folder), running.log.repacking.isRunning]).toEqual([[], false]);
    }
    await using running = await RunningLog.open({ segmentBytes: 1_000_000 }, folder);
    const { log } = running;
    const complete = folder.segments().length - 1;
    expect(complete).toBeGreaterThan(4);
    await waitFor('all segments are repacked', () => completeBytes(folder) < complete * 300_000);
    expect(pairs(folder.read(log.ends))).toEqual(expectedPairs(0, 100_000));
  });

  test('erases what it is told to, all that wait in one pass, before it repacks anything more, and goes on with that', async () => {
    await using running = await RunningLog.open({ topics: ['samples'], segmentBytes: 200_000 });
    const { log, folder } = running;
    const producer = log.producer();
    const records = 60_000;
    const sent: Promise<number>[] = [];
    for (let next = 0; next < records; next += 10) sent.push(producer.append('samples', secrets(next, 10), 10));
    await Promise.all(sent);
    await waitFor('it repacks', () => log.repacking.isWorking || log.repacking.state.segments > 0);
    const orders = [erasureOf(0, 1000), erasureOf(20_000, 40_000), erasureOf(59_900, 1e6)];
    const steps: number[] = [];
    const done = await Promise.all(orders.map((order) => log.repacking.erase(order, (at, of) => steps.push(at / of))));
    // The first was begun at once, the others while it was under way.
    expect([done[0]?.records, done[1]?.records]).toEqual([
      expect.toSatisfy((count: number) => count > 250),
      expect.toSatisfy((count: number) => count > 6000),
    ]);
    expect(done[2]).toEqual(done[1]);
    expect(steps.at(-1)).toBe(1);
    const means = (n: number): boolean => orders.some((order) => meantBy(order)(n));
    const read = (): Map<number, string | null> => {
      const reader = folder.reader(log.ends);
      reader.seek(0);
      const said = readSaid(reader);
      reader.close();
      return said;
    };
    expect(read()).toEqual(expectedSaid(records, means));
    // The last segment was completed for it; all are repacked in the end.
    expect(folder.segments().at(-1)).toBe(records);
    const { state } = log.repacking;
    await waitFor('all are repacked', () => !log.repacking.isWorking);
    expect([state.segments, state.failed, state.fault]).toEqual([folder.segments().length - 1, 0, undefined]);
    expect(read()).toEqual(expectedSaid(records, means));
    expect([leftovers(folder), running.failures]).toEqual([[], []]);
    // A worker that waits is told too.
    expect(await log.repacking.erase(erasureOf(2000, 3000))).toMatchObject({ segments: 1 });
  });

  test('that is stopped refuses what it has not done, and what comes later', async () => {
    await using running = await RunningLog.open({ topics: ['samples'], segmentBytes: 1_000_000 });
    const { log } = running;
    const producer = log.producer();
    const sent: Promise<number>[] = [];
    for (let next = 0; next < 100_000; next += 100)
      sent.push(producer.append('samples', secrets(next, 100, false), 100));
    await Promise.all(sent);
    const erasing = log.repacking.erase(erasureOf(0, 1e6));
    const refused = erasing.catch((error: unknown) => error);
    await waitFor('it is at work', () => leftovers(running.folder).length > 0);
    await log.close();
    expect(await refused).toMatchObject({ code: 'not-ready' });
    expect(leftovers(running.folder)).toEqual([]);
    await expect(log.repacking.erase(erasureOf(0, 1e6))).rejects.toMatchObject({ code: 'not-ready' });
  });

  // reason: elsewhere a thread has no priority of its own.
  test.skipIf(process.platform !== 'linux')(
    'has the lowest priority, and no other thread has',
    async () => {
      await using running = await RunningLog.open({ segmentBytes: 1_000_000 });
      const { log } = running;
      await append(log.producer(), 0, 100_000);
      expect(low()).toBe(0);
      await waitFor('the worker runs', () => low() === 1);
      expect(log.repacking.isRunning).toBe(true);
    },
    30_000,
  );
});

/** How many threads of this process have the lowest priority. */
function low(): number {
  return nices().filter((nice) => nice === 19).length;
}

/** Nice values of all threads of this process. */
function nices(): number[] {
  return readdirSync('/proc/self/task').flatMap((id) => {
    try {
      // Behind the name, which may hold anything: state is the third field, nice the nineteenth.
      return Number(readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[16]);
    } catch {
      // It has ended since the folder was listed.
      return [];
    }
  });
}

import { expect } from 'vitest';
import { readFile } from '../disk.ts';
import { DurableEnds } from '../durable-ends.ts';
import { AllChoices } from '../kit/choices.ts';
import {
  type Change,
  CrashDisk,
  type DiskImage,
  digestOf,
  PowerFailure,
  type Random,
  seeded,
} from '../kit/crash-disk.ts';
import { TestLogWriter } from '../kit/log-kit.ts';

/** For tests: where a log in memory lies. */
export const CRASH_FOLDER = '/data/log';

/** A log in memory that is open. */
export interface CrashLog {
  readonly writer: TestLogWriter;
  readonly ends: DurableEnds;
}

/** Opens it as a start does; there is no damage. */
export function openCrashLog(disk: CrashDisk, segmentBytes: number): CrashLog {
  const ends = DurableEnds.create(['samples']);
  const writer = new TestLogWriter({
    disk,
    logFolder: CRASH_FOLDER,
    lostAndFound: '/data/lost+found',
    ends,
    segmentBytes,
    budgetBytes: 1e12,
    newLogId: 'crash',
    stamp: '1',
  });
  const reports = writer.open();
  expect(reports['samples']?.damage ?? []).toEqual([]);
  return { writer, ends };
}

/** Names in the folder of its topic. */
export function crashNames(disk: CrashDisk): string[] {
  return disk.list(`${CRASH_FOLDER}/samples-0`);
}

/** Its segments. */
export const crashSegments = (disk: CrashDisk): number =>
  crashNames(disk).filter((name) => name.endsWith('.log')).length;

/** Builds what indexes are missing. */
export function repairIndexes(writer: TestLogWriter): void {
  for (let i = 0; i < 10; i++) writer.repairIndex();
}

/** Indexes of the complete segments, by name. */
export function crashIndexes(disk: CrashDisk): Map<string, string> {
  const names = crashNames(disk);
  const active = names.findLast((name) => name.endsWith('.log'))?.slice(0, 20) ?? '';
  const complete = names.filter((name) => name.endsWith('index') && name.slice(0, 20) < active);
  return new Map(
    complete.map((name) => [
      name,
      Buffer.from(readFile(disk, `${CRASH_FOLDER}/samples-0/${name}`) ?? []).toString('hex'),
    ]),
  );
}

/** What they are where a start finds none at all. */
export function indexesBuiltAnew(image: DiskImage, segmentBytes: number): Map<string, string> {
  const disk = CrashDisk.of(image);
  for (const name of crashNames(disk)) if (name.endsWith('index')) disk.unlink(`${CRASH_FOLDER}/samples-0/${name}`);
  repairIndexes(openCrashLog(disk, segmentBytes).writer);
  return crashIndexes(disk);
}

/**
 * Does some work, and checks what a power failure before any call of it may leave on the disk, with any of what was not synced lost or torn: each state once, at most so many before a call. Returns how
 * many states there were, and how many calls of each kind.
 */
export function checkCrashes(
  disk: CrashDisk,
  mostStates: number,
  check: (image: DiskImage) => void,
  work: () => void,
): { readonly states: number; readonly calls: Partial<Record<Change, number>> } {
  const seen = new Set<string>();
  const calls: Partial<Record<Change, number>> = {};
  const failures: unknown[] = [];
  disk.before = (what) => {
    calls[what] = (calls[what] ?? 0) + 1;
    const choices = new AllChoices();
    let left = mostStates;
    do {
      const image = disk.image(choices.choose);
      const digest = digestOf(image);
      if (seen.has(digest)) continue;
      seen.add(digest);
      try {
        check(image);
      } catch (error) {
        // The writer would take it for one of its disk.
        failures.push(error);
      }
    } while (--left > 0 && choices.next());
  };
  work();
  disk.before = undefined;
  expect(failures.slice(0, 1)).toEqual([]);
  return { states: seen.size, calls };
}

/** Lives of a log in each of which the power fails six times while some work is done; then what is left is checked. Returns how many crashes there were. */
export function checkLives(
  { seed, lives, mostCalls }: { readonly seed: number; readonly lives: number; readonly mostCalls: number },
  filled: () => CrashDisk,
  check: (image: DiskImage) => void,
  work: (disk: CrashDisk, random: Random) => TestLogWriter,
): number {
  const random = seeded(seed);
  let crashes = 0;
  for (let life = 0; life < lives; life++) {
    const disk = filled();
    for (let i = 0; i < 6; i++) {
      disk.callsLeft = 1 + random(mostCalls);
      try {
        const writer = work(disk, random);
        if (writer.failed === undefined) writer.close();
      } catch (error) {
        if (!(error instanceof PowerFailure) && disk.callsLeft > 0) throw error;
      }
      crashes++;
      disk.crash(random);
    }
    check(disk.image(() => 0));
  }
  return crashes;
}

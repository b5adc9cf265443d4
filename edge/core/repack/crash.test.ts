import { describe, expect, test } from 'vitest';
import { CrashDisk, type DiskImage } from '../kit/crash-disk.ts';
import { expectedPairs, numbered, pairs, readAll } from '../kit/log-kit.ts';
import { LogReader } from '../reader.ts';
import {
  checkCrashes,
  checkLives,
  CRASH_FOLDER,
  crashIndexes,
  type CrashLog,
  crashNames,
  crashSegments,
  indexesBuiltAnew,
  openCrashLog,
  repairIndexes,
} from './crash-kit.ts';
import { repackAll } from './repack-kit.ts';

const RECORDS = 2680;
const SEGMENT_BYTES = 16_000;

const open = (disk: CrashDisk): CrashLog => openCrashLog(disk, SEGMENT_BYTES);

/**
 * A log in memory with two complete segments of small batches, whose values cannot be packed, and between them large ones that are good as they are: so the repacked segments
 * have several batches, and index entries.
 */
function filled(): CrashLog & { readonly disk: CrashDisk } {
  const disk = new CrashDisk();
  const { writer, ends } = open(disk);
  for (let next = 0, i = 0; next < RECORDS; i++) {
    const records = i % 13 === 12 ? 500 : 3;
    const batch = numbered(next, records, {
      size: i % 13 === 12 ? 8 : 130,
      timestampMs: 1000 + next,
      compress: records === 500,
    });
    expect(writer.append([{ topic: 'samples', batch, records }])).toEqual([next]);
    next += records;
  }
  expect(crashSegments(disk)).toBe(3);
  return { disk, writer, ends };
}

/** What a log that was left so gives after the next start: all of it, and it goes on, repacked or not. */
function checkImage(image: DiskImage): void {
  const disk = CrashDisk.of(image);
  const { writer, ends } = open(disk);
  expect(crashNames(disk).filter((name) => name.endsWith('.cleaned'))).toEqual([]);
  const read = (): [number, number][] => {
    const reader = new LogReader({ logFolder: CRASH_FOLDER, topic: 'samples', ends, disk });
    return pairs(readAll(reader, ends.start('samples')));
  };
  expect(read()).toEqual(expectedPairs(0, RECORDS));
  repairIndexes(writer);
  expect(read()).toEqual(expectedPairs(0, RECORDS));
  const right = indexesBuiltAnew(image, SEGMENT_BYTES);
  expect(crashIndexes(disk)).toEqual(right);
  // Also before a start mended anything; one that was being built when the power failed is the beginning of it.
  for (const [name, content] of crashIndexes(CrashDisk.of(image)))
    expect([name, right.get(name)]).toEqual([name, expect.stringMatching(`^${content}`)]);
  expect(Object.values(repackAll(disk, CRASH_FOLDER, writer))).not.toContain('damaged');
  const more = { topic: 'samples', batch: numbered(RECORDS, 2), records: 2 };
  expect(writer.append([more])).toEqual([RECORDS]);
  expect(read()).toEqual(expectedPairs(0, RECORDS + 2));
  writer.close();
  expect(writer.failed).toBeUndefined();
}

describe('the power fails while a log is repacked', () => {
  test('before any call of it, with any of what was not synced lost or torn: nothing is lost, nothing is twice', () => {
    const { disk, writer } = filled();
    let outcomes: string[] = [];
    const { states, calls } = checkCrashes(disk, 60, checkImage, () => {
      outcomes = Object.values(repackAll(disk, CRASH_FOLDER, writer));
    });
    expect(new Set(outcomes)).toEqual(new Set(['ready']));
    // What was made gets its name; two indexes are deleted, three files renamed, the folder synced three times.
    const swaps = outcomes.length;
    expect([calls.unlink, calls.rename, calls.syncFolder]).toEqual([2 * swaps, 4 * swaps, 3 * swaps]);
    expect(states).toBeGreaterThan(200);
    writer.close();
  }, 120_000);

  test('and again while the next start repacks it: random lives', () => {
    const lives = { seed: 7, lives: 60, mostCalls: 160 };
    const crashes = checkLives(
      lives,
      () => filled().disk,
      checkImage,
      (disk) => {
        const { writer } = open(disk);
        repackAll(disk, CRASH_FOLDER, writer);
        return writer;
      },
    );
    expect(crashes).toBe(360);
  });
});

import { describe, expect, test } from 'vitest';
import { CrashDisk, type DiskImage } from '../kit/crash-disk.ts';
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
import { eraseAll, erasureOf, meantBy, expectedSaid, readSaid, secret, secretRequest } from './erase-kit.ts';
import { repackAll } from './repack-kit.ts';

const RECORDS = 640;
const SEGMENT_BYTES = 7_000;
const ORDER = erasureOf(0, 900, RECORDS);

const open = (disk: CrashDisk): CrashLog => openCrashLog(disk, SEGMENT_BYTES);

/** A log in memory with complete segments and one that is written to, all of which hold samples that are to be erased. */
function filled(): CrashLog & { readonly disk: CrashDisk } {
  const disk = new CrashDisk();
  const { writer, ends } = open(disk);
  for (let next = 0, i = 0; next < RECORDS; i++) {
    const count = Math.min(i % 13 === 12 ? 120 : 3, RECORDS - next);
    expect(writer.append([secretRequest(next, count, count > 3)])).toEqual([next]);
    next += count;
  }
  expect(crashSegments(disk)).toBe(3);
  return { disk, writer, ends };
}

function read(disk: CrashDisk, { ends }: Pick<CrashLog, 'ends'>): Map<number, string | null> {
  const reader = new LogReader({ logFolder: CRASH_FOLDER, topic: 'samples', ends, disk });
  reader.seek(ends.start('samples'));
  const said = readSaid(reader);
  reader.close();
  return said;
}

/** What a log that was left so gives after the next start: each sample as it was, or erased if that is meant; asked again, the erasure is done, and the log goes on. */
function checkImage(image: DiskImage): void {
  const disk = CrashDisk.of(image);
  const log = open(disk);
  const { writer } = log;
  expect(crashNames(disk).filter((name) => name.endsWith('.cleaned'))).toEqual([]);
  const said = read(disk, log);
  expect([...said.keys()]).toEqual([...expectedSaid(RECORDS, meantBy(ORDER)).keys()]);
  const wrong = [...said].filter(([n, value]) => value !== secret(n) && !(value === null && meantBy(ORDER)(n)));
  expect(wrong).toEqual([]);
  repairIndexes(writer);
  const right = indexesBuiltAnew(image, SEGMENT_BYTES);
  expect(crashIndexes(disk)).toEqual(right);
  // Also before a start mended anything.
  for (const [name, content] of crashIndexes(CrashDisk.of(image))) expect(content).toBe(right.get(name));
  eraseAll(disk, CRASH_FOLDER, writer, [ORDER]);
  expect(read(disk, log)).toEqual(expectedSaid(RECORDS, meantBy(ORDER)));
  expect(Object.values(repackAll(disk, CRASH_FOLDER, writer))).not.toContain('damaged');
  expect(writer.append([secretRequest(RECORDS, 2)])).toEqual([RECORDS]);
  expect(read(disk, log)).toEqual(expectedSaid(RECORDS + 2, meantBy(ORDER)));
  writer.close();
  expect(writer.failed).toBeUndefined();
}

describe('the power fails while samples are erased in a log', () => {
  test('before any call of it, with any of what was not synced lost or torn: each segment is the old one or the new one, and the next round does the rest', () => {
    const { disk, writer } = filled();
    let segments = 0;
    const { states, calls } = checkCrashes(disk, 40, checkImage, () => {
      segments = eraseAll(disk, CRASH_FOLDER, writer, [ORDER]).segments;
    });
    expect(segments).toBe(3);
    // Of each segment what was made gets its name, two indexes are deleted and three files renamed; the recovery point is put on record at the roll.
    expect([calls.unlink, calls.rename]).toEqual([2 * segments, 4 * segments + 1]);
    expect(states).toBeGreaterThan(100);
    writer.close();
  }, 120_000);

  test('and again while the next start repacks and erases: random lives', () => {
    const lives = { seed: 11, lives: 40, mostCalls: 120 };
    const crashes = checkLives(
      lives,
      () => filled().disk,
      checkImage,
      (disk, random) => {
        const { writer } = open(disk);
        if (random(2) === 0) repackAll(disk, CRASH_FOLDER, writer);
        eraseAll(disk, CRASH_FOLDER, writer, [ORDER]);
        return writer;
      },
    );
    expect(crashes).toBe(240);
  }, 120_000);
});

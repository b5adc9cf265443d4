import { describe, expect, test } from 'vitest';
import { AllChoices } from '../kit/choices.ts';
import { type Change, CrashDisk, type DiskImage, digestOf, PowerFailure, seeded } from '../kit/crash-disk.ts';
import { readFile } from '../disk.ts';
import { DurableEnds } from '../durable-ends.ts';
import { expectedPairs, numbered, pairs, readAll, TestLogWriter } from '../kit/log-kit.ts';
import { LogReader } from '../reader.ts';
import { repackAll } from './repack-kit.ts';

const FOLDER = '/data/log';
const RECORDS = 2680;
const SEGMENT_BYTES = 16_000;

interface Opened {
  readonly writer: TestLogWriter;
  readonly ends: DurableEnds;
}

function open(disk: CrashDisk, budgetBytes = 1e12): Opened {
  const ends = DurableEnds.create(['samples']);
  const writer = new TestLogWriter({
    disk,
    logFolder: FOLDER,
    lostAndFound: '/data/lost+found',
    ends,
    segmentBytes: SEGMENT_BYTES,
    budgetBytes,
    newLogId: 'crash',
    stamp: '1',
  });
  const reports = writer.open();
  expect(reports['samples']?.damage ?? []).toEqual([]);
  return { writer, ends };
}

/**
 * A log in memory with two complete segments of small batches, whose values cannot be packed, and between them large ones that are good as they are: so the repacked segments
 * have several batches, and index entries.
 */
function filled(): Opened & { readonly disk: CrashDisk } {
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
  expect(segments(disk)).toBe(3);
  return { disk, writer, ends };
}

function names(disk: CrashDisk): string[] {
  return disk.list(`${FOLDER}/samples-0`);
}

const segments = (disk: CrashDisk): number => names(disk).filter((name) => name.endsWith('.log')).length;

function repair(writer: TestLogWriter): void {
  for (let i = 0; i < 10; i++) writer.repairIndex();
}

/** Indexes of the complete segments, by name. */
function indexes(disk: CrashDisk): Map<string, string> {
  const files = names(disk).filter((name) => name.endsWith('index'));
  const complete = files.filter((name) => !name.startsWith(files.at(-1)?.slice(0, 20) ?? ''));
  return new Map(
    complete.map((name) => [name, Buffer.from(readFile(disk, `${FOLDER}/samples-0/${name}`) ?? []).toString('hex')]),
  );
}

/** What they are where a start finds none at all. */
function builtAnew(image: DiskImage): Map<string, string> {
  const disk = CrashDisk.of(image);
  for (const name of names(disk)) if (name.endsWith('index')) disk.unlink(`${FOLDER}/samples-0/${name}`);
  repair(open(disk).writer);
  return indexes(disk);
}

/** What a log that was left so gives after the next start: all of it, and it goes on, repacked or not. */
function checkImage(image: DiskImage): void {
  const disk = CrashDisk.of(image);
  const { writer, ends } = open(disk);
  expect(names(disk).filter((name) => name.endsWith('.cleaned'))).toEqual([]);
  const read = (): [number, number][] => {
    const reader = new LogReader({ logFolder: FOLDER, topic: 'samples', ends, disk });
    return pairs(readAll(reader, ends.start('samples')));
  };
  expect(read()).toEqual(expectedPairs(0, RECORDS));
  repair(writer);
  expect(read()).toEqual(expectedPairs(0, RECORDS));
  const right = builtAnew(image);
  expect(indexes(disk)).toEqual(right);
  // Also before a start mended anything.
  for (const [name, content] of indexes(CrashDisk.of(image))) expect(content).toBe(right.get(name));
  expect(Object.values(repackAll(disk, FOLDER, writer))).not.toContain('damaged');
  const more = { topic: 'samples', batch: numbered(RECORDS, 2), records: 2 };
  expect(writer.append([more])).toEqual([RECORDS]);
  expect(read()).toEqual(expectedPairs(0, RECORDS + 2));
  writer.close();
  expect(writer.failed).toBeUndefined();
}

describe('the power fails while a log is repacked', () => {
  test('before any call of it, with any of what was not synced lost or torn: nothing is lost, nothing is twice', () => {
    const { disk, writer } = filled();
    const seen = new Set<string>();
    const counts: Partial<Record<Change, number>> = {};
    disk.before = (what) => {
      counts[what] = (counts[what] ?? 0) + 1;
      const choices = new AllChoices();
      let left = 60;
      do {
        const image = disk.image(choices.choose);
        const digest = digestOf(image);
        if (seen.has(digest)) continue;
        seen.add(digest);
        checkImage(image);
      } while (--left > 0 && choices.next());
    };
    const outcomes = Object.values(repackAll(disk, FOLDER, writer));
    disk.before = undefined;
    expect(new Set(outcomes)).toEqual(new Set(['ready']));
    // Two indexes are deleted, three files renamed, the folder synced three times.
    const swaps = outcomes.length;
    expect([counts.unlink, counts.rename, counts.syncFolder]).toEqual([2 * swaps, 3 * swaps, 3 * swaps]);
    expect(seen.size).toBeGreaterThan(200);
    writer.close();
  }, 60_000);

  test('and again while the next start repacks it: random lives', () => {
    const random = seeded(7);
    let crashes = 0;
    for (let life = 0; life < 60; life++) {
      const { disk } = filled();
      for (let i = 0; i < 6; i++) {
        disk.callsLeft = 1 + random(160);
        try {
          const { writer } = open(disk);
          repackAll(disk, FOLDER, writer);
          if (writer.failed === undefined) writer.close();
        } catch (error) {
          if (!(error instanceof PowerFailure) && disk.callsLeft > 0) throw error;
        }
        crashes++;
        disk.crash(random);
      }
      checkImage(disk.image(() => 0));
    }
    expect(crashes).toBe(360);
  }, 60_000);
});

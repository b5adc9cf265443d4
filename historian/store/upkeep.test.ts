import { describe, expect, test } from 'vitest';
import type { StoredFile } from '../files/file.ts';
import type { FileEntry } from '../files/file-writer.ts';
import type { Expiry } from '../files/manifest.ts';
import { backlogOf, chooseRewrite, TIER_FILES, type Upkeep } from './upkeep.ts';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
const DAY_US = 86_400e6;

type File = Pick<StoredFile, 'entry' | 'damaged' | 'series' | 'summary'>;

/** A file of one series for each of these numbers of samples, which end at these times, days. */
function fileOf(
  more: Partial<FileEntry> = {},
  series: readonly { readonly samples: number; readonly lastDay: number }[] = [{ samples: 100, lastDay: 5 }],
  damaged = false,
): File {
  const samples = series.reduce((sum, each) => sum + each.samples, 0);
  const lastUs = Math.max(0, ...series.map(({ lastDay }) => lastDay * DAY_US));
  const entry: FileEntry = {
    name: '1.mrh',
    bytes: 1000,
    crc32c: 0,
    samples,
    firstUs: 0,
    lastUs,
    offsets: { samples: [0, 99] },
    sinceMs: 0,
    writtenMs: 0,
    erased: 0,
    ...more,
  };
  return {
    entry,
    damaged,
    series: Uint32Array.from(series, (_, id) => id),
    summary: (at) => ({ samples: series[at]?.samples ?? 0, firstUs: 0, lastUs: (series[at]?.lastDay ?? 0) * DAY_US }),
  };
}

function upkeepOf(files: readonly File[], more: Partial<Upkeep<File>> = {}): Upkeep<File> {
  return {
    files,
    lastErasure: 0,
    expired: [],
    retentionMs: () => 64 * DAY_MS,
    topicOf: () => 'samples',
    freeBytes: () => 1e12,
    ...more,
  };
}

function why(upkeep: Upkeep<File>): string {
  const rewrite = chooseRewrite(upkeep);
  return rewrite === undefined
    ? 'nothing'
    : `${rewrite.why} ${rewrite.inputs.map((file) => upkeep.files.indexOf(file)).join(',')}`;
}

/** As many files as are left alone, and `more`. */
function many(more: number, of: Partial<FileEntry> = {}): File[] {
  return Array.from({ length: TIER_FILES + more }, () => fileOf(of));
}

/** Everything of the topic up to a day, and of these offsets, has expired. */
const expiredTo = (day: number, below = 100): Expiry => ({ topic: 'samples', beforeUs: day * DAY_US, below });

describe('what is to be erased', () => {
  test('comes first, file by file, also of those that are damaged', () => {
    const files = [fileOf({ erased: 3 }), fileOf({ erased: 2 }, undefined, true), ...many(1, { erased: 2 })];
    expect(why(upkeepOf(files, { lastErasure: 3, expired: [expiredTo(9)] }))).toBe('erase 1');
    expect(why(upkeepOf([fileOf({ erased: 3 })], { lastErasure: 3 }))).toBe('nothing');
  });

  test('waits for room, which a smaller file may have', () => {
    const files = [fileOf({ bytes: 1001 }), fileOf({ bytes: 1000 })];
    expect(why(upkeepOf(files, { lastErasure: 1, freeBytes: () => 1000 }))).toBe('erase 1');
    expect(why(upkeepOf(files, { lastErasure: 1, freeBytes: () => 999 }))).toBe('nothing');
  });
});

describe('what has expired', () => {
  test('goes when half of a file has, and comes before merging', () => {
    const half = [
      { samples: 50, lastDay: 5 },
      { samples: 50, lastDay: 6 },
    ];
    const less = [
      { samples: 49, lastDay: 5 },
      { samples: 51, lastDay: 6 },
    ];
    const expired = [expiredTo(6)];
    expect(why(upkeepOf([fileOf({}, less), fileOf({}, half), ...many(1)], { expired: [expiredTo(6)] }))).toBe(
      'expire 1',
    );
    expect(why(upkeepOf([fileOf({}, less)], { expired }))).toBe('nothing');
    // Whose last sample is of the very time is not over yet.
    expect(why(upkeepOf([fileOf({}, [{ samples: 100, lastDay: 6 }])], { expired }))).toBe('nothing');
    expect(why(upkeepOf([fileOf({}, half)], { expired: [] }))).toBe('nothing');
  });

  test('is of the topic and of the offsets of the file', () => {
    const file = fileOf();
    expect(why(upkeepOf([file], { expired: [expiredTo(6, 99)] }))).toBe('nothing');
    expect(why(upkeepOf([file], { expired: [expiredTo(6, 100)] }))).toBe('expire 0');
    expect(why(upkeepOf([file], { expired: [{ ...expiredTo(6), topic: 'samples.bulk' }] }))).toBe('nothing');
    expect(why(upkeepOf([file], { expired: [expiredTo(6)], topicOf: () => 'samples.bulk' }))).toBe('nothing');
  });

  test('without room, or of a damaged file, goes as a whole or not at all', () => {
    const whole = [{ samples: 100, lastDay: 5 }];
    const part = [...whole, { samples: 1, lastDay: 7 }];
    const expired = [expiredTo(6)];
    expect(why(upkeepOf([fileOf({}, part, true), fileOf({}, whole, true)], { expired }))).toBe('expire 1');
    expect(why(upkeepOf([fileOf({}, part), fileOf({}, whole)], { expired, freeBytes: () => 0 }))).toBe('expire 1');
    expect(why(upkeepOf([fileOf({}, part)], { expired }))).toBe('expire 0');
  });

  test('of an empty file is nothing', () => {
    expect(why(upkeepOf([fileOf({}, [])], { expired: [expiredTo(6)] }))).toBe('nothing');
  });

  test('is summed up where roll-ups are kept: what is left to be summed up counts, and once it is done no more', () => {
    const rollups = [{ beforeUs: 2 * DAY_US, below: 100 }];
    const expired = [{ ...expiredTo(6), rollups }];
    expect(why(upkeepOf([fileOf()], { expired }))).toBe('expire 0');
    expect(why(upkeepOf([fileOf({ thinned: { samples: [6 * DAY_US] } })], { expired }))).toBe('nothing');
    // Without room it would not go as a whole.
    expect(why(upkeepOf([fileOf()], { expired, freeBytes: () => 0 }))).toBe('nothing');
    expect(why(upkeepOf([fileOf({}, undefined, true)], { expired }))).toBe('nothing');
  });
});

describe('merging', () => {
  test('begins with one file more of a size than are left alone', () => {
    expect(why(upkeepOf(many(0)))).toBe('nothing');
    expect(why(upkeepOf(many(1)))).toBe('merge 0,1,2,3,4,5,6,7,8');
    expect(backlogOf(upkeepOf([...many(0), ...many(3, { bytes: MIB })]))).toBe(TIER_FILES + 3);
    expect(backlogOf(upkeepOf([]))).toBe(0);
  });

  test.each([
    ['below 1 MiB', MIB - 1, MIB],
    ['below 8 MiB', 8 * MIB - 1, 8 * MIB],
    ['below 64 MiB', 64 * MIB - 1, 64 * MIB],
  ])('sizes: %s', (_name, below, from) => {
    expect(why(upkeepOf([...many(0, { bytes: below }), fileOf({ bytes: from })]))).toBe('nothing');
    expect(why(upkeepOf([...many(0, { bytes: below }), fileOf({ bytes: below })]))).toMatch(/^merge/);
  });

  test('leaves alone what is large, damaged, or of so long a time that it would keep the oldest from expiring', () => {
    expect(why(upkeepOf(many(1, { bytes: 512 * MIB - 1 })))).toMatch(/^merge/);
    expect(why(upkeepOf(many(1, { bytes: 512 * MIB })))).toBe('nothing');
    expect(why(upkeepOf([...many(0), fileOf({}, undefined, true)]))).toBe('nothing');
    // A 64th of 64 days.
    expect(why(upkeepOf([...many(0), fileOf({ sinceMs: DAY_MS, writtenMs: 2 * DAY_MS })]))).toMatch(/^merge/);
    expect(why(upkeepOf([...many(0), fileOf({ sinceMs: DAY_MS, writtenMs: 2 * DAY_MS + 1 })]))).toBe('nothing');
    // The topic that is kept for the shortest time decides.
    const offsets = { samples: [0, 99], 'samples.bulk': [0, 9] } as const;
    const retentionMs = (topic: string): number => (topic === 'samples' ? 640 : 64) * DAY_MS;
    const long = fileOf({ offsets, writtenMs: 2 * DAY_MS });
    expect(why(upkeepOf([...many(0), long], { retentionMs }))).toBe('nothing');
  });

  test('is of samples, or of roll-ups of one unit', () => {
    const minutes = { thinned: { samples: [6 * DAY_US] } };
    const hours = { thinned: { samples: [6 * DAY_US, 6 * DAY_US] } };
    expect(why(upkeepOf([...many(0), fileOf(minutes)]))).toBe('nothing');
    expect(why(upkeepOf([...many(0, minutes), fileOf(hours)]))).toBe('nothing');
    expect(why(upkeepOf([...many(0, hours), fileOf(hours)]))).toMatch(/^merge/);
    // Of two topics the one that is summed up most decides.
    const offsets = { samples: [0, 99], 'samples.bulk': [0, 9] } as const;
    expect(why(upkeepOf([...many(0), fileOf({ offsets, ...minutes })]))).toBe('nothing');
    // How long roll-ups are kept is another time.
    const retentionMs = (_topic: string, level: number): number => (level === 1 ? 640 : 64) * DAY_MS;
    const long = { ...minutes, writtenMs: 9 * DAY_MS };
    expect(why(upkeepOf(many(1, long), { retentionMs }))).toMatch(/^merge/);
  });

  test('waits for room for all of them', () => {
    expect(why(upkeepOf(many(1), { freeBytes: () => 9000 }))).toMatch(/^merge/);
    expect(why(upkeepOf(many(1), { freeBytes: () => 8999 }))).toBe('nothing');
    // What is smaller is merged where the larger ones have no room.
    const files = [...many(1, { bytes: MIB }), ...many(1)];
    expect(why(upkeepOf(files, { freeBytes: () => 9000 }))).toBe('merge 9,10,11,12,13,14,15,16,17');
  });
});

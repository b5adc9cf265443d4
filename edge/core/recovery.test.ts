import * as fc from 'fast-check';
import { readFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { realDisk } from './disk.ts';
import { expectedPairs, LogFolder, numbered, pairs } from './kit/log-kit.ts';
import { BATCH_HEADER_BYTES } from './record-batch.ts';
import type { RecoveryReport } from './recovery.ts';
import { COMMIT_GROUP_BYTES } from './segment-files.ts';

const CLEAN: RecoveryReport = { damage: [], repaired: 0, cut: undefined, rewrittenBytes: 0 };

/** Three batches of ten records, not closed: as after a kill, with the recovery point at 0. Returns the bytes of the segment and of a batch. */
function killed(folder: LogFolder): { whole: Buffer; size: number } {
  const { append } = folder.open();
  for (let next = 0; next < 30; next += 10) append(next, 10);
  const whole = folder.bytes(0);
  return { whole, size: whole.length / 3 };
}

/** Opens the log, reads it, goes on with ten records, closes it, and opens it once more: then it is clean. */
function recovered(folder: LogFolder, expectedEnd: number): { report: RecoveryReport; found: [number, number][] } {
  const { reports, ends, append, writer } = folder.open();
  const found = pairs(folder.read(ends));
  expect(ends.end('samples')).toBe(expectedEnd);
  expect(append(expectedEnd, 10)).toBe(expectedEnd);
  writer.close();
  folder.with({}, (again) => {
    expect(pairs(folder.read(again.ends))).toEqual([...found, ...expectedPairs(expectedEnd, expectedEnd + 10)]);
  });
  return { report: reports['samples'] ?? CLEAN, found };
}

/** Name and bytes of what lies in lost+found. */
function lost(folder: LogFolder): [string, string][] {
  return realDisk.list(folder.lostAndFound).map((name) => {
    return [name, readFileSync(`${folder.lostAndFound}/${name}`).toString('hex')];
  });
}

describe('a torn tail is cut', () => {
  test('at every byte of the last batch, and lies in lost+found', () => {
    for (let length = 1; length < 200; length++) {
      using folder = new LogFolder();
      const { whole, size } = killed(folder);
      if (length >= size) break;
      const tail = whole.subarray(2 * size, 2 * size + length);
      folder.damage(0, () => whole.subarray(0, 2 * size + length));
      const { report, found } = recovered(folder, 20);
      expect(found).toEqual(expectedPairs(0, 20));
      const file = `${folder.lostAndFound}/samples-0.20.1.bin`;
      // The first seven bytes of a base offset are zeros: nothing was lost with them.
      const cut = length < 8 ? undefined : { offset: 20, bytes: length, file };
      expect(report).toEqual({ ...CLEAN, cut, rewrittenBytes: 2 * size });
      expect(lost(folder)).toEqual(length < 8 ? [] : [['samples-0.20.1.bin', tail.toString('hex')]]);
    }
  });

  test('where it ends with a batch there is none', () => {
    using folder = new LogFolder();
    const { whole, size } = killed(folder);
    folder.damage(0, () => whole.subarray(0, 2 * size));
    const { report, found } = recovered(folder, 20);
    expect([report, found, lost(folder)]).toEqual([{ ...CLEAN, rewrittenBytes: 2 * size }, expectedPairs(0, 20), []]);
  });

  test('where the file has its full length but a sector never came', () => {
    using folder = new LogFolder();
    const { whole, size } = killed(folder);
    folder.damage(0, (bytes) => bytes.fill(0, 2 * size + 20, 2 * size + 60));
    const { report, found } = recovered(folder, 20);
    expect([report.cut?.offset, report.cut?.bytes, found]).toEqual([20, size, expectedPairs(0, 20)]);
    const torn = Buffer.from(whole.subarray(2 * size)).fill(0, 20, 60);
    expect(lost(folder).map(([, hex]) => hex)).toEqual([torn.toString('hex')]);
  });

  test('with the valid batches behind it: they are of the same commit', () => {
    using folder = new LogFolder();
    const { size, whole } = killed(folder);
    folder.damage(0, (bytes) => bytes.fill(0, size + 100, size + 101));
    const { report, found } = recovered(folder, 10);
    expect([report.cut?.bytes, report.damage, found]).toEqual([2 * size, [], expectedPairs(0, 10)]);
    expect(lost(folder)[0]?.[1]?.slice(2 * size)).toBe(whole.subarray(2 * size).toString('hex'));
  });

  test('where the torn batch is the very first', () => {
    using folder = new LogFolder();
    const { whole } = killed(folder);
    folder.damage(0, () => whole.subarray(0, 100));
    const { report, found } = recovered(folder, 0);
    expect([report.cut?.offset, report.cut?.bytes, found]).toEqual([0, 100, []]);
  });

  test('with whatever bytes it has, exactly; zeros at the very end are nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(5000), (noise, zeros) => {
        using folder = new LogFolder();
        const { whole } = killed(folder);
        const tail = Buffer.concat([noise, Buffer.alloc(zeros)]);
        folder.damage(0, () => Buffer.concat([whole, tail]));
        const { report, found } = recovered(folder, 30);
        expect(found).toEqual(expectedPairs(0, 30));
        const last = tail.findLastIndex((byte) => byte !== 0);
        // To the end of its page, at most.
        const end = Math.ceil((whole.length + last + 1) / 4096) * 4096 - whole.length;
        expect(report.cut?.bytes).toBe(last < 0 ? undefined : Math.min(tail.length, end));
        expect(last < 0 || lost(folder)[0]?.[1] === tail.subarray(0, end).toString('hex')).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('also where a value in it looks like a batch with later offsets', () => {
    using folder = new LogFolder();
    const { writer, append } = folder.open();
    append(0, 10);
    const size = folder.bytes(0).length;
    const inner = numbered(0, 1);
    new DataView(inner.buffer).setBigUint64(0, 5000n);
    folder.appendValue(writer, inner);
    folder.damage(0, (bytes) => void bytes.writeUInt8(9, size + BATCH_HEADER_BYTES));
    const { report, found } = recovered(folder, 10);
    expect([report.cut?.offset, report.damage, found]).toEqual([10, [], expectedPairs(0, 10)]);
  });

  test('each cut has a file of its own', () => {
    using folder = new LogFolder();
    for (const stamp of ['100', '101']) {
      const { append } = folder.open({ stamp });
      append(0, 1);
      folder.damage(0, (bytes) => Buffer.concat([bytes, Buffer.from('torn')]));
      folder.open({ stamp: `${stamp}9` }).writer.close();
      rmSync(folder.log, { recursive: true });
    }
    expect(lost(folder).map(([name]) => name)).toEqual(['samples-0.1.1009.bin', 'samples-0.1.1019.bin']);
  });
});

/** Batches of exactly 64 KiB, one record each. */
function blocks(folder: LogFolder, count: number): void {
  const { append } = folder.open();
  for (let next = 0; next < count; next++) append(next, 1, { size: 65_453, timestampMs: 1000 + next });
  expect(folder.bytes(0).length).toBe(count * 65_536);
}

describe('damage is reported and left in place', () => {
  const group = COMMIT_GROUP_BYTES / 65_536;

  test('what lies less than a commit group before the last batch is a tail, what lies a group before it is damage', () => {
    using folder = new LogFolder();
    blocks(folder, group + 1);
    folder.damage(0, (bytes) => void bytes.writeUInt8(1, 65_536 + 70));
    const { reports } = folder.open();
    expect(reports['samples']?.cut).toMatchObject({ offset: 1, bytes: group * 65_536 });
    expect(reports['samples']?.damage).toEqual([]);

    using other = new LogFolder();
    blocks(other, group + 2);
    other.damage(0, (bytes) => void bytes.writeUInt8(1, 65_536 + 70));
    const { reports: otherReports } = other.open();
    expect(otherReports['samples']?.cut).toBeUndefined();
    expect(otherReports['samples']?.damage).toMatchObject([{ first: 1, last: 1 }]);
  });

  test.each([1, 2])(
    '%i damaged batches: the exact offsets and times, readers skip them, everything else is there',
    (n) => {
      using folder = new LogFolder();
      blocks(folder, group + 4);
      folder.damage(0, (bytes) => {
        for (let i = 0; i < n; i++) bytes.writeUInt8((bytes[(2 + i) * 65_536 + 70] ?? 0) ^ 16, (2 + i) * 65_536 + 70);
      });
      const before = folder.bytes(0);
      const { reports, ends, append, writer } = folder.open();
      const range = { first: 2, last: 1 + n };
      const place = { file: folder.file(0), position: 2 * 65_536, fromMs: 1001, toMs: 1002 + n };
      expect(reports['samples']?.damage).toEqual([{ ...range, ...place }]);
      expect(reports['samples']?.cut).toBeUndefined();
      expect(folder.bytes(0).equals(before)).toBe(true);
      const { entries, gaps } = folder.read(ends);
      expect(gaps).toEqual([{ ...range, reason: 'damage' }]);
      expect(entries.map(({ offset }) => offset)).toEqual([
        0,
        1,
        ...Array.from({ length: group + 2 - n }, (_, i) => 2 + n + i),
      ]);
      expect(folder.read(ends, 2).gaps).toEqual([{ ...range, reason: 'damage' }]);
      expect(append(group + 4, 1)).toBe(group + 4);
      writer.close();
    },
  );

  test('a wrong length is damage; the next batch is found again', () => {
    for (const length of [0, 48, 49, 65_000, 70_000, 899_988, 900_000, 2 ** 31 - 1, -1]) {
      using folder = new LogFolder();
      blocks(folder, group + 4);
      folder.damage(0, (bytes) => void bytes.writeInt32BE(length, 2 * 65_536 + 8));
      const { reports, ends, writer } = folder.open();
      expect([length, reports['samples']?.damage.map(({ first, last }) => [first, last])]).toEqual([length, [[2, 2]]]);
      expect(folder.read(ends).gaps).toEqual([{ first: 2, last: 2, reason: 'damage' }]);
      expect(folder.read(ends).entries).toHaveLength(group + 3);
      writer.close();
    }
  });

  test('a hole of zeros with data behind it is damage, and no end', () => {
    using folder = new LogFolder();
    blocks(folder, group + 6);
    folder.damage(0, (bytes) => bytes.fill(0, 65_536, 3 * 65_536));
    const { reports, ends, writer } = folder.open();
    expect(reports['samples']?.damage).toMatchObject([{ first: 1, last: 2 }]);
    expect(ends.end('samples')).toBe(group + 6);
    writer.close();
  });

  test('damage and a torn tail are told apart', () => {
    using folder = new LogFolder();
    blocks(folder, group + 6);
    folder.damage(0, (bytes) => {
      bytes.writeUInt8(1, 65_536 + 70);
      return bytes.subarray(0, bytes.length - 1);
    });
    const { reports, ends, writer } = folder.open();
    expect(reports['samples']?.damage).toMatchObject([{ first: 1, last: 1 }]);
    expect(reports['samples']?.cut).toMatchObject({ offset: group + 5, bytes: 65_535 });
    expect(ends.end('samples')).toBe(group + 5);
    writer.close();
  });
});

describe('what lies outside the checksum is put right', () => {
  test.each([
    ['base offset', 0, 'ff'],
    ['base offset', 7, '01'],
    ['epoch', 12, '7f'],
    ['epoch', 15, '01'],
    ['epoch', 12, 'ff'],
  ])('%s, byte %i', (_, byte, value) => {
    using folder = new LogFolder();
    const { whole, size } = killed(folder);
    folder.damage(0, (bytes) => void bytes.write(value, size + byte, 'hex'));
    const { reports, ends, writer } = folder.open();
    expect(reports['samples']).toEqual({ ...CLEAN, repaired: 1, rewrittenBytes: whole.length });
    expect(folder.bytes(0).equals(whole)).toBe(true);
    expect(pairs(folder.read(ends))).toEqual(expectedPairs(0, 30));
    writer.close();
  });

  test('also in the first batch, and in all of them', () => {
    using folder = new LogFolder();
    const { whole, size } = killed(folder);
    folder.damage(0, (bytes) => {
      for (let i = 0; i < 3; i++) bytes.fill(0x5a, i * size, i * size + 8);
    });
    const { reports } = folder.open();
    expect(reports['samples']?.repaired).toBe(3);
    expect(folder.bytes(0).equals(whole)).toBe(true);
  });
});

test('any change of any byte is noticed: nothing is read that was not written, and what is before it is all there', () => {
  const change = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      using folder = new LogFolder();
      const { size } = killed(folder);
      let first = 30;
      folder.damage(0, (bytes) => {
        for (const [place, bits] of changes) {
          const at = place % bytes.length;
          bytes[at] = (bytes[at] ?? 0) ^ bits;
          first = Math.min(first, 10 * Math.floor(at / size));
        }
      });
      const { ends, writer } = folder.open();
      const found = pairs(folder.read(ends));
      expect(found.slice(0, first)).toEqual(expectedPairs(0, first));
      expect(found.filter(([offset, number]) => offset !== number)).toEqual([]);
      expect(found.map(([offset]) => offset)).toEqual(
        [...new Set(found.map(([offset]) => offset))].toSorted((a, b) => a - b),
      );
      writer.close();
    }),
    { numRuns: 150 },
  );
});

import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { dumpComplaints, dumpIndexes, dumpLog, dumpRecords } from '../../../test/services/dump-log.ts';
import { requireService } from '../../../test/services/require.ts';
import { type Disk, realDisk } from '../disk.ts';
import { entriesOf, expectedPairs, LogFolder, numbered, pairs } from '../kit/log-kit.ts';
import { appendAll, completeFiles, filledLog, leftovers, repackAll } from './repack-kit.ts';
import { repackLog } from './log.ts';
import { repackSegment } from './segment.ts';
import { topicFolder } from '../segment-files.ts';
import { systemError } from '../kit/traced-disk.ts';

const kafka = requireService('kafka');

const outcomesOf = (outcomes: Record<string, string>): string[] => Object.values(outcomes);

describe('complete segments, repacked and swapped in', () => {
  test('have every record where it was, from any offset and time, and take less of the budget', () => {
    using folder = new LogFolder();
    const log = filledLog(folder);
    const { writer, ends } = log;
    const before = folder.read(ends);
    const right = new Map(log.ends.topics.map((topic) => [topic, folder.wrongTimes(ends)]));
    const bytes = writer.bytes;
    const bases = folder.segments();
    const outcomes = repackAll(realDisk, folder.log, writer);

    expect(outcomesOf(outcomes)).toEqual(bases.slice(0, -1).map(() => 'ready'));
    expect(folder.segments()).toEqual(bases);
    expect(leftovers(folder)).toEqual([]);
    expect(folder.read(ends)).toEqual(before);
    const end = ends.end('samples');
    const reader = folder.reader(ends);
    for (let from = 0; from < end; from += 13) {
      reader.seek(from);
      const result = reader.read(1);
      const entries = result.kind === 'data' ? entriesOf(result.bytes) : [];
      expect(entries.find(({ offset }) => offset === from)?.number).toBe(from);
    }
    reader.close();
    expect([right.get('samples'), folder.wrongTimes(ends)]).toEqual([[], []]);
    const sizes = bases.map((base) => folder.bytes(base).length);
    expect(writer.bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
    expect(writer.bytes).toBeLessThan(bytes / 2);

    // What was appended meanwhile, and after it.
    expect(log.append(end, 10)).toBe(end);
    writer.close();
    const again = folder.open();
    expect(again.reports['samples']?.damage).toEqual([]);
    expect(pairs(folder.read(again.ends))).toEqual(expectedPairs(0, end + 10));
    again.writer.close();
  });

  test('have the indexes that are built anew for them', () => {
    using folder = new LogFolder();
    const { writer } = filledLog(folder, 24_000);
    repackAll(realDisk, folder.log, writer);
    writer.close();
    const before = completeFiles(folder);
    for (const base of folder.segments())
      for (const kind of ['index', 'timeindex'] as const) rmSync(folder.file(base, kind));
    folder.with({}, (again) => {
      for (let i = 0; i < 20; i++) again.writer.repairIndex();
    });
    expect(completeFiles(folder)).toEqual(before);
    expect([...before.values()].every((hex) => hex.length > 0)).toBe(true);
  });

  test('are left as they are by the next round, and by the next start', () => {
    using folder = new LogFolder();
    const { writer } = filledLog(folder);
    repackAll(realDisk, folder.log, writer);
    const before = completeFiles(folder);
    expect(new Set(outcomesOf(repackAll(realDisk, folder.log, writer)))).toEqual(new Set(['small-gain']));
    writer.close();
    const again = folder.open();
    expect(new Set(outcomesOf(repackAll(realDisk, folder.log, again.writer)))).toEqual(new Set(['small-gain']));
    again.writer.close();
    expect(completeFiles(folder)).toEqual(before);
  });

  test('without any checkpoint file, are recovered as any other', () => {
    using folder = new LogFolder();
    const { writer, ends } = filledLog(folder);
    repackAll(realDisk, folder.log, writer);
    const end = ends.end('samples');
    rmSync(path.join(folder.log, 'recovery-point-offset-checkpoint'));
    const again = folder.open();
    expect(again.reports['samples']).toMatchObject({ damage: [], repaired: 0, cut: undefined });
    expect(pairs(folder.read(again.ends))).toEqual(expectedPairs(0, end));
    again.writer.close();
  });

  test('give their space back: retention deletes later', () => {
    using folder = new LogFolder();
    const { writer, ends } = filledLog(folder);
    const budgetBytes = writer.bytes / 2;
    repackAll(realDisk, folder.log, writer);
    writer.close();
    folder.with({ budgetBytes }, (again) => {
      again.writer.hold({});
      expect(again.writer.retain()).toBe(true);
      expect(again.ends.start('samples')).toBe(0);
    });
    expect(ends.end('samples')).toBeGreaterThan(0);
  });

  test.skipIf(!kafka.available)(
    `Kafka's own tools have no complaint about them, and read every record ${kafka.reason}`,
    async () => {
      using folder = new LogFolder();
      const { writer, ends } = filledLog(folder);
      repackAll(realDisk, folder.log, writer);
      writer.close();
      const logs = folder.segments().map((base) => folder.file(base));
      const indexes = folder.segments().flatMap((base) => [folder.file(base, 'index'), folder.file(base, 'timeindex')]);
      expect(dumpComplaints((await dumpLog(logs)) + (await dumpIndexes(indexes)))).toEqual([]);
      const records = await dumpRecords(logs);
      const ours = folder.read(ends).entries;
      expect(
        records.map(({ offset, timestampMs, value }) => [offset, timestampMs, Number(value?.readBigUInt64BE(0))]),
      ).toEqual(ours.map(({ offset, timestampMs, number }) => [offset, timestampMs, number]));
    },
    60_000,
  );
});

const flip = (bytes: Buffer, at: number): void => void bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at);
const append = (bytes: Buffer, text: string): Buffer => Buffer.concat([bytes, Buffer.from(text)]);

const small = (records: number, size: number): Uint8Array<ArrayBuffer>[] =>
  Array.from({ length: records / size }, (_, i) => numbered(i * size, size, { size: 60 }));

describe('a segment is left alone, and nothing is left over', () => {
  const cases: [string, (folder: LogFolder, base: number) => void, string][] = [
    ['with a flipped bit', (folder, base) => folder.damage(base, (bytes) => flip(bytes, 9000)), 'damaged'],
    ['whose end is missing', (folder, base) => folder.damage(base, (bytes) => bytes.subarray(0, -9)), 'damaged'],
    ['with something behind its end', (folder, base) => folder.damage(base, (bytes) => append(bytes, 'x')), 'damaged'],
    ['with zeros behind its end', (folder, base) => folder.damage(base, (bytes) => append(bytes, '\0\0')), 'damaged'],
    ['with a wrong base offset', (folder, base) => folder.damage(base, (bytes) => flip(bytes, 3)), 'damaged'],
    ['with an epoch that falls', (folder, base) => folder.damage(base, (bytes) => flip(bytes, 15)), 'damaged'],
  ];

  test.each(cases)('%s', (_, harm, outcome) => {
    using folder = new LogFolder();
    const { writer } = filledLog(folder);
    const [, base = 0] = folder.segments();
    harm(folder, base);
    const before = completeFiles(folder);
    const outcomes = repackAll(realDisk, folder.log, writer);
    expect(outcomes[`samples ${base}`]).toBe(outcome);
    expect(outcomesOf(outcomes).filter((each) => each !== 'ready')).toEqual([outcome]);
    expect(leftovers(folder)).toEqual([]);
    for (const kind of ['log', 'index', 'timeindex'] as const)
      expect(folder.bytes(base, kind).toString('hex')).toBe(before.get(`${base}.${kind}`));
    writer.close();
  });

  test('that would hardly become smaller', () => {
    using folder = new LogFolder();
    const { writer, append: appendTo } = folder.open({ segmentBytes: 100_000 });
    for (let next = 0; next < 6000; next += 600) appendTo(next, 600, { size: 40, compress: next % 1200 !== 0 });
    const before = completeFiles(folder);
    expect(before.size).toBeGreaterThan(3);
    const disk: Disk = { ...realDisk };
    let opened = 0;
    disk.open = (file, flags) => {
      if (file.endsWith('.cleaned')) opened++;
      return realDisk.open(file, flags);
    };
    const outcomes = outcomesOf(repackAll(disk, folder.log, writer));
    expect(outcomes.filter((each) => each === 'small-gain').length + opened / 3).toBe(outcomes.length);
    writer.close();
  });

  test('whose gain a look at a few places overrates: the files are deleted', () => {
    using folder = new LogFolder();
    const { writer } = folder.open({ segmentBytes: 4_000_000 });
    // The beginning could be packed, the rest not; no index tells of other places.
    appendAll(writer, small(2200, 1));
    for (let i = 0; i < 70; i++) folder.appendValue(writer, crypto.getRandomValues(new Uint8Array(60_000)));
    const [base = 0, second] = folder.segments();
    expect([base, second]).toEqual([0, expect.any(Number)]);
    rmSync(folder.file(base, 'index'));
    const before = folder.bytes(base);
    expect(repackAll(realDisk, folder.log, writer)).toEqual({ 'samples 0': 'small-gain' });
    expect(folder.bytes(base).equals(before)).toBe(true);
    expect(leftovers(folder)).toEqual([]);
    writer.close();
  });

  test('when the work ends in the middle of it', () => {
    using folder = new LogFolder();
    const { writer } = folder.open({ segmentBytes: 3_000_000 });
    appendAll(writer, small(40_000, 5));
    const [, endOffset = 0] = folder.segments();
    const steps = repackSegment(realDisk, { folder: topicFolder(folder.log, 'samples'), baseOffset: 0, endOffset });
    for (let i = 0; i < 8; i++) expect(steps.next().done).toBe(false);
    expect(leftovers(folder)).toHaveLength(3);
    steps.return('small-gain');
    expect(leftovers(folder)).toEqual([]);
    writer.close();
  });
});

function failing(when: (file: string) => boolean, code: string): Disk {
  const disk: Disk = { ...realDisk };
  const bad = new Set<number>();
  disk.open = (file, flags) => {
    const fd = realDisk.open(file, flags);
    if (when(file)) bad.add(fd);
    else bad.delete(fd);
    return fd;
  };
  const check = (fd: number): void => {
    if (bad.has(fd)) throw systemError(code);
  };
  disk.read = (fd, into, position) => {
    check(fd);
    return realDisk.read(fd, into, position);
  };
  disk.sync = (fd) => {
    check(fd);
    realDisk.sync(fd);
  };
  return disk;
}

describe('a disk that', () => {
  test('cannot read a segment: the others are repacked all the same', () => {
    using folder = new LogFolder();
    const { writer } = filledLog(folder);
    const [, base = 0] = folder.segments();
    const outcomes = repackAll(
      failing((file) => file === folder.file(base), 'EIO'),
      folder.log,
      writer,
    );
    expect(outcomes[`samples ${base}`]).toBe('failed');
    expect(outcomesOf(outcomes).filter((each) => each !== 'ready')).toEqual(['failed']);
    expect(leftovers(folder)).toEqual([]);
    writer.close();
  });

  test('cannot sync what was made: the segment stays as it was', () => {
    using folder = new LogFolder();
    const { writer } = filledLog(folder);
    const before = completeFiles(folder);
    const outcomes = repackAll(
      failing((file) => file.endsWith('.cleaned'), 'EIO'),
      folder.log,
      writer,
    );
    expect(new Set(outcomesOf(outcomes))).toEqual(new Set(['failed']));
    expect(completeFiles(folder)).toEqual(before);
    expect(leftovers(folder)).toEqual([]);
    writer.close();
  });

  test('is full: the round ends, and the next one does what was left', () => {
    using folder = new LogFolder();
    const { writer } = filledLog(folder);
    expect(
      repackAll(
        failing((file) => file.endsWith('.log.cleaned'), 'ENOSPC'),
        folder.log,
        writer,
      ),
    ).toEqual({});
    expect(leftovers(folder)).toEqual([]);
    expect(new Set(outcomesOf(repackAll(realDisk, folder.log, writer)))).toEqual(new Set(['ready']));
    writer.close();
  });
});

test('only segments below the recovery point that is on record have their turn, the oldest first, each once', () => {
  using folder = new LogFolder();
  const { writer } = filledLog(folder);
  const bases = folder.segments();
  const [first = 0, second = 0, third = 0, fourth = 0] = bases;
  const turns = (settled: Record<string, number>): number[] =>
    [...repackLog(realDisk, folder.log, settled)].flatMap((step) => step?.baseOffset ?? []);
  expect(turns({})).toEqual(bases.slice(0, -1));
  expect(turns({ samples: third })).toEqual(bases.slice(2, -1));
  writeFileSync(path.join(folder.log, 'recovery-point-offset-checkpoint'), `0\n1\nsamples 0 ${fourth - 1}\n`);
  expect(turns({})).toEqual([first, second]);
  expect(turns({ samples: third })).toEqual([]);
  expect([...repackLog(realDisk, folder.log, {}, ['events'])]).toEqual([]);
  writer.close();
});

import { existsSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Disk, realDisk } from './disk.ts';
import { expectedPairs, LogFolder, type OpenLog, pairs } from './kit/log-kit.ts';
import type { LogWriter } from './log-writer.ts';
import { systemError, TracedDisk } from './kit/traced-disk.ts';

const KINDS = ['index', 'timeindex'] as const;
type Kind = (typeof KINDS)[number];

/** A clean log of several segments with batches of many sizes; base offsets of the complete segments. */
function filled(folder: LogFolder): number[] {
  const { append, writer } = folder.open({ segmentBytes: 20_000 });
  for (let next = 0, i = 0; next < 3000; i++)
    next = append(next, 1 + ((i * 7) % 20), { size: 30, timestampMs: 1000 + i }) + 1 + ((i * 7) % 20);
  writer.close();
  const bases = folder.segments().slice(0, -1);
  expect(bases.length).toBeGreaterThan(3);
  return bases;
}

/** Both indexes of these segments. */
function indexes(folder: LogFolder, bases: readonly number[]): string[] {
  return bases.flatMap((base) =>
    KINDS.map((kind) => (existsSync(folder.file(base, kind)) ? folder.bytes(base, kind).toString('hex') : 'none')),
  );
}

/** So many that any test log is through. */
function repair(writer: LogWriter): void {
  for (let i = 0; i < 20; i++) writer.repairIndex();
}

/** Opens, repairs, closes; the index files that were opened to be written. */
function written(folder: LogFolder): string[] {
  const disk = new TracedDisk();
  const log = folder.open({ disk });
  const before = disk.calls.length;
  repair(log.writer);
  const files = disk.calls.slice(before).filter(({ op }) => op === 'open');
  log.writer.close();
  return files.map(({ file }) => file.replace(/^0+(?=\d)/, ''));
}

describe('the indexes of a complete segment below the recovery point are built again, the same as before, where', () => {
  const cases: [string, (file: string, kind: Kind, folder: LogFolder, bases: number[]) => void][] = [
    ['one is missing', (file) => rmSync(file)],
    ['one is empty', (file) => truncateSync(file, 0)],
    [
      'one ends inside an entry',
      (file, kind, folder, [, base = 0]) => {
        truncateSync(file, folder.bytes(base, kind).length - 1);
      },
    ],
    [
      'one lacks its last entry',
      (file, kind, folder, [, base = 0]) => {
        truncateSync(file, folder.bytes(base, kind).length - (kind === 'index' ? 8 : 12));
      },
    ],
    [
      'one is that of another segment',
      (file, kind, folder, [base = 0]) => writeFileSync(file, folder.bytes(base, kind)),
    ],
    ['one is garbage', (file, kind) => writeFileSync(file, Buffer.alloc(kind === 'index' ? 80 : 120, 0x5a))],
    ['one is zeros', (file, kind) => writeFileSync(file, Buffer.alloc(kind === 'index' ? 80 : 120))],
  ];

  test.each(cases.flatMap(([what, harm]) => KINDS.map((kind) => [what, kind, harm] as const)))(
    '%s (.%s)',
    (_, kind, harm) => {
      using folder = new LogFolder();
      const bases = filled(folder);
      const before = indexes(folder, bases);
      const [, base = 0] = bases;
      expect(folder.bytes(base, 'index').length).toBeGreaterThan(16);
      harm(folder.file(base, kind), kind, folder, bases);
      expect(indexes(folder, bases)).not.toEqual(before);
      expect(written(folder)).toEqual([`${base}.index`, `${base}.timeindex`]);
      expect(indexes(folder, bases)).toEqual(before);
      expect(written(folder)).toEqual([]);
    },
  );

  test('all of all segments are missing', () => {
    using folder = new LogFolder();
    const bases = filled(folder);
    const before = indexes(folder, bases);
    for (const base of bases) for (const kind of KINDS) rmSync(folder.file(base, kind));
    expect(written(folder)).toHaveLength(2 * bases.length);
    expect(indexes(folder, bases)).toEqual(before);
  });
});

test('what is whole is left alone, also where it ends with damage, and where times go back', () => {
  using folder = new LogFolder();
  const { append, writer } = folder.open({ segmentBytes: 20_000 });
  for (let next = 0; next < 3000; next += 10) append(next, 10, { size: 30, timestampMs: 1_000_000 - next });
  writer.close();
  const [first = 0, second = 0] = folder.segments();
  folder.damage(first, (bytes) => void bytes.writeUInt8(1, 10_000));
  folder.damage(second, (bytes) => void bytes.writeUInt8(1, bytes.length - 1));
  folder.with({}, () => undefined);
  expect(written(folder)).toEqual([]);
});

test('a damaged segment gets the indexes of what can be read, once', () => {
  using folder = new LogFolder();
  const [base = 0] = filled(folder);
  const before = folder.bytes(base, 'index');
  folder.damage(base, (bytes) => void bytes.writeUInt8(1, before.readUInt32BE(before.length - 4) + 70));
  rmSync(folder.file(base, 'timeindex'));
  expect(written(folder)).toHaveLength(2);
  expect(written(folder)).toEqual([]);
  expect(folder.bytes(base, 'index').length).toBeGreaterThan(0);
});

/** Two complete segments of 9 MiB and more, and the beginning of a third. */
function large(folder: LogFolder): OpenLog {
  const log = folder.open({ segmentBytes: 10_000_000 });
  for (let next = 0; next < 60; next++) log.append(next, 1, { size: 400_000 });
  log.writer.close();
  expect(folder.segments()).toEqual([0, 24, 48]);
  return log;
}

describe('the work', () => {
  test('is done at 4 MiB a step, and appends in between are not troubled', () => {
    using folder = new LogFolder();
    large(folder);
    const before = indexes(folder, [0]);
    rmSync(folder.file(0, 'index'));
    const { writer, append } = folder.open({ segmentBytes: 10_000_000 });
    const steps: boolean[] = [];
    for (let i = 0; i < 3; i++) {
      steps.push(indexes(folder, [0])[0] === before[0]);
      writer.repairIndex();
      append(60 + i, 1);
    }
    expect([steps, indexes(folder, [0])]).toEqual([[false, false, false], before]);
    writer.close();
  });

  test('is finished by a stop', () => {
    using folder = new LogFolder();
    large(folder);
    const before = indexes(folder, [0, 24]);
    for (const base of [0, 24]) for (const kind of KINDS) rmSync(folder.file(base, kind));
    folder.open().writer.close();
    expect(indexes(folder, [0, 24])).toEqual(before);
    expect(written(folder)).toEqual([]);
  });

  test('that is too much for a stop, or was interrupted by a kill, is done after the next start', () => {
    using folder = new LogFolder();
    const { writer, append } = folder.open({ segmentBytes: 20_000 });
    for (let next = 0; next < 4000; next++) append(next, 1, { size: 300 });
    writer.close();
    const bases = folder.segments().slice(0, -1);
    const before = indexes(folder, bases);
    for (const base of bases) rmSync(folder.file(base, 'index'));
    folder.open().writer.close();
    const { length } = indexes(folder, bases).filter((bytes) => bytes === 'none');
    expect([length > 0, length < bases.length]).toEqual([true, true]);
    folder.open().writer.repairIndex();
    const again = folder.open();
    for (let i = 0; i < bases.length; i++) again.writer.repairIndex();
    expect(indexes(folder, bases)).toEqual(before);
    again.writer.close();
  });

  test('ends where retention takes the segment', () => {
    using folder = new LogFolder();
    large(folder);
    for (const base of [0, 24]) rmSync(folder.file(base, 'index'));
    const { writer, ends } = folder.open({ budgetBytes: 1 });
    writer.repairIndex();
    writer.hold({});
    writer.retain();
    while (writer.dispose());
    repair(writer);
    expect([ends.start('samples'), realDisk.list(`${folder.log}/samples-0`).length]).toEqual([48, 4]);
    expect(writer.failed).toBeUndefined();
    writer.close();
  });

  test('does without a segment that the disk cannot read; the log goes on', () => {
    using folder = new LogFolder();
    const [base = 0, other = 0] = filled(folder);
    for (const each of [base, other]) rmSync(folder.file(each, 'index'));
    const disk: Disk = { ...realDisk };
    const bad = new Set<number>();
    disk.open = (file, flags) => {
      const fd = realDisk.open(file, flags);
      if (file === folder.file(base)) bad.add(fd);
      else bad.delete(fd);
      return fd;
    };
    disk.read = (fd, into, position) => {
      if (bad.has(fd)) throw systemError('EIO');
      return realDisk.read(fd, into, position);
    };
    const { writer, append, ends } = folder.open({ disk });
    repair(writer);
    expect(existsSync(folder.file(other, 'index'))).toBe(true);
    const end = ends.end('samples');
    expect(append(end, 1)).toBe(end);
    writer.close();
  });
});

test('an index that the system cannot read is as good as none: every answer is right', () => {
  using folder = new LogFolder();
  const { ends, end } = folder.fill(20_000);
  const disk: Disk = { ...realDisk };
  disk.open = (file, flags) => {
    if (file.endsWith('index')) throw systemError('EIO');
    return realDisk.open(file, flags);
  };
  const reader = folder.reader(ends, 'samples', disk);
  reader.seek(end - 3);
  expect(reader.read()).toMatchObject({ kind: 'data', nextOffset: end });
  reader.close();
  expect(pairs(folder.read(ends))).toEqual(expectedPairs(0, end));
  expect(reader.offsetAt(0)).toBe(0);
});

import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dumpComplaints, dumpIndexes, dumpLog, dumpRecords } from '../../../test/services/dump-log.ts';
import { requireService } from '../../../test/services/require.ts';
import { type Disk, realDisk } from '../disk.ts';
import { LogFolder } from '../kit/log-kit.ts';
import { systemError } from '../kit/traced-disk.ts';
import {
  eraseAll,
  erasureOf,
  expectedSaid,
  filledWithSecrets,
  meantBy,
  readSaid,
  readSecrets,
  secret,
  secretRequest,
  SECRETS,
  SECRETS_FROM_US,
  SECRET_TAGS,
} from './erase-kit.ts';
import { completeFiles, leftovers, repackAll } from './repack-kit.ts';

const kafka = requireService('kafka');
/** Which secrets stand in plain bytes of any segment. */
function inFiles(folder: LogFolder, numbers: readonly number[]): number[] {
  const files = folder.segments().map((base) => folder.bytes(base));
  return numbers.filter((n) => files.some((bytes) => bytes.includes(secret(n))));
}

describe('samples that are erased in the log', () => {
  test('have null values, wherever they lie; all others stay, and so do offsets, keys and indexes that hold', () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    const order = erasureOf(100, 2950);
    const erased = eraseAll(realDisk, folder.log, log.writer, [order]);
    const meant = [...expectedSaid(SECRETS, meantBy(order))].flatMap(([n, value]) => (value === null ? [n] : []));
    expect(erased).toEqual({ records: meant.length, segments: folder.segments().length - 1, unread: [] });
    expect(readSecrets(folder, log)).toEqual(expectedSaid(SECRETS, meantBy(order)));
    expect(inFiles(folder, meant)).toEqual([]);
    expect(leftovers(folder)).toEqual([]);

    // It goes on, and starts again.
    log.writer.append([secretRequest(SECRETS, 7)]);
    log.writer.close();
    const again = folder.open();
    expect(again.reports['samples']?.damage).toEqual([]);
    expect(readSecrets(folder, again)).toEqual(expectedSaid(SECRETS + 7, meantBy(order)));
    const before = completeFiles(folder);
    again.writer.close();
    for (const base of folder.segments())
      for (const kind of ['index', 'timeindex'] as const) rmSync(folder.file(base, kind));
    folder.with({}, (anew) => {
      for (let i = 0; i < 20; i++) anew.writer.repairIndex();
    });
    expect(completeFiles(folder)).toEqual(before);
  });

  test("are those below the order's offset only, and of several orders in one pass", () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    const orders = [erasureOf(0, 400), erasureOf(900, 2000, 1500), erasureOf(2500, 9000, 2600)];
    const means = (n: number): boolean => orders.some((order) => meantBy(order)(n));
    const { records } = eraseAll(realDisk, folder.log, log.writer, orders);
    expect(records).toBeGreaterThan(300);
    expect(readSecrets(folder, log)).toEqual(expectedSaid(SECRETS, means));
    log.writer.close();
  });

  test('again: nothing is written; a segment that holds none of them keeps its bytes', () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    const untouched = completeFiles(folder);
    const order = erasureOf(1500, 1600);
    const { segments } = eraseAll(realDisk, folder.log, log.writer, [order]);
    expect(segments).toBeLessThanOrEqual(3);
    const after = completeFiles(folder);
    const changed = [...untouched].filter(([name, hex]) => after.get(name) !== hex && name.endsWith('.log'));
    expect(changed).toHaveLength(segments);
    const disk: Disk = { ...realDisk, open: (file, flags) => (expect(flags).toBe('r'), realDisk.open(file, flags)) };
    expect(eraseAll(disk, folder.log, log.writer, [order])).toEqual({ records: 0, segments: 0, unread: [] });
    const none = { ...order, tags: ['plant/none', 'plant'] };
    expect(eraseAll(disk, folder.log, log.writer, [none])).toEqual({ records: 0, segments: 0, unread: [] });
    expect(completeFiles(folder)).toEqual(after);
    log.writer.close();
  });

  test('the segment that is written to is completed if it holds any of them, and else goes on', () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    const bases = folder.segments();
    const last = bases.at(-1) ?? 0;
    const rolls = (from: number, to: number): number => {
      let asked = 0;
      eraseAll(
        realDisk,
        folder.log,
        log.writer,
        [erasureOf(from, to)],
        (step) => (asked += step?.type === 'roll' ? 1 : 0),
      );
      return asked;
    };
    expect([rolls(10, 90), folder.segments()]).toEqual([0, bases]);
    expect([rolls(last + 20, last + 60), folder.segments()]).toEqual([1, [...bases, SECRETS]]);
    expect(log.ends.end('samples')).toBe(SECRETS);
    log.writer.close();
  });

  test('also in a log that has been repacked, and is repacked after it', () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    repackAll(realDisk, folder.log, log.writer);
    const first = erasureOf(100, 700, SECRETS);
    eraseAll(realDisk, folder.log, log.writer, [first]);
    expect(readSecrets(folder, log)).toEqual(expectedSaid(SECRETS, meantBy(first)));
    for (let next = SECRETS; next < 2 * SECRETS; next += 3) log.writer.append([secretRequest(next, 3)]);
    const second = erasureOf(2800, 4500);
    eraseAll(realDisk, folder.log, log.writer, [second]);
    const ready = Object.values(repackAll(realDisk, folder.log, log.writer)).filter((outcome) => outcome === 'ready');
    expect(ready.length).toBeGreaterThan(2);
    expect(readSecrets(folder, log)).toEqual(expectedSaid(2 * SECRETS, (n) => meantBy(first)(n) || meantBy(second)(n)));
    log.writer.close();
  });

  test('in the topics that the order names, each up to its offset', () => {
    using folder = new LogFolder();
    const log = folder.open({ topics: ['samples', 'derived', 'events'], segmentBytes: 20_000 });
    for (const topic of log.ends.topics) log.writer.append([secretRequest(0, 60, true, topic)]);
    const all = { tags: SECRET_TAGS, fromUs: 0, toUs: Infinity, upTo: { samples: 60, derived: 20, 'samples.bulk': 9 } };
    expect(eraseAll(realDisk, folder.log, log.writer, [all])).toMatchObject({ records: 80, segments: 2 });
    const left = (topic: string): number => {
      const reader = folder.reader(log.ends, topic);
      reader.seek(0);
      return [...readSaid(reader).values()].filter((value) => value !== null).length;
    };
    expect(['samples', 'derived', 'events'].map(left)).toEqual([0, 40, 60]);
    log.writer.close();
  });

  // Kafka's own tools have the last word.
  test.skipIf(!kafka.available)(
    `Kafka's own tools have no complaint, and read each of them as a key with a null value ${kafka.reason}`,
    async () => {
      using folder = new LogFolder();
      const log = filledWithSecrets(folder);
      const order = erasureOf(100, 2000);
      eraseAll(realDisk, folder.log, log.writer, [order]);
      log.writer.close();
      const logs = folder.segments().map((base) => folder.file(base));
      const indexes = folder.segments().flatMap((base) => [folder.file(base, 'index'), folder.file(base, 'timeindex')]);
      expect(dumpComplaints((await dumpLog(logs)) + (await dumpIndexes(indexes)))).toEqual([]);
      const records = await dumpRecords(logs);
      expect(records.map(({ offset }) => offset)).toEqual([...expectedSaid(SECRETS, meantBy(order)).keys()]);
      expect(records.filter(({ value }) => value === null).map(({ offset }) => offset)).toEqual(
        [...expectedSaid(SECRETS, meantBy(order))].flatMap(([n, value]) => (value === null ? [n] : [])),
      );
    },
    60_000,
  );
});

describe('readers that have the old segment open', () => {
  test('read on in the new one: nothing of what is erased, each record once, also where it was repacked in between', () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    const order = erasureOf(0, 1e6);
    const readers = Array.from({ length: 60 }, (_, i) => {
      const reader = folder.reader(log.ends);
      const from = Math.floor((SECRETS * i) / 60);
      reader.seek(from);
      // Most have the segment open.
      if (i % 5 !== 0) reader.read(i % 2 === 0 ? 1 : 700);
      return { reader, position: reader.position };
    });
    repackAll(realDisk, folder.log, log.writer);
    eraseAll(realDisk, folder.log, log.writer, [order]);
    for (const { reader, position } of readers) {
      expect(readSaid(reader)).toEqual(expectedSaid(SECRETS, meantBy(order), position));
      reader.close();
    }
    log.writer.close();
  });
});

const flip = (bytes: Buffer, at: number): void => void bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at);

describe('what cannot be read', () => {
  test.each<[string, (bytes: Buffer) => Uint8Array | void]>([
    ['a flipped bit', (bytes) => flip(bytes, 9000)],
    ['two of them', (bytes) => (flip(bytes, 100), flip(bytes, 13_000))],
    ['a wrong length', (bytes) => flip(bytes, 11)],
    ['bytes behind the end', (bytes) => Buffer.concat([bytes, Buffer.from('xyz')])],
  ])('%s: it stays where it is and is named, all else of the segment is erased', (_, harm) => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    const [, base = 0, next = 0] = folder.segments();
    folder.damage(base, harm);
    const before = readSecrets(folder, log);
    const gaps = [...before].flatMap(([offset, value]) => (value === 'gap' ? [offset] : []));
    const order = erasureOf(0, 1e6);
    const { unread } = eraseAll(realDisk, folder.log, log.writer, [order]);
    const expected = [...before].map(([n, value]): [number, string | null] => [
      n,
      value === 'gap' || !meantBy(order)(n) ? value : null,
    ]);
    expect(readSecrets(folder, log)).toEqual(new Map(expected));
    expect(gaps.every((offset) => offset >= base && offset < next)).toBe(true);
    const named = unread.flatMap((part) => {
      const [, file, first, last] =
        /^log\/samples-0\/0*(\d+)\.log, bytes \d+ to \d+ \(records (\d+) to (\d+)\)$/.exec(part) ?? [];
      expect(Number(file)).toBe(base);
      return Array.from({ length: Number(last) - Number(first) + 1 }, (__, i) => Number(first) + i);
    });
    expect(named).toEqual(gaps);
    // Again: it is named again, and nothing is written.
    expect(eraseAll(realDisk, folder.log, log.writer, [order])).toEqual({ records: 0, segments: 0, unread });
    log.writer.close();
  });

  test('a batch with a wrong base offset keeps it, and is read and erased', () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    const [, base = 0] = folder.segments();
    folder.damage(base, (bytes) => flip(bytes, 3));
    const order = erasureOf(0, 1e6);
    expect(eraseAll(realDisk, folder.log, log.writer, [order]).unread).toEqual([]);
    const reader = folder.reader(log.ends);
    reader.seek(base);
    const said = readSaid(reader);
    expect([...said.values()].filter((value) => value === null).length).toBeGreaterThan(100);
    log.writer.close();
  });

  test('a segment on a bad disk: the others are erased, the fault names it, and the next round does it', () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    const [, base = 0, next = 0] = folder.segments();
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
    const order = erasureOf(0, 1e6);
    expect(() => eraseAll(disk, folder.log, log.writer, [order])).toThrow(`${String(base).padStart(20, '0')}.log: EIO`);
    expect(readSecrets(folder, log)).toEqual(
      expectedSaid(SECRETS, (n) => meantBy(order)(n) && (n < base || n >= next)),
    );
    expect(leftovers(folder)).toEqual([]);
    expect(eraseAll(realDisk, folder.log, log.writer, [order]).segments).toBe(1);
    expect(readSecrets(folder, log)).toEqual(expectedSaid(SECRETS, meantBy(order)));
    log.writer.close();
  });

  test('a full disk: told at once, nothing is left over, and the next round goes on', () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    let left = 2;
    const disk: Disk = { ...realDisk };
    disk.open = (file, flags) => {
      if (file.endsWith('.log.cleaned') && left-- <= 0) throw systemError('ENOSPC');
      return realDisk.open(file, flags);
    };
    const order = erasureOf(0, 1e6);
    expect(() => eraseAll(disk, folder.log, log.writer, [order])).toThrow(
      'There is no room for a segment of topic samples.',
    );
    expect(leftovers(folder)).toEqual([]);
    const [, , third = 0] = folder.segments();
    expect(readSecrets(folder, log)).toEqual(expectedSaid(SECRETS, (n) => meantBy(order)(n) && n < third));
    eraseAll(realDisk, folder.log, log.writer, [order]);
    expect(readSecrets(folder, log)).toEqual(expectedSaid(SECRETS, meantBy(order)));
    log.writer.close();
  });
});

const placeOf = (n: number): number => (n % 11 === 10 ? 500 : n ^ 5);

test('times are those that the historian counts: a clock that was ahead counts by the arrival', () => {
  using folder = new LogFolder();
  const log = folder.open();
  log.writer.append([secretRequest(0, 1100)]);
  // Number 10 + 33 i is of this tag and suspect; all arrived at the time of number 500.
  const suspect = { ...erasureOf(499, 501), tags: SECRET_TAGS };
  eraseAll(realDisk, folder.log, log.writer, [suspect]);
  const erased = [...readSecrets(folder, log)].flatMap(([n, value]) => (value === null ? [n] : []));
  expect(erased).toEqual(
    Array.from({ length: 1100 }, (_, n) => n).filter((n) => placeOf(n) >= 499 && placeOf(n) < 501),
  );
  expect(erased.length).toBeGreaterThan(90);
  expect(SECRETS_FROM_US % 1000).toBe(0);
  log.writer.close();
});

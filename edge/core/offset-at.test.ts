import * as fc from 'fast-check';
import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type AppendRequest, type Entry, LogFolder, numbered, readAll } from './kit/log-kit.ts';
import type { LogReader } from './reader.ts';
import { readBatchHeader } from './record-batch.ts';
import { BatchRepacker } from './repack/batches.ts';
import { TracedDisk } from './kit/traced-disk.ts';

describe('an offset by time', () => {
  test('is the first record at or after it', () => {
    using folder = new LogFolder();
    const log = folder.fill(20_000);
    expect(folder.wrongTimes(log.ends)).toEqual([]);
    log.writer.close();
    const again = folder.open();
    expect(folder.wrongTimes(again.ends)).toEqual([]);
    again.writer.close();
  });

  test('is never behind the end, also where the next segment has begun and is not durable yet', () => {
    using folder = new LogFolder();
    const { ends, writer } = folder.open({ segmentBytes: 300 });
    for (let i = 0; i < 6; i++) {
      const batch = numbered(5 * i, 5, { timestampMs: 1000 + i });
      writer.stage(0, batch, new DataView(batch.buffer), 0, batch.length, 5);
      if (i === 0) writer.commit();
    }
    expect(folder.segments().length).toBeGreaterThan(1);
    expect(ends.end('samples')).toBe(5);
    expect(folder.reader(ends).offsetAt(2000)).toBe(5);
    writer.close();
  });

  test('is the end of an empty topic', () => {
    using folder = new LogFolder();
    const { ends, writer } = folder.open();
    expect(folder.reader(ends).offsetAt(5)).toBe(0);
    writer.close();
  });

  test('never lies before the start, and is right behind it after retention', () => {
    using folder = new LogFolder();
    folder.fill().writer.close();
    const log = folder.open({ budgetBytes: 9000 });
    log.writer.hold({});
    log.writer.retain();
    expect(log.ends.start('samples')).toBeGreaterThan(0);
    expect(folder.reader(log.ends).offsetAt(0)).toBe(log.ends.start('samples'));
    expect(folder.wrongTimes(log.ends)).toEqual([]);
    log.writer.close();
  });

  test('is that of a record inside a batch which was merged out of several', () => {
    using folder = new LogFolder();
    const { ends, writer } = folder.open();
    const times = [1000, 1000, 1400, 1200, 1300, 2000, 90_000];
    const repacker = new BatchRepacker((batch, { count }) => {
      writer.append([{ topic: 'samples', batch: Uint8Array.from(batch), records: count }]);
    });
    for (const [i, timestampMs] of times.entries()) {
      const batch = numbered(i, 1, { timestampMs });
      repacker.add(batch, 0, { ...readBatchHeader(new DataView(batch.buffer), 0), baseOffset: i });
    }
    repacker.flush();
    expect(ends.end('samples')).toBe(times.length);
    expect(folder.wrongTimes(ends)).toEqual([]);
    writer.close();
  });

  test('is right with segments missing and with any of them damaged', () => {
    using folder = new LogFolder();
    const log = folder.fill(2000);
    const bases = folder.segments();
    expect(bases.length).toBeGreaterThan(8);
    for (const [i, base] of bases.slice(0, -1).entries()) {
      if (i % 3 === 0) folder.damage(base, (bytes) => void bytes.fill(0x55, 70, 90));
      if (i % 3 === 1) folder.damage(base, (bytes) => void bytes.fill(0x55, bytes.length - 90));
    }
    rmSync(folder.file(bases[2] ?? 0));
    expect(folder.wrongTimes(log.ends)).toEqual([]);
    log.writer.close();
  });
});

/** A batch of records with this time. */
function at(first: number, records: number, timestampMs: number): AppendRequest {
  return { topic: 'samples', batch: numbered(first, records, { timestampMs, size: 30 }), records };
}

/** Records by segment. */
function segmentsOf(folder: LogFolder, entries: readonly Entry[]): Entry[][] {
  const bases = folder.segments();
  return bases.map((base, i) => entries.filter(({ offset }) => offset >= base && offset < (bases[i + 1] ?? Infinity)));
}

/** Hundreds of segments in no time: nothing is lost here. */
class UnsyncedDisk extends TracedDisk {
  override sync(): void {}

  override syncFolder(): void {}
}

describe('with a clock that is set back', () => {
  const steps = fc.oneof(
    { arbitrary: fc.integer({ min: 0, max: 20 }), weight: 12 },
    fc.integer({ min: -300, max: -1 }),
    fc.integer({ min: 100, max: 1000 }),
  );

  test('it is the first such offset behind the beginning of the log, or of a segment that begins earlier', () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 1, maxLength: 60 }), fc.nat(9), (all, count) => {
        using folder = new LogFolder();
        const { writer, ends } = folder.open({ segmentBytes: 600, disk: new UnsyncedDisk() });
        let timestampMs = 10_000;
        const batches = all.map((step, i) => at(i * (count + 1), count + 1, (timestampMs += step)));
        writer.append(batches);
        const offset = ends.end('samples');
        const { entries } = folder.read(ends);
        const segments = segmentsOf(folder, entries);
        const reader = folder.reader(ends);
        for (const timeMs of new Set(entries.flatMap((entry) => [entry.timestampMs, entry.timestampMs + 1]))) {
          const begin = segments.filter(([first]) => first !== undefined && first.timestampMs < timeMs);
          const from = [0, ...begin.map(([first]) => first?.offset ?? 0)];
          const right = from.map(
            (first) => entries.find((one) => one.offset >= first && one.timestampMs >= timeMs)?.offset ?? offset,
          );
          const grows = all.slice(1).every((step) => step >= 0);
          expect(grows ? right.slice(0, 1) : right).toContain(reader.offsetAt(timeMs));
        }
        writer.close();
      }),
      { numRuns: 60 },
    );
  });

  test('an excursion into the future long ago does not hide what is new', () => {
    using folder = new LogFolder();
    const { writer, ends } = folder.open({ segmentBytes: 400, disk: new UnsyncedDisk() });
    const yearMs = 365 * 86_400_000;
    writer.append(Array.from({ length: 400 }, (_, i) => at(i, 1, 1000 * i + (i > 50 && i < 60 ? yearMs : 0))));
    expect(folder.segments().length).toBeGreaterThan(60);
    expect(folder.reader(ends).offsetAt(390_000)).toBe(390);
    expect(folder.reader(ends).offsetAt(300_000)).toBe(300);
    writer.close();
  });
});

/** Counts what a reader asks of the disk. */
class CountingDisk extends TracedDisk {
  opened = 0;
  listed = 0;
  bytes = 0;

  override open(file: string, flags: 'r' | 'r+' | 'wx+' | 'w'): number {
    this.opened++;
    return super.open(file, flags);
  }

  override list(folder: string): string[] {
    this.listed++;
    return super.list(folder);
  }

  override read(fd: number, into: Uint8Array, position: number): number {
    const read = super.read(fd, into, position);
    this.bytes += read;
    return read;
  }
}

describe('in a log of 320 segments', () => {
  test('an offset by time is found by a look into few of them', () => {
    using folder = new LogFolder();
    const { writer, ends } = folder.open({ segmentBytes: 2000, disk: new UnsyncedDisk() });
    const batches = 3600;
    for (let first = 0; first < batches; first += 400)
      writer.append(Array.from({ length: 400 }, (_, i) => at(4 * (first + i), 4, 1000 * (first + i))));
    expect(folder.segments().length).toBeGreaterThanOrEqual(320);
    const cost = (timeMs: number): { opened: number; listed: number; bytes: number } => {
      const disk = new CountingDisk();
      const reader: LogReader = folder.reader(ends, 'samples', disk);
      expect(reader.offsetAt(timeMs)).toBe(4 * Math.ceil(timeMs / 1000));
      const { opened, listed, bytes } = disk;
      return { opened, listed, bytes };
    };
    const worst = { opened: 0, listed: 0, bytes: 0 };
    for (let i = 1; i < batches; i += 211) {
      const { opened, listed, bytes } = cost(1000 * i - 500);
      worst.opened = Math.max(worst.opened, opened);
      worst.listed = Math.max(worst.listed, listed);
      worst.bytes = Math.max(worst.bytes, bytes);
    }
    expect(worst.opened).toBeLessThanOrEqual(25);
    expect(worst.listed).toBeLessThanOrEqual(5);
    expect(worst.bytes).toBeLessThan(64 * 1024);
    // What the consumers ask for lies near the end.
    expect(cost(1000 * batches - 2500).opened).toBeLessThanOrEqual(10);
    expect(readAll(folder.reader(ends), 4 * batches - 8).entries).toHaveLength(8);
    writer.close();
  });
});

import * as fc from 'fast-check';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { DurableEnds } from './durable-ends.ts';
import { realDisk } from './disk.ts';
import { SegmentIndex } from './index-file.ts';
import { expectedPairs, LogFolder, pairs } from './kit/log-kit.ts';

test('a clean stop leaves the indexes of the last segment complete', () => {
  using folder = new LogFolder();
  folder.with({}, ({ append }) => {
    for (let i = 0; i < 20; i++) append(10 * i, 10, { size: 100, timestampMs: 1000 + i });
  });
  const times = folder.bytes(0, 'timeindex');
  expect([Number(times.readBigInt64BE(times.length - 12)), times.readUInt32BE(times.length - 4)]).toEqual([1019, 199]);
  expect(folder.bytes(0, 'index').length).toBe(8 * Math.floor((folder.bytes(0).length * 19) / 20 / 4900));
});

/** Places from which reading gives something else than the rest of the log, and times for which the offset is wrong. */
function mistakes(folder: LogFolder, { ends, end }: { ends: DurableEnds; end: number }): unknown[] {
  const wrong: unknown[] = [];
  for (let from = 0; from < end; from += 7) {
    const reading = folder.read(ends, from);
    const right = JSON.stringify(pairs(reading)) === JSON.stringify(expectedPairs(from, end));
    if (!right || reading.gaps.length > 0) wrong.push({ from, ...reading });
  }
  return [...wrong, ...folder.wrongTimes(ends)];
}

const header = (baseOffset: number, bytes: number, maxTimestampMs: number) => ({
  baseOffset,
  bytes,
  maxTimestampMs,
  epoch: 0,
  crc: 0,
  codec: 0,
  count: 10,
  baseTimestampMs: maxTimestampMs,
});

describe('an index as it is written', () => {
  test('has an entry for each batch before which more than 4,096 bytes went by, and a time where time has grown', () => {
    using folder = new LogFolder();
    realDisk.makeFolder(`${folder.log}/samples-0`);
    const index = new SegmentIndex(realDisk, `${folder.log}/samples-0`, 100);
    let position = 0;
    for (const [i, [bytes, time]] of [
      [4096, 50],
      [1, 40],
      [4097, 60],
      [10, 55],
      [5000, 45],
      [10, 44],
      [3, 70],
    ].entries()) {
      index.add(header(100 + 10 * i, bytes ?? 0, time ?? 0), position);
      position += bytes ?? 0;
    }
    index.finish();
    const entries = folder.bytes(100, 'index');
    const offsets = Array.from({ length: entries.length / 8 }, (_, i) => [
      entries.readUInt32BE(8 * i),
      entries.readUInt32BE(8 * i + 4),
    ]);
    // The third batch comes behind 4,097 bytes, the fourth behind another 4,097, the sixth behind 5,010.
    expect(offsets).toEqual([
      [29, 4097],
      [39, 8194],
      [59, 13204],
    ]);
    const times = folder.bytes(100, 'timeindex');
    const timeEntries = Array.from({ length: times.length / 12 }, (_, i) => [
      Number(times.readBigInt64BE(12 * i)),
      times.readUInt32BE(12 * i + 8),
    ]);
    // Nothing at the later entries: time had not grown. The last at the end.
    expect(timeEntries).toEqual([
      [60, 29],
      [70, 69],
    ]);
  });
});

describe('indexes are hints', () => {
  test.each(['index', 'timeindex'] as const)('without any .%s every answer is right', (kind) => {
    using folder = new LogFolder();
    const log = folder.fill(10_000);
    log.writer.close();
    for (const base of folder.segments()) rmSync(folder.file(base, kind));
    expect(mistakes(folder, log)).toEqual([]);
  });

  test.each(['index', 'timeindex'] as const)('with a .%s cut off anywhere every answer is right', (kind) => {
    using folder = new LogFolder();
    const log = folder.fill(10_000);
    log.writer.close();
    for (const size of [1, 7, 8, 11, 12, 13]) {
      for (const base of folder.segments()) truncateSync(folder.file(base, kind), size);
      expect(mistakes(folder, log)).toEqual([]);
    }
  });

  test.each(['index', 'timeindex'] as const)('with the .%s of another segment every answer is right', (kind) => {
    using folder = new LogFolder();
    const log = folder.fill(10_000);
    log.writer.close();
    const [first = 0, second = 0, third = 0] = folder.segments();
    writeFileSync(folder.file(first, kind), folder.bytes(second, kind));
    writeFileSync(folder.file(third, kind), folder.bytes(second, kind));
    expect(mistakes(folder, log)).toEqual([]);
  });

  test('with garbage in both every answer is right', () => {
    using folder = new LogFolder();
    const log = folder.fill(10_000);
    log.writer.close();
    const bases = folder.segments();
    const small = fc.array(fc.oneof(fc.nat(255), fc.constant(0)), { maxLength: 48 });
    fc.assert(
      fc.property(fc.constantFrom(...bases), small, small, fc.nat(log.end), (base, index, timeIndex, from) => {
        writeFileSync(folder.file(base, 'index'), Uint8Array.from(index));
        writeFileSync(folder.file(base, 'timeindex'), Uint8Array.from(timeIndex));
        const reading = folder.read(log.ends, from);
        expect([pairs(reading), reading.gaps]).toEqual([expectedPairs(from, log.end), []]);
        const found = folder.reader(log.ends).offsetAt(1000 + from);
        const { entries } = folder.read(log.ends);
        expect(found).toBe(entries.find(({ timestampMs }) => timestampMs >= 1000 + from)?.offset ?? log.end);
      }),
      { numRuns: 200 },
    );
  });

  test('an index that points into a value that looks like a batch is not believed', () => {
    using folder = new LogFolder();
    const { append, ends, writer } = folder.open();
    append(0, 3);
    const inner = folder.bytes(0);
    // A device sends the bytes of a batch with our next offsets as its value.
    inner.writeBigUInt64BE(4n, 0);
    folder.appendValue(writer, inner);
    append(4, 5);
    writer.close();
    const position = folder.bytes(0).indexOf(inner);
    const entry = Buffer.alloc(8);
    entry.writeUInt32BE(3, 0);
    entry.writeUInt32BE(position, 4);
    writeFileSync(folder.file(0, 'index'), entry);
    const reading = folder.read(ends, 6);
    expect([pairs(reading), reading.gaps]).toEqual([expectedPairs(6, 9), []]);
  });
});

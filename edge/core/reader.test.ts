import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { entriesOf, expectedPairs, LogFolder, pairs, request } from './kit/log-kit.ts';
import { openEnds } from './reader.ts';
import { TracedDisk } from './kit/traced-disk.ts';

describe('seeking', () => {
  test('to every offset gives exactly the rest, whatever the reader may hold', () => {
    using folder = new LogFolder();
    const { ends, end, writer } = folder.fill();
    for (const maxBytes of [1, 200, 3000, 1 << 20]) {
      for (let from = 0; from <= end; from += maxBytes === 1 << 20 ? 1 : 13) {
        const reading = folder.read(ends, from, 'samples', maxBytes);
        expect([from, pairs(reading), reading.gaps]).toEqual([from, expectedPairs(from, end), []]);
      }
    }
    writer.close();
  });

  test('into a batch gives the whole batch, and says where it begins', () => {
    using folder = new LogFolder();
    const { ends, end, batches, writer } = folder.fill();
    const reader = folder.reader(ends);
    for (let offset = 0; offset < end; offset++) {
      reader.seek(offset);
      expect(reader.position).toBe(offset);
      const result = reader.read(1);
      const base = batches.findLast((first) => first <= offset) ?? 0;
      const next = batches.find((first) => first > offset) ?? end;
      expect(result).toMatchObject({ kind: 'data', baseOffset: base, nextOffset: next });
      expect(reader.position).toBe(next);
    }
    reader.close();
    writer.close();
  });

  test('beyond the end is a fault, and not a wait for records that are not meant', () => {
    using folder = new LogFolder();
    const { ends, end, writer } = folder.fill();
    const reader = folder.reader(ends);
    reader.seek(end);
    expect(reader.read()).toEqual({ kind: 'end' });
    reader.seek(end + 1);
    expect(() => reader.read()).toThrow(expect.objectContaining({ code: 'log-position-ahead' }));
    reader.close();
    writer.close();
  });
});

test('a read gives no more than it was asked for, unless one batch is more, also behind the end of a segment', () => {
  using folder = new LogFolder();
  const { ends, writer } = folder.fill(1500);
  const reader = folder.reader(ends);
  for (let result = reader.read(400); result.kind !== 'end'; result = reader.read(400)) {
    expect(result.kind).toBe('data');
    if (result.kind !== 'data') break;
    const first = result.bytes.subarray(0, new DataView(result.bytes.buffer).getInt32(8) + 12);
    expect(result.bytes.length).toBeLessThanOrEqual(Math.max(400, first.length));
  }
  reader.close();
  writer.close();
});

test('a reader follows the writer batch by batch, through rolls', () => {
  using folder = new LogFolder();
  const { ends, append, writer } = folder.open({ segmentBytes: 500 });
  const reader = folder.reader(ends);
  for (let next = 0; next < 200; next += 4) {
    expect(reader.read()).toEqual({ kind: 'end' });
    append(next, 4);
    const result = reader.read();
    expect(result).toMatchObject({ kind: 'data', baseOffset: next, nextOffset: next + 4 });
  }
  reader.close();
  writer.close();
});

/** Notes how much is asked for at once. */
class AskedDisk extends TracedDisk {
  readonly asked: number[] = [];

  override read(fd: number, into: Uint8Array, position: number): number {
    this.asked.push(into.length);
    return super.read(fd, into, position);
  }
}

test('a reader that keeps up asks for little more than what is new, and for much where there is much', () => {
  using folder = new LogFolder();
  const { ends, append, writer } = folder.open();
  const disk = new AskedDisk();
  const reader = folder.reader(ends, 'samples', disk);
  for (let next = 0; next < 50; next++) {
    append(next, 1);
    expect(reader.read()).toMatchObject({ kind: 'data', baseOffset: next, nextOffset: next + 1 });
  }
  expect(disk.asked).toHaveLength(50);
  expect(Math.max(...disk.asked)).toBeLessThan(5000);
  for (let next = 50; next < 100_050; next += 10_000) append(next, 10_000, { size: 20 });
  for (let reads = 1; reader.read().kind !== 'end'; reads++) expect(reads).toBeLessThan(20);
  expect(reader.position).toBe(100_050);
  expect(Math.max(...disk.asked)).toBe(1024 * 1024);
  reader.close();
  writer.close();
});

test('what is written but not yet durable is not read', () => {
  using folder = new LogFolder();
  const disk = new TracedDisk();
  const { ends, append, writer } = folder.open({ disk });
  append(0, 5);
  const during: unknown[] = [];
  disk.before = (call) => {
    if (call.op === 'sync') during.push(pairs(folder.read(ends)));
  };
  append(5, 5);
  disk.before = undefined;
  expect(during).toEqual([expectedPairs(0, 5)]);
  expect(pairs(folder.read(ends))).toEqual(expectedPairs(0, 10));
  writer.close();
});

/** Retention strikes at the moment when a reader asks the disk for something. */
function overtaken(folder: LogFolder, when: (op: string, count: number) => boolean, from: number) {
  const { writer } = folder.fill();
  writer.close();
  const log = folder.open({ budgetBytes: 9000 });
  log.writer.hold({});
  const disk = new TracedDisk();
  let count = 0;
  disk.before = ({ op }) => {
    if (when(op, count++)) log.writer.retain();
  };
  const reader = folder.reader(log.ends, 'samples', disk);
  reader.seek(from);
  const results: unknown[] = [];
  for (let result = reader.read(1); result.kind !== 'end'; result = reader.read(1)) {
    if (result.kind === 'gap') results.push(result);
  }
  reader.close();
  const start = log.ends.start('samples');
  log.writer.close();
  return { results, start };
}

describe('gaps', () => {
  test('a reader whose place was deleted goes on at the start, with a gap', () => {
    using folder = new LogFolder();
    const { writer, end } = folder.fill();
    writer.close();
    const log = folder.open({ budgetBytes: 9000 });
    const reader = folder.reader(log.ends);
    reader.seek(3);
    log.writer.hold({});
    log.writer.retain();
    const start = log.ends.start('samples');
    expect(reader.read()).toEqual({ kind: 'gap', first: 3, last: start - 1, reason: 'retention' });
    expect(reader.read()).toMatchObject({ kind: 'data', baseOffset: start });
    reader.close();
    expect(folder.read(log.ends, 3).entries.at(-1)?.offset).toBe(end - 1);
    log.writer.close();
  });

  test('retention that is quicker than a reader which opens its segment is a gap of reason retention', () => {
    using folder = new LogFolder();
    const { results, start } = overtaken(folder, (op, count) => op === 'list' && count === 0, 3);
    expect(start).toBeGreaterThan(3);
    expect(results).toEqual([{ kind: 'gap', first: 3, last: start - 1, reason: 'retention' }]);
  });

  test('retention that takes the next segment from under a reader is a gap of reason retention', () => {
    using folder = new LogFolder();
    // The reader has the first segment open; the second list is that at its end.
    const { results, start } = overtaken(folder, (op, count) => op === 'list' && count === 1, 0);
    const [gap] = results as { first: number }[];
    expect(results).toEqual([{ kind: 'gap', first: gap?.first, last: start - 1, reason: 'retention' }]);
    expect(gap?.first).toBeGreaterThan(0);
  });

  test('a segment that somebody has deleted is a gap of reason damage', () => {
    using folder = new LogFolder();
    const { ends, end, writer } = folder.fill();
    const [, second = 0, third = 0] = folder.segments();
    rmSync(folder.file(second));
    const reading = folder.read(ends);
    expect(reading.gaps).toEqual([{ first: second, last: third - 1, reason: 'damage' }]);
    expect(pairs(reading)).toEqual([...expectedPairs(0, second), ...expectedPairs(third, end)]);
    expect(folder.read(ends, second + 1).gaps).toEqual([{ first: second + 1, last: third - 1, reason: 'damage' }]);
    writer.close();
  });

  test('a damaged batch in the segment that is being written is a gap up to the next batch, and never beyond the end', () => {
    using folder = new LogFolder();
    const { ends, append, writer } = folder.open();
    for (let next = 0; next < 30; next += 10) append(next, 10);
    const size = folder.bytes(0).length / 3;
    folder.damage(0, (bytes) => void bytes.writeUInt8((bytes[size + 70] ?? 0) ^ 4, size + 70));
    expect(folder.read(ends).gaps).toEqual([{ first: 10, last: 19, reason: 'damage' }]);
    expect(pairs(folder.read(ends))).toEqual([...expectedPairs(0, 10), ...expectedPairs(20, 30)]);
    folder.damage(0, (bytes) => void bytes.writeUInt8((bytes[2 * size + 70] ?? 0) ^ 4, 2 * size + 70));
    expect(folder.read(ends).gaps).toEqual([{ first: 10, last: 29, reason: 'damage' }]);
    append(30, 1);
    expect(folder.read(ends).entries.at(-1)).toMatchObject({ offset: 30, number: 30 });
    writer.close();
  });

  test('a gap never goes beyond the durable end, also where the writer has just begun a new segment', () => {
    using folder = new LogFolder();
    const disk = new TracedDisk();
    const { ends, append, writer } = folder.open({ segmentBytes: 300, disk });
    append(0, 3);
    const during: unknown[] = [];
    disk.before = ({ op, file }) => {
      if (op !== 'write' || file !== '00000000000000000006.log') return;
      // Not before: the page of the first batch is written once more with the second.
      folder.damage(0, (bytes) => void bytes.writeUInt8(9, 70));
      during.push(folder.read(ends).gaps);
    };
    // Two batches in one commit: the first ends the first segment, the second begins the next.
    writer.append([request('samples', 3, 3), request('samples', 6, 4)]);
    disk.before = undefined;
    expect(folder.segments()).toEqual([0, 6]);
    expect(during).toEqual([[{ first: 0, last: 2, reason: 'damage' }]]);
    expect(pairs(folder.read(ends))).toEqual(expectedPairs(3, 10));
    writer.close();
  });

  test('a base offset that is wrong is put right while reading', () => {
    using folder = new LogFolder();
    const { ends, append, writer } = folder.open();
    for (let next = 0; next < 30; next += 10) append(next, 10);
    const size = folder.bytes(0).length / 3;
    for (const wrong of [0n, 7n, 12n, 2n ** 40n, -1n]) {
      folder.damage(0, (bytes) => void bytes.writeBigInt64BE(wrong, size));
      for (const from of [0, 5, 10, 11, 19, 20, 25]) {
        const reading = folder.read(ends, from);
        expect([wrong, from, pairs(reading), reading.gaps]).toEqual([wrong, from, expectedPairs(from, 30), []]);
      }
    }
    const reader = folder.reader(ends);
    reader.seek(12);
    const result = reader.read();
    expect(result.kind === 'data' && entriesOf(result.bytes).map(({ offset }) => offset)).toEqual(
      Array.from({ length: 20 }, (_, i) => 10 + i),
    );
    reader.close();
    writer.close();
  });
});

describe('the ends of a log that no gateway holds open', () => {
  test('are those of the valid batches, of every topic', () => {
    using folder = new LogFolder();
    const { writer, end } = folder.fill();
    writer.close();
    folder.damage(folder.segments().at(-1) ?? 0, (bytes) => Buffer.concat([bytes, Buffer.alloc(5000)]));
    const ends = openEnds(folder.log);
    expect(ends.topics).toEqual(['samples']);
    expect([ends.start('samples'), ends.end('samples')]).toEqual([0, end]);
    expect(pairs(folder.read(ends))).toEqual(expectedPairs(0, end));
  });

  test('are 0 where there is nothing', () => {
    using folder = new LogFolder();
    expect(openEnds(folder.log).topics).toEqual([]);
  });
});

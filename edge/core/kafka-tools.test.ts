import { rmSync, truncateSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dumpComplaints, dumpIndexes, dumpLog, dumpRecords } from '../../test/services/dump-log.ts';
import { requireService } from '../../test/services/require.ts';
import { LogFolder, numbered, pairs } from './kit/log-kit.ts';
import { BatchEncoder } from './record-batch.ts';
import { ValueKind } from './sample.ts';
import { SampleKey } from './sample-key.ts';

const kafka = requireService('kafka');

const logs = (folder: LogFolder): string[] => folder.segments().map((base) => folder.file(base));
const indexes = (folder: LogFolder): string[] =>
  folder.segments().flatMap((base) => [folder.file(base, 'index'), folder.file(base, 'timeindex')]);

/** What Kafka's tool holds against the segments and their indexes. */
async function complaints(folder: LogFolder): Promise<string[]> {
  const deep = await dumpLog(logs(folder));
  return dumpComplaints(deep + (await dumpIndexes(indexes(folder))));
}

describe.skipIf(!kafka.available)(`Kafka's own tools ${kafka.reason}`, () => {
  test('have no complaint about plain and zstd batches, over rolls, and read every record', async () => {
    using folder = new LogFolder();
    const { writer, ends, append } = folder.open({ segmentBytes: 40_000 });
    let next = 0;
    for (let i = 0; next < 20_000; i++) {
      const count = [1, 40, 150, 7, 900, 99, 100][i % 7] ?? 1;
      // The clock goes back once in a while.
      append(next, count, {
        size: 20,
        timestampMs: 1_600_000_000_000 + 10 * i - (i % 9 === 8 ? 500 : 0),
        compress: count >= 100,
      });
      next += count;
    }
    writer.close();
    expect(folder.segments().length).toBeGreaterThan(2);
    expect(folder.bytes(0, 'index').length).toBeGreaterThan(30);
    expect(await complaints(folder)).toEqual([]);

    const records = await dumpRecords(logs(folder));
    const ours = folder.read(ends);
    expect(records.map(({ offset, value }) => [offset, Number(value?.readBigUInt64BE(0))])).toEqual(pairs(ours));
    expect(records.map(({ timestampMs }) => timestampMs)).toEqual(ours.entries.map(({ timestampMs }) => timestampMs));
  });

  test('have none after a recovery that cut a tail and built the indexes again', async () => {
    using folder = new LogFolder();
    const { append } = folder.open({ segmentBytes: 60_000 });
    for (let next = 0; next < 10_000; next += 50) append(next, 50, { size: 20, timestampMs: 1000 + next });
    const last = folder.segments().at(-1) ?? 0;
    folder.damage(last, (bytes) => bytes.subarray(0, bytes.length - 3));
    const log = folder.open({ segmentBytes: 60_000 });
    expect(log.reports['samples']?.cut?.offset).toBe(9950);
    for (let next = 9950; next < 12_000; next += 50) log.append(next, 50, { size: 20, timestampMs: 1000 + next });
    log.writer.close();
    expect(await complaints(folder)).toEqual([]);
    expect(await dumpRecords(logs(folder))).toHaveLength(12_000);
  });

  test('have none after the indexes of complete segments were lost and built again', async () => {
    using folder = new LogFolder();
    folder.with({ segmentBytes: 60_000 }, ({ append }) => {
      for (let next = 0; next < 10_000; next += 50) append(next, 50, { size: 20, timestampMs: 1000 + next });
    });
    const [first = 0, second = 0, third = 0] = folder.segments();
    rmSync(folder.file(first, 'index'));
    rmSync(folder.file(second, 'timeindex'));
    truncateSync(folder.file(third, 'index'), 8);
    folder.with({}, ({ writer }) => {
      for (let i = 0; i < 3; i++) writer.repairIndex();
    });
    expect(await complaints(folder)).toEqual([]);
  });

  test('have none about an empty segment, samples, headers, null keys and null values', async () => {
    using folder = new LogFolder();
    const { writer, append } = folder.open({ segmentBytes: 300 });
    const encoder = new BatchEncoder();
    const sample = { timeUs: 1, kind: ValueKind.double, value: 1.5, quality: 0, flags: 0, serverTimeUs: null };
    encoder.addSample(SampleKey.of('a/Öl'), sample, [
      ['c', Uint8Array.of(1)],
      ['p', null],
    ]);
    encoder.addRecord(null, null, [['gap', new Uint8Array(0)]]);
    encoder.addRecord(new Uint8Array(0), new Uint8Array(0));
    writer.append([{ topic: 'samples', batch: encoder.finish(5), records: 3 }]);
    append(3, 1);
    append(4, 30);
    append(34, 1);
    writer.close();
    folder.with({}, () => undefined);
    expect(await complaints(folder)).toEqual([]);
    const records = await dumpRecords(logs(folder));
    expect(
      records.slice(0, 3).map(({ key, value, headerNames }) => [key?.toString('utf8'), value?.length, headerNames]),
    ).toEqual([
      ['a/Öl', 18, ['c', 'p']],
      [undefined, undefined, ['gap']],
      ['', 0, []],
    ]);
  });

  test('do complain about a flipped bit: the test above would notice', async () => {
    using folder = new LogFolder();
    folder.with({}, ({ append }) => append(0, 10));
    folder.damage(0, (bytes) => void bytes.writeUInt8(1, 80));
    expect(await complaints(folder)).not.toEqual([]);
    expect(numbered(0, 10)).toHaveLength(folder.bytes(0).length);
  });
});

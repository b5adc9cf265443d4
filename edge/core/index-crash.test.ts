import { expect, test } from 'vitest';
import { moody } from './kit/choices.ts';
import { CrashDisk, type DiskImage, seeded } from './kit/crash-disk.ts';
import { type Disk, readFile } from './disk.ts';
import { DurableEnds } from './durable-ends.ts';
import { numbered, TestLogWriter } from './kit/log-kit.ts';

const INDEXES = ['index', 'timeindex'].map((kind) => `/data/log/samples-0/00000000000000000000.${kind}`);

function open(disk: Disk): TestLogWriter {
  const options = { logFolder: '/data/log', lostAndFound: '/data/lost', newLogId: 'x', stamp: '1', budgetBytes: 1e9 };
  const writer = new TestLogWriter({ ...options, disk, ends: DurableEnds.create(['samples']), segmentBytes: 900_000 });
  writer.open();
  return writer;
}

function indexesOf(disk: Disk): string[] {
  return INDEXES.map((file) => Buffer.from(readFile(disk, file) ?? '').toString('hex'));
}

test('whenever the power fails while an index of many sectors is built again, it is whole after the next start, or built once more', () => {
  const disk = new CrashDisk();
  const writer = open(disk);
  for (let i = 0; i < 220; i++)
    writer.append([{ topic: 'samples', batch: numbered(i, 1, { size: 4200, timestampMs: 1000 + i }), records: 1 }]);
  writer.close();
  const right = indexesOf(disk);
  expect(right[0]?.length).toBeGreaterThan(2 * 3 * 512);
  for (const file of INDEXES) disk.unlink(file);
  disk.syncFolder('/data/log/samples-0');

  const images: DiskImage[] = [];
  const choose = moody(seeded(1));
  const again = open(disk);
  disk.before = () => {
    for (let i = 0; i < 40; i++) images.push(disk.image(choose));
  };
  for (let i = 0; i < 3; i++) again.repairIndex();
  disk.before = undefined;
  expect(indexesOf(disk)).toEqual(right);
  expect(images.length).toBeGreaterThan(300);
  for (const image of images) {
    const left = CrashDisk.of(image);
    const next = open(left);
    for (let i = 0; i < 3; i++) next.repairIndex();
    expect(indexesOf(left)).toEqual(right);
  }
});

import path from 'node:path';
import { CrashDisk } from '../../edge/core/kit/crash-disk.ts';
import { type Disk, readFile } from '../../edge/core/disk.ts';
import { DurableEnds } from '../../edge/core/durable-ends.ts';
import { TestLogWriter } from '../../edge/core/kit/log-kit.ts';
import { knownBatch } from './known-batches.ts';

/** Where the log of these tests lies on its disk in memory. */
export const memoryLog = { data: '/data', log: '/data/log', topic: 'samples' };

/** Small segments: a log of 60 kB has a dozen. */
const SEGMENT_BYTES = 6000;

/** A writer for `samples` on a disk, not open yet. */
export function memoryWriter(disk: Disk, ends: DurableEnds = DurableEnds.create([memoryLog.topic])): TestLogWriter {
  return new TestLogWriter({
    disk,
    logFolder: memoryLog.log,
    lostAndFound: path.join(memoryLog.data, 'lost+found'),
    ends,
    budgetBytes: 1e12,
    newLogId: '00000000-0000-4000-8000-000000000000',
    stamp: '1',
    segmentBytes: SEGMENT_BYTES,
  });
}

/** The files of a log with some batches of every size, each a second later than the one before; closed cleanly, or left as a kill leaves it. */
export function logFiles(batches: number, closed: boolean): ReadonlyMap<string, Uint8Array> {
  const disk = new CrashDisk();
  disk.makeFolder(memoryLog.data);
  const writer = memoryWriter(disk);
  writer.open();
  for (let number = 0; number < batches; number++) {
    const { bytes, records } = knownBatch({ run: 1, producer: 0, number }, 1_600_000_000_000 + 1000 * number);
    const [answer] = writer.append([{ topic: memoryLog.topic, batch: bytes, records }]);
    if (typeof answer !== 'number') throw new Error(`append: ${JSON.stringify(answer)}`);
  }
  if (closed) writer.close();
  return filesOf(disk);
}

function filesOf(disk: Disk): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const folder of [memoryLog.log, path.join(memoryLog.log, `${memoryLog.topic}-0`)]) {
    for (const name of disk.list(folder)) {
      if (name.endsWith('-0')) continue;
      const bytes = readFile(disk, path.join(folder, name));
      if (bytes !== undefined) files.set(path.join(folder, name), bytes);
    }
  }
  return files;
}

/** A disk that holds these files. */
export function diskWith(files: ReadonlyMap<string, Uint8Array>): CrashDisk {
  const disk = new CrashDisk();
  for (const folder of [memoryLog.data, memoryLog.log, path.join(memoryLog.log, `${memoryLog.topic}-0`)])
    disk.makeFolder(folder);
  for (const [file, bytes] of files) {
    const fd = disk.open(file, 'w');
    disk.write(fd, [bytes], 0);
    disk.sync(fd);
    disk.close(fd);
  }
  return disk;
}

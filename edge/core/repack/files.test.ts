import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Disk, realDisk } from '../disk.ts';
import { expectedPairs, LogFolder, pairs } from '../kit/log-kit.ts';
import { filledLog, leftovers } from './repack-kit.ts';
import { repackLog, type Settled } from './log.ts';
import { systemError } from '../kit/traced-disk.ts';

/** A segment that is ready. */
function ready(folder: LogFolder): Settled {
  for (const step of repackLog(realDisk, folder.log, {})) if (step?.outcome === 'ready') return step;
  throw new Error('nothing was repacked');
}

describe('a swap is refused, and what was made is deleted', () => {
  test('where retention has taken the segment', () => {
    using folder = new LogFolder();
    filledLog(folder).writer.close();
    const { writer, ends } = folder.open({ budgetBytes: 1 });
    const segment = ready(folder);
    writer.hold({});
    writer.retain();
    expect(ends.start('samples')).toBeGreaterThan(segment.baseOffset);
    while (writer.dispose());
    expect([writer.replaceSegment(segment), writer.failed]).toEqual([undefined, undefined]);
    expect(leftovers(folder)).toEqual([]);
    writer.close();
  });

  test('where somebody has deleted one of its files: the log goes on', () => {
    using folder = new LogFolder();
    const { writer, ends, append } = filledLog(folder);
    const segment = ready(folder);
    const before = folder.bytes(segment.baseOffset);
    rmSync(`${folder.file(segment.baseOffset)}.cleaned`);
    expect([writer.replaceSegment(segment), writer.failed]).toEqual([undefined, undefined]);
    expect(leftovers(folder)).toEqual([]);
    expect(folder.bytes(segment.baseOffset).equals(before)).toBe(true);
    expect(append(ends.end('samples'), 1)).toBe(ends.end('samples') - 1);
    writer.close();
  });

  test('what a crash has left is deleted at the next start', () => {
    using folder = new LogFolder();
    const { writer } = filledLog(folder);
    ready(folder);
    writer.close();
    expect(leftovers(folder)).toHaveLength(3);
    folder.with({}, () => undefined);
    expect(leftovers(folder)).toEqual([]);
  });

  test('a disk that fails in the middle of it is final, and the next start has every record', () => {
    for (let failAt = 0; failAt < 8; failAt++) {
      using folder = new LogFolder();
      const log = filledLog(folder);
      const end = log.ends.end('samples');
      log.writer.close();
      const disk: Disk = { ...realDisk };
      let left = Infinity;
      const failing = (): void => {
        if (left-- <= 0) throw systemError('EIO');
      };
      disk.unlink = (file) => [failing(), realDisk.unlink(file)];
      disk.rename = (from, to) => [failing(), realDisk.rename(from, to)];
      disk.syncFolder = (name) => [failing(), realDisk.syncFolder(name)];
      const { writer } = folder.open({ disk });
      const segment = ready(folder);
      left = failAt;
      expect(writer.replaceSegment(segment)).toBeUndefined();
      expect(writer.failed?.code).toBe('log-write-failed');
      const again = folder.open();
      expect(again.reports['samples']?.damage).toEqual([]);
      expect(pairs(folder.read(again.ends))).toEqual(expectedPairs(0, end));
      for (let i = 0; i < 20; i++) again.writer.repairIndex();
      expect(leftovers(folder)).toEqual([]);
      again.writer.close();
    }
  });
});

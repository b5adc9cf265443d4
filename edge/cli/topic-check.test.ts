import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Disk, realDisk } from '../core/disk.ts';
import { LogFolder, numbered } from '../core/kit/log-kit.ts';
import { eraseAll, erasureOf, secretRequest } from '../core/repack/erase-kit.ts';
import { repackLog, type Settled } from '../core/repack/log.ts';
import { TopicCheck, type TopicReport } from './topic-check.ts';

/** One whose records may be anything. */
const TOPIC = 'quarantine';

/** A log with several complete segments, and one of them repacked beside it, ready to be swapped in. */
function withSegmentReady(folder: LogFolder) {
  const log = folder.open({ segmentBytes: 100_000, topics: [TOPIC] });
  const requests = Array.from({ length: 4000 }, (_, i) => {
    return { topic: TOPIC, batch: numbered(i * 2, 2, { size: 30, timestampMs: 1000 + i }), records: 2 };
  });
  for (let i = 0; i < requests.length; i += 500) log.writer.append(requests.slice(i, i + 500));
  const ready = repackLog(realDisk, folder.log, {})
    .filter((step): step is Settled => step?.outcome === 'ready')
    .take(1);
  return { ...log, ready: ready.next().value };
}

function check(folder: LogFolder, disk: Disk, live: boolean): TopicReport {
  const topicCheck = new TopicCheck(disk, { logFolder: folder.log, topic: TOPIC, end: 8000, live });
  expect([...topicCheck.run()].length).toBeGreaterThan(10);
  return topicCheck.report;
}

test.each(['index', 'timeindex'] as const)(
  'a segment that is repacked while a gateway runs, just before its %s is read, is no problem',
  (kind) => {
    using folder = new LogFolder();
    const { writer, ready } = withSegmentReady(folder);
    expect(ready).toMatchObject({ baseOffset: 0 });
    const saved: (number | undefined)[] = [];
    const disk: Disk = { ...realDisk };
    disk.open = (file, flags) => {
      if (file === folder.file(0, kind, TOPIC) && saved.length === 0 && ready !== undefined) {
        saved.push(writer.replaceSegment(ready));
      }
      return realDisk.open(file, flags);
    };
    const report = check(folder, disk, true);
    expect([saved, report.problems]).toEqual([[expect.any(Number)], []]);
    expect([report.records, report.lost, report.segments]).toEqual([8000, 0, folder.segments(TOPIC).length]);
    writer.close();
  },
);

test('what stays wrong is told once, also while a gateway runs', () => {
  using folder = new LogFolder();
  const { writer } = withSegmentReady(folder);
  rmSync(folder.file(0, 'timeindex', TOPIC));
  for (const live of [false, true]) {
    const report = check(folder, realDisk, live);
    expect(report.problems.map(({ what }) => what)).toEqual(['is missing: it is built again when the gateway starts']);
    expect([report.records, report.lost]).toEqual([8000, 0]);
  }
  writer.close();
});

test('a log in which samples were erased is sound', () => {
  using folder = new LogFolder();
  const { writer, ends } = folder.open({ segmentBytes: 20_000 });
  for (let next = 0; next < 3000; next += 60) writer.append([secretRequest(next, 60, next % 3 === 0)]);
  const { records } = eraseAll(realDisk, folder.log, writer, [erasureOf(100, 2900)]);
  expect(records).toBeGreaterThan(500);
  for (const live of [true, false]) {
    const topicCheck = new TopicCheck(realDisk, {
      logFolder: folder.log,
      topic: 'samples',
      end: ends.end('samples'),
      live,
    });
    expect([...topicCheck.run()].length).toBe(50);
    expect(topicCheck.report).toMatchObject({ records: 3000, lost: 0, problems: [] });
  }
  writer.close();
});

import { expect, test } from 'vitest';
import { HandClock } from './retention/clock-kit.ts';
import { CrashDisk } from './kit/crash-disk.ts';
import { DurableEnds } from './durable-ends.ts';
import { expectedPairs, pairs, readAll, request, TestLogWriter } from './kit/log-kit.ts';
import { patientDisk } from './patient-disk.ts';
import { LogReader } from './reader.ts';
import { systemError } from './kit/traced-disk.ts';

const logFolder = '/data/log';
const HOUR_MS = 3_600_000;

function logOn(disk: ConstructorParameters<typeof TestLogWriter>[0]['disk'], stamp: string, clock: HandClock) {
  const ends = DurableEnds.create(['samples', 'events']);
  const options = { logFolder, lostAndFound: '/data/lost', newLogId: 'x', segmentBytes: 400, budgetBytes: 1500 };
  return { ends, writer: new TestLogWriter({ ...options, disk, ends, clock, stamp }) };
}

/**
 * Opens a log of small segments, appends, rolls, puts an event on record, deletes, closes, on a disk that is full at its call number `fullAt` until something was deleted. A consumer is
 * twenty records behind. Returns how many calls there were.
 */
function fullOnce(disk: CrashDisk, fullAt: number): number {
  let calls = 0;
  let writer: TestLogWriter | undefined;
  disk.before = (what) => {
    if ((what === 'create' || what === 'write' || what === 'rename') && calls++ === fullAt) throw systemError('ENOSPC');
  };
  const patient = patientDisk({
    disk,
    onFull: (full) => (full ? writer?.makeRoom() : undefined),
    stop: new Int32Array(new SharedArrayBuffer(4)),
    retryMs: 0,
  });
  const clock = new HandClock(1_600_000_000_000);
  const log = logOn(patient, '1', clock);
  ({ writer } = log);
  writer.open();
  for (let next = 0; next < 80; next += 5) {
    const held = Math.max(0, next - 20);
    writer.hold({ local: { samples: held, events: held } });
    expect(writer.append([request('samples', next, 5), request('events', next, 4)])[0]).toBe(next);
    if (next % 20 !== 15) continue;
    // Something to be put on record: the clock goes wrong, or comes back.
    clock.jump(next % 40 === 15 ? 2 * HOUR_MS : -2 * HOUR_MS);
    writer.retain();
    expect(log.ends.start('samples')).toBeLessThanOrEqual(held);
    expect(log.ends.start('events')).toBeLessThanOrEqual(held);
  }
  writer.close();
  expect(writer.failed).toBeUndefined();
  return calls;
}

test('a disk may be full at any call, also while the writer makes room: nothing fails, nothing goes that is held, the next start misses nothing', () => {
  const calls = fullOnce(new CrashDisk(), Infinity);
  expect(calls).toBeGreaterThan(100);
  for (let fullAt = 0; fullAt < calls; fullAt++) {
    const disk = new CrashDisk();
    fullOnce(disk, fullAt);
    disk.before = undefined;
    const { ends, writer } = logOn(disk, '2', new HandClock(1_600_000_000_000));
    const reports = Object.values(writer.open());
    const damage = reports.flatMap((report) => report.damage);
    expect({ fullAt, damage }).toEqual({ fullAt, damage: [] });
    const start = ends.start('samples');
    const reading = readAll(new LogReader({ logFolder, topic: 'samples', ends, disk }), start);
    expect(pairs(reading)).toEqual(expectedPairs(start, 80));
    expect(start).toBeGreaterThan(0);
  }
});

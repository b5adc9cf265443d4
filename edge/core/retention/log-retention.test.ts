import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HandClock } from './clock-kit.ts';
import { CrashDisk, PowerFailure, seeded } from '../kit/crash-disk.ts';
import type { Disk } from '../disk.ts';
import { DurableEnds } from '../durable-ends.ts';
import { readAll, request, TestLogWriter } from '../kit/log-kit.ts';
import { patientDisk } from '../patient-disk.ts';
import { LogReader } from '../reader.ts';
import { DAY_MS, eventsOf, HOUR_MS, RetentionKit, START } from './retention-kit.ts';
import { systemError, TracedDisk } from '../kit/traced-disk.ts';

let kit: RetentionKit;

beforeEach(() => {
  kit = new RetentionKit();
});

afterEach(() => kit[Symbol.dispose]());

describe('time', () => {
  test('each segment goes a fortnight after its last record came, and readers see the gap', () => {
    const log = kit.open();
    kit.days(log, 20);
    expect(log.ends.start('samples')).toBe(25);
    expect(kit.folder.segments()[0]).toBe(25);
    expect(kit.folder.read(log.ends).gaps).toEqual([{ first: 0, last: 24, reason: 'retention' }]);
    expect(kit.events(log.ends)).toEqual([]);
    log.writer.close();
  });

  test('also after a start: the time index of a complete segment tells its age', () => {
    const first = kit.open();
    kit.days(first, 14);
    first.writer.close();
    kit.clock.pass(2 * DAY_MS);
    const log = kit.open();
    log.writer.retain();
    expect(log.ends.start('samples')).toBe(10);
    log.writer.close();
  });

  test('the segment that is written to is completed when it is too old, and goes', () => {
    const log = kit.open();
    log.append(0, 3, { timestampMs: kit.clock.nowMs() });
    kit.clock.pass(14 * DAY_MS);
    log.writer.retain();
    expect([log.ends.start('samples'), log.ends.end('samples')]).toEqual([0, 3]);
    kit.clock.pass(1);
    log.writer.hold({ local: { samples: 2 } });
    log.writer.retain();
    expect(kit.folder.segments()).toEqual([0]);
    log.writer.hold({});
    log.writer.retain();
    expect([log.ends.start('samples'), log.ends.end('samples'), kit.folder.segments()]).toEqual([3, 3, [3]]);
    expect(log.append(3, 2)).toBe(3);
    log.writer.close();
    const again = kit.open();
    expect([again.ends.start('samples'), again.ends.end('samples')]).toEqual([3, 5]);
    again.writer.close();
  });

  test('a bit that falls over in a time index makes no segment old', () => {
    const first = kit.open();
    kit.days(first, 5);
    first.writer.close();
    const log = kit.open();
    // A start would have found them wrong.
    const files = [0, 5].map((base) => kit.folder.file(base, 'timeindex'));
    for (const file of files) {
      const bytes = readFileSync(file);
      expect(bytes.length).toBe(12);
      bytes.writeBigInt64BE(BigInt(START - 20 * DAY_MS), 0);
      writeFileSync(file, bytes);
    }
    kit.clock.pass(9 * DAY_MS + HOUR_MS);
    for (let i = 0; i < 5; i++) {
      log.writer.retain();
      log.writer.repairIndex();
    }
    expect(log.ends.start('samples')).toBe(5);
    kit.clock.pass(DAY_MS);
    for (let i = 0; i < 5; i++) {
      log.writer.retain();
      log.writer.repairIndex();
    }
    expect(log.ends.start('samples')).toBe(10);
    log.writer.close();
  });

  test('nor one that fell over while the log was closed, in an entry that no start looks at', () => {
    const first = kit.open({ segmentBytes: 20_000 });
    first.append(0, 5, { size: 1000, timestampMs: START + 20 * DAY_MS });
    for (let next = 5; next < 25; next += 5) first.append(next, 5, { size: 1000, timestampMs: START });
    first.writer.close();
    const file = kit.folder.file(0, 'timeindex');
    const bytes = readFileSync(file);
    expect(bytes.readBigInt64BE(bytes.length - 12)).toBe(BigInt(START + 20 * DAY_MS));
    bytes.writeBigInt64BE(BigInt(START + 1), bytes.length - 12);
    writeFileSync(file, bytes);

    kit.clock.pass(15 * DAY_MS);
    const log = kit.open({ segmentBytes: 20_000 });
    log.writer.confirmClock();
    for (const [days, start] of [
      [0, 0],
      [18, 0],
      [2, 25],
    ] as const) {
      kit.clock.pass(days * DAY_MS);
      for (let i = 0; i < 5; i++) {
        log.writer.retain();
        log.writer.repairIndex();
      }
      expect(log.ends.start('samples')).toBe(start);
    }
    log.writer.close();
  });

  test('a segment without a time index does not expire before it has one again', () => {
    const first = kit.open();
    kit.days(first, 3);
    first.writer.close();
    writeFileSync(kit.folder.file(0, 'timeindex'), '');
    kit.clock.pass(5 * DAY_MS);
    const log = kit.open();
    kit.clock.pass(10 * DAY_MS);
    log.writer.retain();
    expect(log.ends.start('samples')).toBe(0);
    while (log.ends.start('samples') === 0) {
      log.writer.repairIndex();
      log.writer.retain();
      kit.clock.pass(1000);
    }
    expect(log.ends.start('samples')).toBe(15);
    log.writer.close();
  });
});

describe('what a link has not had', () => {
  test('is held up to half of the budget; what goes beyond it is on record before it goes', () => {
    const disk = new TracedDisk();
    const log = kit.open({ segmentBytes: 6000, budgetBytes: 30_000, disk });
    for (let first = 0; first < 50; first += 5) log.append(first, 5, { timestampMs: START + first, size: 1000 });
    log.writer.hold({ links: { cloud: { samples: 12 }, fast: { samples: 50 } } });
    disk.calls.length = 0;
    expect(log.writer.retain()).toBe(true);
    const start = log.ends.start('samples');
    expect(start).toBeGreaterThan(15);
    const [gap, ...others] = kit.events(log.ends);
    expect(others).toEqual([]);
    expect(gap).toEqual({
      key: 'topic/samples',
      v: 1,
      at: START * 1000,
      type: 'gap',
      topic: 'samples',
      first: 12,
      last: start - 1,
      fromMs: START + 10,
      toMs: START + start - 5,
      reason: 'retention',
      links: [{ name: 'cloud', from: 12 }],
    });
    const at = (op: string, place: string): number =>
      disk.calls.findIndex((call) => call.op === op && call.path.includes(place));
    expect(at('sync', 'events-0')).toBeGreaterThan(-1);
    expect(at('sync', 'log-start-offset')).toBeGreaterThan(at('sync', 'events-0'));
    expect(at('rename', 'samples-0')).toBeGreaterThan(at('sync', 'log-start-offset'));
    log.writer.close();
  });

  test('goes without a word where the link has had it', () => {
    const log = kit.open({ budgetBytes: 1000, retentionMs: {} });
    for (let first = 0; first < 50; first += 5) log.append(first, 5);
    log.writer.hold({ links: { cloud: { samples: 50 } } });
    expect(log.writer.retain()).toBe(true);
    expect(kit.events(log.ends)).toEqual([]);
    log.writer.close();
  });

  test('a link down for months on a small budget: intake goes on, the log keeps to its budget, the records tell all that was lost', () => {
    const budgetBytes = 60_000;
    const log = kit.open({ segmentBytes: 6000, budgetBytes });
    for (let first = 0; first < 1000; first += 5) {
      log.append(first, 5, { timestampMs: kit.clock.nowMs(), size: 1000 });
      log.writer.hold({ links: { cloud: { samples: 12 } }, local: { samples: first } });
      log.writer.retain();
      // A record of the gap comes behind.
      expect(log.writer.figures().bytes).toBeLessThanOrEqual(budgetBytes + 500);
      kit.clock.pass(HOUR_MS);
    }
    let lost = 12;
    const gaps = kit.events(log.ends).filter(({ type }) => type === 'gap');
    // The oldest of these records have gone too: `events` is not without end either.
    lost = Number(gaps[0]?.['first']);
    for (const { first, last } of gaps) {
      expect(first).toBe(lost);
      lost = Number(last) + 1;
    }
    expect(lost).toBe(log.ends.start('samples'));
    log.writer.close();
  });
});

describe('the disk', () => {
  test('with less free than the reserve: data that nobody holds goes as if the budget were smaller', () => {
    let freeBytes = 10_000;
    const log = kit.open({ space: () => ({ freeBytes, totalBytes: 1e6 }), reserveBytes: 8000, retentionMs: {} });
    for (let first = 0; first < 50; first += 5) log.append(first, 5);
    expect([log.writer.retain(), log.ends.start('samples')]).toEqual([true, 0]);
    freeBytes = 7500;
    expect(log.writer.retain()).toBe(true);
    const start = log.ends.start('samples');
    expect(start).toBeGreaterThan(0);
    while (log.writer.dispose());
    log.writer.hold({ local: { samples: start } });
    expect([log.writer.retain(), log.ends.start('samples'), log.writer.isStarved]).toEqual([false, start, false]);
    freeBytes = 999;
    expect([log.writer.retain(), log.writer.isStarved]).toEqual([false, true]);
    log.writer.close();
  });

  test('gets deleted bytes back piece by piece: until it has, nothing more goes for them', () => {
    let freeBytes = 7500;
    const space = () => ({ freeBytes, totalBytes: 1e6 });
    const log = kit.open({ space, reserveBytes: 8000, retentionMs: {}, disposalBytes: 100 });
    for (let first = 0; first < 50; first += 5) log.append(first, 5);
    const before = log.writer.bytes;
    log.writer.retain();
    const deleted = before - log.writer.bytes;
    const start = log.ends.start('samples');
    expect(start).toBeGreaterThan(0);
    log.writer.retain();
    expect(log.ends.start('samples')).toBe(start);
    while (log.writer.dispose());
    freeBytes += deleted;
    expect([log.writer.retain(), log.ends.start('samples')]).toEqual([true, start]);
    log.writer.close();
  });

  test.each([
    [100, 1.9, true],
    [100, 2.1, false],
    [100_000, 511, true],
    [100_000, 513, false],
  ])('of %d MiB with %d free: the reserve is 2 % or 512 MiB', (totalMiB, freeMiB, short) => {
    const space = () => ({ freeBytes: freeMiB * 1024 ** 2, totalBytes: totalMiB * 1024 ** 2 });
    const log = kit.open({ space, retentionMs: {} });
    log.append(0, 5);
    expect(log.writer.retain()).toBe(!short);
    log.writer.close();
  });

  test('that is full in the middle of a commit: what may go makes room, and the commit goes through', () => {
    let capacity = Infinity;
    const used = (): number =>
      readdirSync(kit.folder.log, { recursive: true, encoding: 'utf8' }).reduce((sum, name) => {
        const stat = statSync(path.join(kit.folder.log, name));
        return sum + (stat.isFile() ? stat.blocks * 512 : 0);
      }, 0);
    const traced = new TracedDisk();
    let refusals = 0;
    traced.before = ({ op }) => {
      if (op !== 'write' || used() + 4096 <= capacity) return;
      refusals++;
      throw systemError('ENOSPC');
    };
    const full: boolean[] = [];
    let writer: TestLogWriter | undefined;
    const disk = patientDisk({
      disk: traced,
      onFull: (isFull) => full.push(isFull),
      makeRoom: () => writer?.makeRoom() ?? false,
      stop: new Int32Array(new SharedArrayBuffer(4)),
      retryMs: 1,
    });
    const space = () => ({ freeBytes: capacity === Infinity ? 1e9 : 0, totalBytes: 1e9 });
    const log = kit.open({ disk, space, reserveBytes: 1000 });
    ({ writer } = log);
    for (let first = 0; first < 50; first += 5) log.append(first, 5);
    writer.hold({ links: { cloud: { samples: 3 } } });
    capacity = used();
    for (let first = 50; first < 70; first += 5) expect(log.append(first, 5)).toBe(first);
    expect(refusals).toBeGreaterThan(0);
    expect(full.at(-1)).toBe(false);
    const start = log.ends.start('samples');
    expect(start).toBeGreaterThan(0);
    expect(kit.folder.read(log.ends, start).entries).toHaveLength(70 - start);
    capacity = Infinity;
    writer.retain();
    expect(kit.events(log.ends)[0]).toMatchObject({ type: 'gap', topic: 'samples', first: 3, reason: 'retention' });
    writer.close();
  });
});

/** A log on a disk that loses power. */
function openOn(disk: Disk): { writer: TestLogWriter; ends: DurableEnds } {
  const ends = DurableEnds.create(['samples', 'events']);
  const options = {
    logFolder: '/data/log',
    lostAndFound: '/data/lost',
    newLogId: 'x',
    stamp: '1',
    segmentBytes: 300,
  };
  const writer = new TestLogWriter({ disk, ends, ...options, budgetBytes: 1000, clock: new HandClock(START) });
  writer.open();
  return { writer, ends };
}

test('whenever the power fails while data goes that a link lacks: what is gone is on record, and all else is there', () => {
  const random = seeded(7);
  let cut = 0;
  for (let calls = 0; ; calls++) {
    const disk = new CrashDisk();
    const { writer } = openOn(disk);
    for (let first = 0; first < 50; first += 5) writer.append([request('samples', first, 5)]);
    writer.hold({ links: { cloud: { samples: 7 } } });
    disk.callsLeft = calls;
    writer.retain();
    if (disk.callsLeft >= 0) break;
    expect(writer.failed?.detail).toBe(new PowerFailure('no power').message);
    disk.crash(random);
    const { writer: again, ends } = openOn(disk);
    const start = ends.start('samples');
    if (start > 0) cut++;
    const reader = new LogReader({ logFolder: '/data/log', topic: 'samples', ends, disk });
    const { entries, gaps } = readAll(reader, start);
    expect([gaps, entries.map(({ number }) => number)]).toEqual([
      [],
      Array.from({ length: 50 - start }, (_, i) => start + i),
    ]);
    const told = eventsOf({ ends, disk, logFolder: '/data/log' });
    expect(start <= 5 || told[0]?.['first'] === 7).toBe(true);
    expect(Number(told[0]?.['last'] ?? Infinity)).toBeGreaterThanOrEqual(start - 1);
    again.close();
  }
  expect(cut).toBeGreaterThan(0);
});

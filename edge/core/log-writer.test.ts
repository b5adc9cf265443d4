import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Fault } from './fault.ts';
import { expectedPairs, LogFolder, pairs, request } from './kit/log-kit.ts';
import { TracedDisk } from './kit/traced-disk.ts';

describe('appending', () => {
  test('what was appended is read back in order, across rolls', () => {
    using folder = new LogFolder();
    const { writer, ends, append } = folder.open({ segmentBytes: 2000 });
    for (let first = 0; first < 300; first += 3) expect(append(first, 3, { size: 20 })).toBe(first);
    expect(folder.read(ends).gaps).toEqual([]);
    expect(pairs(folder.read(ends))).toEqual(expectedPairs(0, 300));
    const bases = folder.segments();
    expect(bases.length).toBeGreaterThan(5);
    for (const base of bases) expect(folder.bytes(base).length).toBeLessThanOrEqual(2000);
    writer.close();
  });

  test('a batch larger than a segment has one of its own', () => {
    using folder = new LogFolder();
    folder.with({ segmentBytes: 2000 }, ({ append, ends }) => {
      append(0, 1);
      append(1, 10, { size: 500 });
      append(11, 1);
      expect(folder.segments()).toEqual([0, 1, 11]);
      expect(pairs(folder.read(ends))).toEqual(expectedPairs(0, 12));
    });
  });

  test('one commit takes batches of several topics and answers each in its place', () => {
    using folder = new LogFolder();
    const { writer, ends } = folder.open({ topics: ['samples', 'events'] });
    const requests = [
      request('samples', 0, 2),
      request('events', 0, 3),
      request('nowhere', 0, 1),
      request('samples', 2, 1),
      request('events', 3, 1),
    ];
    const unknown = { code: 'log-topic-unknown', detail: 'nowhere' };
    expect(writer.append(requests)).toEqual([0, 0, unknown, 2, 3]);
    expect([ends.end('samples'), ends.end('events')]).toEqual([3, 4]);
    expect(pairs(folder.read(ends))).toEqual(expectedPairs(0, 3));
    expect(pairs(folder.read(ends, 0, 'events'))).toEqual(expectedPairs(0, 4));
    writer.close();
  });

  test('the ends move only when everything of the commit is synced', () => {
    using folder = new LogFolder();
    const disk = new TracedDisk();
    const { writer, ends } = folder.open({ topics: ['samples', 'events'], disk });
    const seen: [string, number, number][] = [];
    disk.before = (call) =>
      seen.push([`${call.op} ${path.basename(path.dirname(call.path))}`, ends.end('samples'), ends.end('events')]);
    writer.append([request('samples', 0, 2), request('events', 0, 1)]);
    expect(seen).toEqual([
      ['write samples-0', 0, 0],
      ['write events-0', 0, 0],
      ['sync samples-0', 0, 0],
      ['sync events-0', 0, 0],
    ]);
    expect([ends.end('samples'), ends.end('events')]).toEqual([2, 1]);
    writer.close();
  });

  test('a new segment has its name on the disk before a record of it is acknowledged', () => {
    using folder = new LogFolder();
    const disk = new TracedDisk();
    const { writer, append } = folder.open({ segmentBytes: 300, disk });
    append(0, 5);
    disk.calls.length = 0;
    append(5, 5);
    const file = path.basename(folder.file(5));
    const at = (op: string, name: string): number =>
      disk.calls.findIndex((call) => call.op === op && call.file === name);
    const made = at('open', file);
    const named = disk.calls.findIndex((call, i) => i > made && call.op === 'syncFolder' && call.file === 'samples-0');
    expect(made).toBeGreaterThan(-1);
    expect(named).toBeGreaterThan(made);
    expect(at('write', file)).toBeGreaterThan(named);
    expect(at('sync', file)).toBeGreaterThan(at('write', file));
    writer.close();
  });
});

describe('the files beside the segments', () => {
  test('have exactly the text of FORMAT.md', () => {
    using folder = new LogFolder();
    const topics = ['samples', 'events'];
    const { writer, append } = folder.open({ topics, segmentBytes: 300 });
    expect(folder.text('recovery-point-offset-checkpoint')).toBe('0\n2\nsamples 0 0\nevents 0 0\n');
    expect(folder.text('log-start-offset-checkpoint')).toBe('0\n2\nsamples 0 0\nevents 0 0\n');
    expect(folder.text('samples-0/leader-epoch-checkpoint')).toBe('0\n1\n0 0\n');
    expect(folder.text('millrace.json')).toBe('{"v":1,"logId":"00000000-0000-4000-8000-000000000000","epoch":0}\n');
    append(0, 5);
    append(5, 5);
    expect(folder.text('recovery-point-offset-checkpoint')).toBe('0\n2\nsamples 0 5\nevents 0 0\n');
    writer.close();
    expect(folder.text('recovery-point-offset-checkpoint')).toBe('0\n2\nsamples 0 10\nevents 0 0\n');
    const names = [0, 5].flatMap((base) =>
      ['index', 'log', 'timeindex'].map((kind) => `${String(base).padStart(20, '0')}.${kind}`),
    );
    expect(readdirSync(path.join(folder.log, 'samples-0'))).toEqual([...names, 'leader-epoch-checkpoint']);
    expect(readdirSync(folder.data)).toEqual(['log']);
  });

  test('the leader epoch is written once, and put right at a start that finds it wrong', () => {
    using folder = new LogFolder();
    const file = 'samples-0/leader-epoch-checkpoint';
    const disk = new TracedDisk();
    const { writer, append } = folder.open({ segmentBytes: 300, disk });
    for (let i = 0; i < 20; i += 5) append(i, 5);
    writer.close();
    expect(disk.calls.filter((call) => call.op === 'rename' && call.file === path.basename(file))).toHaveLength(1);
    folder.write(file, '0\n1\n7 0\n');
    folder.open().writer.close();
    expect(folder.text(file)).toBe('0\n1\n0 0\n');
  });

  test('a recovery point is written every 32 MiB', () => {
    using folder = new LogFolder();
    const { append, writer } = folder.open();
    const size = { size: 400_000 };
    for (let i = 0; i < 42; i++) append(2 * i, 2, size);
    expect(folder.text('recovery-point-offset-checkpoint')).toBe('0\n1\nsamples 0 84\n');
    append(84, 2, size);
    expect(folder.text('recovery-point-offset-checkpoint')).toBe('0\n1\nsamples 0 84\n');
    writer.close();
  });

  test('a topic that is not open keeps its recovery point and its start', () => {
    using folder = new LogFolder();
    folder.with({ topics: ['samples', 'audit'] }, ({ writer }) => {
      writer.append([request('audit', 0, 7)]);
    });
    folder.with({ topics: ['samples'] }, ({ append }) => append(0, 1));
    expect(folder.text('recovery-point-offset-checkpoint')).toBe('0\n2\nsamples 0 1\naudit 0 7\n');
    expect(folder.text('log-start-offset-checkpoint')).toBe('0\n2\nsamples 0 0\naudit 0 0\n');
  });

  test.each([
    ['recovery-point-offset-checkpoint', ''],
    ['recovery-point-offset-checkpoint', '1\n0\n'],
    ['recovery-point-offset-checkpoint', '0\n2\nsamples 0 5\n'],
    ['recovery-point-offset-checkpoint', '0\n1\nsamples 0 five\n'],
    ['recovery-point-offset-checkpoint', '0\n1\nsamples 1 5\n'],
    ['recovery-point-offset-checkpoint', '0\n1\nsamples 0 99999999999999999999\n'],
    ['log-start-offset-checkpoint', '0\n1\nsamples 0 five\n'],
    ['millrace.json', ''],
    ['millrace.json', '{"v":2,"logId":"x","epoch":0}'],
    ['millrace.json', '{"v":1,"logId":"x"}'],
    ['millrace.json', '{"v":1,"logId":"x","epoch":0.5}'],
  ])('%s with %j is refused, and nothing is appended', (name, text) => {
    using folder = new LogFolder();
    folder.with({}, ({ append }) => append(0, 1));
    writeFileSync(path.join(folder.log, name), text);
    expect(() => folder.open()).toThrow(Fault);
    expect(() => folder.open()).toThrow('cannot be read');
  });
});

test('a checkpoint file that was refused may be removed, as its fault says', () => {
  using folder = new LogFolder();
  folder.with({}, ({ append }) => append(0, 10));
  for (const name of ['recovery-point-offset-checkpoint', 'log-start-offset-checkpoint']) {
    folder.write(name, 'garbage');
    expect(() => folder.open()).toThrow('Without it the log can be opened');
    rmSync(path.join(folder.log, name));
    folder.with({}, ({ ends }) => expect(pairs(folder.read(ends))).toEqual(expectedPairs(0, 10)));
  }
});

test('a clean stop and a new start go on at the same offset, and write nothing of what is there again', () => {
  using folder = new LogFolder();
  folder.with({ segmentBytes: 1000 }, ({ append }) => {
    for (let first = 0; first < 60; first += 2) append(first, 2);
  });
  const before = new Map(folder.segments().map((base) => [base, folder.bytes(base)]));
  const disk = new TracedDisk();
  const { reports, ends, append, writer } = folder.open({ segmentBytes: 1000, disk });
  expect(reports).toEqual({ samples: { damage: [], repaired: 0, cut: undefined, rewrittenBytes: 0 } });
  expect(disk.calls.filter((call) => call.op === 'write' && call.file.endsWith('.log'))).toEqual([]);
  for (const [base, bytes] of before) expect(folder.bytes(base).equals(bytes)).toBe(true);
  expect([ends.start('samples'), ends.end('samples')]).toEqual([0, 60]);
  expect(append(60, 2)).toBe(60);
  expect(pairs(folder.read(ends))).toEqual(expectedPairs(0, 62));
  writer.close();
});

test('a log keeps its id', () => {
  using folder = new LogFolder();
  folder.with({}, ({ writer }) => expect(writer.identity.epoch).toBe(0));
  writeFileSync(path.join(folder.log, 'millrace.json'), '{"v":1,"logId":"kept","epoch":3}');
  folder.with({}, ({ writer, append, ends }) => {
    expect(writer.identity).toEqual({ v: 1, logId: 'kept', epoch: 3 });
    append(0, 1);
    expect(folder.bytes(0).readInt32BE(12)).toBe(3);
    expect(pairs(folder.read(ends))).toEqual([[0, 0]]);
  });
});

/** Ten segments of 5 records each. */
function filled(folder: LogFolder, budgetBytes: number, disk = new TracedDisk()) {
  const log = folder.open({ segmentBytes: 300, budgetBytes, disk });
  for (let first = 0; first < 50; first += 5) log.append(first, 5);
  expect(folder.segments()).toHaveLength(10);
  return { ...log, disk, segmentSize: statSync(folder.file(0)).size };
}

describe('retention', () => {
  test('the oldest segments go until the log is within its budget, and their files with them', () => {
    using folder = new LogFolder();
    const { writer, ends, segmentSize } = filled(folder, 1000);
    writer.hold({});
    expect(writer.retain()).toBe(true);
    const left = Math.floor(1000 / segmentSize);
    expect(folder.segments()).toEqual(Array.from({ length: left }, (_, i) => 50 - 5 * (left - i)));
    expect(existsSync(folder.file(0, 'index')) || existsSync(folder.file(0, 'timeindex'))).toBe(false);
    const start = 50 - 5 * left;
    expect(ends.start('samples')).toBe(start);
    expect(folder.text('log-start-offset-checkpoint')).toBe(`0\n1\nsamples 0 ${start}\n`);
    expect(folder.read(ends).gaps).toEqual([{ first: 0, last: start - 1, reason: 'retention' }]);
    expect(pairs(folder.read(ends))).toEqual(expectedPairs(start, 50));
    writer.close();
    const again = folder.open();
    expect([again.ends.start('samples'), again.ends.end('samples')]).toEqual([start, 50]);
    again.writer.close();
  });

  test('nothing is deleted before consumers have said what they need', () => {
    using folder = new LogFolder();
    const { writer } = filled(folder, 1);
    expect([writer.retain(), writer.failed]).toEqual([false, undefined]);
    expect(folder.segments()).toHaveLength(10);
    writer.close();
  });

  test('nothing that a consumer still needs is deleted, and the log says that it is above its budget', () => {
    using folder = new LogFolder();
    const { writer, ends } = filled(folder, 1);
    writer.hold({ local: { samples: 12 } });
    expect(writer.retain()).toBe(false);
    expect([folder.segments()[0], ends.start('samples')]).toEqual([10, 10]);
    for (const [hold, first] of [
      [14, 10],
      [15, 15],
      [19, 15],
      [20, 20],
    ]) {
      writer.hold({ local: { samples: hold ?? 0 } });
      expect(writer.retain()).toBe(false);
      expect([hold, folder.segments()[0]]).toEqual([hold, first]);
    }
    writer.hold({ local: { samples: 50 } });
    expect(writer.retain()).toBe(false);
    expect(folder.segments()).toEqual([45]);
    writer.close();
  });

  test('the new start is on record before the files go, the indexes go before the segment', () => {
    using folder = new LogFolder();
    const { writer, disk, segmentSize } = filled(folder, 10_000);
    writer.close();
    const log = folder.open({ segmentBytes: 300, budgetBytes: 10 * segmentSize - 1, disk });
    disk.calls.length = 0;
    log.writer.hold({});
    log.writer.retain();
    expect(disk.calls.filter(({ op }) => op !== 'list').map(({ op, file }) => `${op} ${file}`)).toEqual([
      'open log-start-offset-checkpoint.tmp',
      'write log-start-offset-checkpoint.tmp',
      'sync log-start-offset-checkpoint.tmp',
      'rename log-start-offset-checkpoint',
      'syncFolder log',
      'unlink 00000000000000000000.index',
      'unlink 00000000000000000000.timeindex',
      'rename 00000000000000000000.log.deleted',
      'syncFolder samples-0',
    ]);
    log.writer.close();
    expect(readdirSync(path.join(folder.log, 'samples-0')).filter((name) => name.endsWith('.deleted'))).toEqual([]);
  });

  test('the largest topic gives first', () => {
    using folder = new LogFolder();
    const { writer, ends } = folder.open({ topics: ['samples', 'derived'], segmentBytes: 300, budgetBytes: 1500 });
    for (let i = 0; i < 20; i++) writer.append([request('derived', 5 * i, 5)]);
    for (let i = 0; i < 3; i++) writer.append([request('samples', 5 * i, 5)]);
    writer.hold({});
    expect(writer.retain()).toBe(true);
    expect(ends.start('samples')).toBe(0);
    expect(ends.start('derived')).toBeGreaterThan(0);
    writer.close();
  });
});

import { rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Fault } from './fault.ts';
import { expectedPairs, LogFolder, type OpenLog, pairs, request } from './kit/log-kit.ts';
import { type DiskCall, systemError, TracedDisk } from './kit/traced-disk.ts';

const isLog = (call: DiskCall): boolean => call.file.endsWith('.log');
const isEpochs = (call: DiskCall): boolean => call.file.startsWith('leader-epoch-checkpoint');

/** A disk that fails the first call that `when` picks, once it is armed; later calls succeed, as those of a disk with one bad moment. */
function failing(when: (call: DiskCall) => boolean, code = 'EIO') {
  const disk = new TracedDisk();
  const state = { armed: false, failures: 0 };
  disk.before = (call) => {
    if (!state.armed || !when(call)) return;
    state.armed = false;
    state.failures++;
    throw systemError(code);
  };
  return { disk, state };
}

/** Appends until the writer fails; the number of records that it had acknowledged. */
function appendUntilFailure(log: OpenLog, from: number): { acknowledged: number; answer: unknown } {
  for (let next = from; next < from + 1000; next += 2) {
    const [answer] = log.writer.append([request('samples', next, 2)]);
    if (typeof answer !== 'number') return { acknowledged: next, answer };
  }
  throw new Error('the writer has not failed');
}

describe('one failed call is final', () => {
  // Segments of about 500 bytes: a roll comes every few commits.
  const cases: [string, (call: DiskCall) => boolean][] = [
    ['write of a batch', (call) => call.op === 'write' && isLog(call)],
    ['sync of a segment', (call) => call.op === 'sync' && isLog(call)],
    ['new segment', (call) => call.op === 'open' && isLog(call)],
    ['new index', (call) => call.op === 'open' && call.file.endsWith('.index')],
    ['write of a time index', (call) => call.op === 'write' && call.file.endsWith('.timeindex')],
    ['sync of an index', (call) => call.op === 'sync' && call.file.endsWith('.index')],
    ['sync of the topic folder', (call) => call.op === 'syncFolder' && call.file === 'samples-0'],
    ['write of the recovery points', (call) => call.op === 'write' && call.file.startsWith('recovery-point')],
    ['sync of the recovery points', (call) => call.op === 'sync' && call.file.startsWith('recovery-point')],
    ['rename of the recovery points', (call) => call.op === 'rename' && call.file.startsWith('recovery-point')],
    ['sync of the log folder', (call) => call.op === 'syncFolder' && call.file === 'log'],
  ];

  test.each(cases)('%s: nothing is acknowledged then or ever after, and a new start has all that was', (_, when) => {
    using folder = new LogFolder();
    const { disk, state } = failing(when);
    const log = folder.open({ disk, segmentBytes: 500 });
    for (let i = 0; i < 10; i += 2) log.append(i, 2);
    state.armed = true;
    const { acknowledged, answer } = appendUntilFailure(log, 10);
    expect(state.failures).toBe(1);
    expect(answer).toEqual({ code: 'log-write-failed', detail: 'EIO: as the test wants it' });
    expect(log.ends.end('samples')).toBe(acknowledged);

    const calls = disk.calls.length;
    expect(log.writer.append([request('samples', 0, 1), request('samples', 1, 1)])).toEqual([answer, answer]);
    log.writer.hold({});
    log.writer.retain();
    log.writer.close();
    expect(disk.calls.slice(calls)).toEqual([]);
    expect(log.ends.end('samples')).toBe(acknowledged);
    expect(pairs(folder.read(log.ends))).toEqual(expectedPairs(0, acknowledged));
    disk.closeAll();

    const again = folder.open({ segmentBytes: 500 });
    const end = again.ends.end('samples');
    expect([acknowledged, acknowledged + 2]).toContain(end);
    expect(pairs(folder.read(again.ends))).toEqual(expectedPairs(0, end));
    expect(again.append(end, 1)).toBe(end);
    again.writer.close();
  });

  test('no request of the commit is acknowledged, also not one of a topic that was synced', () => {
    using folder = new LogFolder();
    const { disk, state } = failing((call) => call.op === 'sync' && call.path.includes('events-0'));
    const log = folder.open({ disk, topics: ['samples', 'events'] });
    state.armed = true;
    const answers = log.writer.append([request('samples', 0, 1), request('events', 0, 1), request('samples', 1, 1)]);
    expect(answers.map((answer) => typeof answer)).toEqual(['object', 'object', 'object']);
    expect([log.ends.end('samples'), log.ends.end('events')]).toEqual([0, 0]);
    expect(log.writer.failed?.code).toBe('log-write-failed');
    disk.closeAll();
  });
});

test('a failed clean stop leaves a log that is recovered like one that was killed', () => {
  using folder = new LogFolder();
  const { disk, state } = failing((call) => call.op === 'sync' && call.file.endsWith('.index'));
  const log = folder.open({ disk });
  log.append(0, 10);
  state.armed = true;
  log.writer.close();
  expect(log.writer.failed?.code).toBe('log-write-failed');
  expect(folder.text('recovery-point-offset-checkpoint')).toBe('0\n1\nsamples 0 0\n');
  disk.closeAll();
  const again = folder.open();
  expect(again.reports['samples']?.rewrittenBytes).toBe(folder.bytes(0).length);
  expect(pairs(folder.read(again.ends))).toEqual(expectedPairs(0, 10));
  again.writer.close();
});

test('a failed deletion is final too, and loses nothing that is not given up', () => {
  using folder = new LogFolder();
  const { disk, state } = failing((call) => call.op === 'rename' && call.file.endsWith('.log.deleted'));
  const log = folder.open({ disk, segmentBytes: 300, budgetBytes: 1 });
  for (let i = 0; i < 30; i += 5) log.append(i, 5);
  log.writer.hold({});
  state.armed = true;
  log.writer.retain();
  expect(log.writer.failed?.code).toBe('log-write-failed');
  expect(typeof log.writer.append([request('samples', 30, 1)])[0]).toBe('object');
  expect(log.ends.start('samples')).toBe(25);
  disk.closeAll();
  const again = folder.open();
  expect(pairs(folder.read(again.ends))).toEqual(expectedPairs(0, 30));
  again.writer.close();
});

test.each(['truncate', 'unlink'] as const)('so is a failed %s of what is deleted', (op) => {
  using folder = new LogFolder();
  const { disk, state } = failing((call) => call.op === op && call.file.endsWith('.log.deleted'));
  const log = folder.open({ disk, segmentBytes: 300, budgetBytes: 1, disposalBytes: 100 });
  for (let i = 0; i < 30; i += 5) log.append(i, 5);
  log.writer.hold({});
  log.writer.retain();
  state.armed = true;
  while (log.writer.dispose());
  expect(log.writer.failed).toEqual({ code: 'log-write-failed', detail: 'EIO: as the test wants it' });
  expect(typeof log.writer.append([request('samples', 30, 1)])[0]).toBe('object');
  disk.closeAll();
  const again = folder.open();
  expect(pairs(folder.read(again.ends))).toEqual(expectedPairs(25, 30));
  again.writer.close();
});

/** Ten records that lie beyond the recovery point. */
function filled(folder: LogFolder): void {
  folder.open().append(0, 10);
}

describe('a log that cannot be opened', () => {
  test.each([
    ['write of what is beyond the recovery point', (call: DiskCall) => call.op === 'write' && isLog(call)],
    ['sync of it', (call: DiskCall) => call.op === 'sync' && isLog(call)],
    ['sync of the topic folder', (call: DiskCall) => call.op === 'syncFolder' && call.file === 'samples-0'],
    ['write of the leader epochs', (call: DiskCall) => call.op === 'write' && isEpochs(call)],
    ['sync of the leader epochs', (call: DiskCall) => call.op === 'sync' && isEpochs(call)],
    ['rename of the leader epochs', (call: DiskCall) => call.op === 'rename' && isEpochs(call)],
    ['sync of the recovery points', (call: DiskCall) => call.op === 'sync' && call.file.startsWith('recovery-point')],
    ['sync of the log folder', (call: DiskCall) => call.op === 'syncFolder' && call.file === 'log'],
  ])('%s fails: no end is published, and nothing can be appended', (_, when) => {
    using folder = new LogFolder();
    filled(folder);
    // As if they had been of another epoch: a start that finds them right does not write them.
    folder.write('samples-0/leader-epoch-checkpoint', '0\n1\n7 0\n');
    const { disk, state } = failing(when);
    state.armed = true;
    const ends = folder.ends();
    const writer = folder.writer({ disk }, ends);
    expect(() => writer.open()).toThrow(Fault);
    expect(state.failures).toBe(1);
    expect(ends.end('samples')).toBe(0);
    expect(writer.append([request('samples', 0, 1)])).toEqual([
      { code: 'log-write-failed', detail: 'EIO: as the test wants it' },
    ]);
    writer.close();
    disk.closeAll();
    const again = folder.open();
    expect(pairs(folder.read(again.ends))).toEqual(expectedPairs(0, 10));
    again.writer.close();
  });

  test('a segment that may not be read is a fault that names it', () => {
    using folder = new LogFolder();
    filled(folder);
    const disk = new TracedDisk();
    disk.before = (call) => {
      if (call.op === 'open' && isLog(call)) throw systemError('EACCES');
    };
    expect(() => folder.open({ disk })).toThrow('A file under the data folder cannot be read. EACCES');
  });

  test('a file where the folder should be is a fault', () => {
    using folder = new LogFolder();
    folder.with({}, () => undefined);
    rmSync(path.join(folder.log, 'samples-0'), { recursive: true });
    folder.write('samples-0', 'not a folder');
    expect(() => folder.open()).toThrow(Fault);
  });
});

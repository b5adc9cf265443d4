import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { errnoOf } from './fault.ts';
import { expectedPairs, LogFolder, pairs } from './kit/log-kit.ts';
import { patientDisk } from './patient-disk.ts';
import { type DiskCall, systemError, TracedDisk } from './kit/traced-disk.ts';

/** A disk that is full for so many of the calls that `when` picks, and what it says about it. */
function full(times: number, when: (call: DiskCall) => boolean, code = 'ENOSPC') {
  const traced = new TracedDisk();
  const told: boolean[] = [];
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const state = { left: times, refused: 0 };
  traced.before = (call) => {
    if (state.left === 0 || !when(call)) return;
    state.left--;
    state.refused++;
    throw systemError(code);
  };
  const disk = patientDisk({ disk: traced, onFull: (isFull) => told.push(isFull), stop, retryMs: 1 });
  return { disk, traced, told, stop, state };
}

const isLog = (call: DiskCall): boolean => call.file.endsWith('.log');

describe('a full disk', () => {
  test.each([
    ['a write', 'ENOSPC', (call: DiskCall) => call.op === 'write' && isLog(call)],
    ['a new file', 'ENOSPC', (call: DiskCall) => call.op === 'open' && isLog(call)],
    ['a write of a checkpoint', 'ENOSPC', (call: DiskCall) => call.op === 'write' && call.file.endsWith('.tmp')],
    ['a rename', 'ENOSPC', (call: DiskCall) => call.op === 'rename'],
    ['a new folder', 'ENOSPC', (call: DiskCall) => call.op === 'makeFolder'],
    ['a quota', 'EDQUOT', (call: DiskCall) => call.op === 'write'],
  ])('slows %s (%s) and goes on when there is space, told once', (_, code, when) => {
    using folder = new LogFolder();
    const { disk, told, state } = full(5, when, code);
    const { append, ends, writer } = folder.open({ disk, segmentBytes: 300 });
    for (let next = 0; next < 20; next += 5) expect(append(next, 5)).toBe(next);
    expect([state.refused, told]).toEqual([5, [true, false]]);
    expect(writer.failed).toBeUndefined();
    expect(pairs(folder.read(ends))).toEqual(expectedPairs(0, 20));
    writer.close();
  });

  test('tries again at once when room was made, however often; what making room writes waits like anything else', () => {
    using folder = new LogFolder();
    const { traced, told, stop, state } = full(5, (call) => call.op === 'write' && isLog(call));
    let rooms = 5;
    const makeRoom = (): boolean => {
      disk.makeFolder(folder.lostAndFound);
      return rooms-- > 0;
    };
    const disk = patientDisk({ disk: traced, onFull: (isFull) => told.push(isFull), makeRoom, stop, retryMs: 60_000 });
    const { append, writer } = folder.open({ disk });
    expect(append(0, 5)).toBe(0);
    expect([state.refused, rooms, told]).toEqual([5, 0, [true, false]]);
    writer.close();
  });

  test('gives up what was put aside for what making room writes, and only for that', () => {
    using folder = new LogFolder();
    const { traced, told, stop } = full(9, (call) => call.op === 'makeFolder' || (call.op === 'write' && isLog(call)));
    const asked: string[] = [];
    const makeRoom = (): boolean => {
      asked.push('room');
      disk.makeFolder(folder.lostAndFound);
      return true;
    };
    const giveSpare = (): boolean => {
      asked.push('spare');
      return true;
    };
    const onFull = (isFull: boolean): void => void told.push(isFull);
    const disk = patientDisk({ disk: traced, onFull, makeRoom, giveSpare, stop, retryMs: 1 });
    disk.makeFolder(folder.log);
    // The first is the folder that the test wanted; the eight behind it are for the one that making room wanted.
    expect(asked).toEqual(['room', ...Array.from({ length: 8 }, () => 'spare')]);
    expect(told).toEqual([true, true, false, false]);
  });

  test('never makes a sync wait: what it says is final', () => {
    using folder = new LogFolder();
    const { disk, told, state, traced } = full(1, (call) => call.op === 'sync' && isLog(call));
    const { append, writer } = folder.open({ disk });
    expect(() => append(0, 1)).toThrow('log-write-failed');
    expect([state.refused, told, writer.failed?.code]).toEqual([1, [], 'log-write-failed']);
    traced.closeAll();
  });

  test('any other error is passed on at once', () => {
    const { disk, told } = full(1, (call) => call.op === 'list', 'EIO');
    using folder = new LogFolder();
    expect(() => disk.list(folder.data)).toThrow('EIO');
    const other = full(1, () => true, 'EROFS');
    expect(() => other.disk.makeFolder(folder.log)).toThrow('EROFS');
    expect([told, other.told]).toEqual([[], []]);
  });

  test('a stop ends the wait with what the system said', async () => {
    using folder = new LogFolder();
    const { disk, stop, told } = full(Infinity, (call) => call.op === 'makeFolder');
    // This thread will be blocked: another one stops it when it waits.
    const code = `
      const { workerData } = require('node:worker_threads');
      while (Atomics.notify(workerData, 0) === 0);
      Atomics.store(workerData, 0, 1);
      Atomics.notify(workerData, 0);
    `;
    const patient = patientDisk({ disk, onFull: (isFull) => told.push(isFull), stop, retryMs: 60_000 });
    const worker = new Worker(code, { eval: true, workerData: stop });
    let thrown: unknown;
    try {
      patient.makeFolder(folder.log);
    } catch (error) {
      thrown = error;
    }
    expect([errnoOf(thrown), told]).toEqual(['ENOSPC', [true]]);
    await worker.terminate();
  });
});

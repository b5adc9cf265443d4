import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LogFolder, type TestLogWriter } from '../kit/log-kit.ts';
import { systemError, TracedDisk } from '../kit/traced-disk.ts';
import { patientDisk } from '../patient-disk.ts';
import { RetentionKit } from './retention-kit.ts';
import { SpareSpace } from './spare.ts';

const MIB = 1024 * 1024;

let folder: LogFolder;
let file: string;
let disk: TracedDisk;

beforeEach(() => {
  folder = new LogFolder();
  file = path.join(folder.data, 'spare');
  disk = new TracedDisk();
});

afterEach(() => folder[Symbol.dispose]());

function open(): SpareSpace {
  const spare = new SpareSpace(disk, file);
  spare.open();
  return spare;
}

test('takes 1 MiB that no file system makes smaller, gives it back in sixteen pieces, and takes it again', () => {
  const spare = open();
  expect([spare.missingBytes, spare.give(), existsSync(file)]).toEqual([MIB, false, false]);
  spare.refill();
  expect([spare.missingBytes, statSync(file).size]).toEqual([0, MIB]);
  expect(new Set(readFileSync(file)).size).toBe(256);
  for (let given = 1; given <= 16; given++) {
    expect(spare.give()).toBe(true);
    expect([spare.missingBytes, statSync(file).size]).toEqual([given * 65_536, MIB - given * 65_536]);
  }
  expect(spare.give()).toBe(false);
  spare.refill();
  expect([spare.missingBytes, statSync(file).size]).toEqual([0, MIB]);
});

test('goes on with what an earlier process has left, and adds only what is missing', () => {
  writeFileSync(file, new Uint8Array(100_000).fill(7));
  const spare = open();
  expect(spare.missingBytes).toBe(MIB - 100_000);
  spare.refill();
  expect(statSync(file).size).toBe(MIB);
  expect(
    readFileSync(file)
      .subarray(0, 100_000)
      .every((byte) => byte === 7),
  ).toBe(true);
  writeFileSync(file, new Uint8Array(10));
  const short = open();
  expect([short.give(), short.missingBytes, short.give()]).toEqual([true, MIB, false]);
});

test('takes nothing where all of it is there', () => {
  open().refill();
  disk.before = ({ op }) => {
    if (op === 'write' || op === 'sync') throw systemError('EIO');
  };
  expect(() => open().refill()).not.toThrow();
});

/** A log whose disk has no space, while `full`, for files whose names `needs` picks, until the spare has been shortened. */
function fullDisk(kit: RetentionKit, needs: (name: string) => boolean) {
  const state = { full: false, truncated: false, refusals: 0 };
  const stop = new Int32Array(new SharedArrayBuffer(4));
  disk.before = ({ op, file: name }) => {
    state.truncated ||= op === 'truncate' && name === 'spare';
    if (!state.full || state.truncated || op !== 'write' || !needs(name)) return;
    // Without the spare nothing would ever end this.
    if (++state.refusals > 100) stop[0] = 1;
    throw systemError('ENOSPC');
  };
  let writer: TestLogWriter | undefined;
  const patient = patientDisk({
    disk,
    onFull: () => undefined,
    makeRoom: () => writer?.makeRoom() ?? false,
    giveSpare: () => writer?.giveSpare() ?? false,
    stop,
    retryMs: 1,
  });
  const space = () => ({ freeBytes: state.full ? 0 : 1e9, totalBytes: 1e9 });
  const log = kit.open({ disk: patient, space, reserveBytes: 1000 });
  ({ writer } = log);
  const spare = path.join(kit.folder.log, 'spare');
  return { log, writer, state, spareBytes: () => statSync(spare).size };
}

test('a disk on which the checkpoint of a deletion finds no space, whatever was deleted: the spare is its room, and is taken again later', () => {
  using kit = new RetentionKit();
  const { log, writer, state, spareBytes } = fullDisk(kit, (name) => /\.log$|^log-start/.test(name));
  expect(spareBytes()).toBe(MIB);
  for (let first = 0; first < 50; first += 5) log.append(first, 5);
  writer.hold({ links: { cloud: { samples: 3 } } });
  state.full = true;
  expect(log.append(50, 5)).toBe(50);
  expect([state.truncated, spareBytes()]).toEqual([true, MIB - 65_536]);
  expect(log.ends.start('samples')).toBeGreaterThan(0);
  writer.retain();
  expect(spareBytes()).toBe(MIB - 65_536);
  state.full = false;
  writer.retain();
  expect(spareBytes()).toBe(MIB);
  writer.close();
});

test('a checkpoint that finds no space where nothing may go has the spare too', () => {
  using kit = new RetentionKit();
  const { log, writer, state, spareBytes } = fullDisk(kit, (name) => name.startsWith('recovery-point'));
  writer.hold({ local: { samples: 0 } });
  state.full = true;
  for (let first = 0; first < 50; first += 5) expect(log.append(first, 5)).toBe(first);
  expect([state.refusals, spareBytes(), log.ends.start('samples')]).toEqual([1, MIB - 65_536, 0]);
  writer.close();
});

test('a log that is not told how full its disk is has none', () => {
  using kit = new RetentionKit();
  const { writer } = kit.open();
  writer.retain();
  expect(existsSync(path.join(kit.folder.log, 'spare'))).toBe(false);
  writer.close();
});

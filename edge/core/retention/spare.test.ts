import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LogFolder } from '../kit/log-kit.ts';
import { systemError, TracedDisk } from '../kit/traced-disk.ts';
import { SpareSpace } from './spare.ts';
import { RetentionKit } from './retention-kit.ts';
import { patientDisk } from '../patient-disk.ts';
import type { TestLogWriter } from '../kit/log-kit.ts';

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

test('a disk on which the checkpoint of a deletion finds no space, whatever was deleted: the spare is its room, and is taken again later', () => {
  using kit = new RetentionKit();
  let full = false;
  let truncated = false;
  const traced = new TracedDisk();
  traced.before = ({ op, file: name }) => {
    truncated ||= op === 'truncate' && name === 'spare';
    const isData = name.endsWith('.log') && !truncated;
    if (full && op === 'write' && (isData || (name.includes('log-start') && !truncated))) throw systemError('ENOSPC');
  };
  let writer: TestLogWriter | undefined;
  const patient = patientDisk({
    disk: traced,
    onFull: () => undefined,
    makeRoom: () => writer?.makeRoom() ?? false,
    giveSpare: () => writer?.giveSpare() ?? false,
    stop: new Int32Array(new SharedArrayBuffer(4)),
    retryMs: 60_000,
  });
  const space = () => ({ freeBytes: full ? 0 : 1e9, totalBytes: 1e9 });
  const log = kit.open({ disk: patient, space, reserveBytes: 1000 });
  ({ writer } = log);
  const spare = path.join(kit.folder.log, 'spare');
  expect(statSync(spare).size).toBe(MIB);
  for (let first = 0; first < 50; first += 5) log.append(first, 5);
  writer.hold({ links: { cloud: { samples: 3 } } });
  full = true;
  expect(log.append(50, 5)).toBe(50);
  expect([truncated, statSync(spare).size]).toEqual([true, MIB - 65_536]);
  expect(log.ends.start('samples')).toBeGreaterThan(0);
  writer.retain();
  expect(statSync(spare).size).toBe(MIB - 65_536);
  full = false;
  writer.retain();
  expect(statSync(spare).size).toBe(MIB);
  writer.close();
});

test('a log that is not told how full its disk is has none', () => {
  using kit = new RetentionKit();
  const { writer } = kit.open();
  writer.retain();
  expect(existsSync(path.join(kit.folder.log, 'spare'))).toBe(false);
  writer.close();
});

import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realDisk } from '../disk.ts';
import { segmentFile } from '../segment-files.ts';
import { Disposal } from './disposal.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-disposal-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const STEP = 1000;

/** Makes the files of a segment. */
function segment(baseOffset: number, bytes: number): void {
  writeFileSync(segmentFile(folder, baseOffset, 'log'), new Uint8Array(bytes));
  for (const kind of ['index', 'timeindex'] as const) writeFileSync(segmentFile(folder, baseOffset, kind), 'x');
}

const names = (): string[] => readdirSync(folder).map((name) => name.replace(/^0+(?=\d)/, ''));

test('a segment is no segment any more at once; its bytes go piece by piece, one segment behind the other', () => {
  segment(0, 2500);
  segment(5, 10);
  segment(9, 10);
  const disposal = new Disposal(realDisk, folder, STEP);
  disposal.remove(0, 2500);
  disposal.remove(5, 10);
  expect(disposal.bytes).toBe(2510);
  expect(names()).toEqual(['0.log.deleted', '5.log.deleted', '9.index', '9.log', '9.timeindex']);
  const sizes: number[] = [];
  const first = segmentFile(folder, 0, 'log.deleted');
  while (existsSync(first)) {
    sizes.push(statSync(first).size);
    expect(disposal.bytes).toBe(statSync(first).size + 10);
    expect(disposal.step()).toBe(true);
  }
  expect(sizes).toEqual([2500, 1500, 500]);
  expect(disposal.step()).toBe(true);
  expect([disposal.step(), disposal.bytes]).toEqual([false, 0]);
  expect(names()).toEqual(['9.index', '9.log', '9.timeindex']);
});

test('what a process that ended has left goes at the next start', () => {
  segment(0, 2500);
  new Disposal(realDisk, folder, STEP).remove(0, 2500);
  const next = new Disposal(realDisk, folder, STEP);
  next.open();
  expect(names()).toEqual([]);
  expect(next.step()).toBe(false);
});

test('what somebody else has deleted is no failure', () => {
  segment(0, 2500);
  segment(5, 10);
  const disposal = new Disposal(realDisk, folder, STEP);
  rmSync(segmentFile(folder, 0, 'log'));
  rmSync(segmentFile(folder, 0, 'index'));
  disposal.remove(0, 2500);
  expect(disposal.step()).toBe(false);
  disposal.remove(5, 10);
  rmSync(segmentFile(folder, 5, 'log.deleted'));
  expect(disposal.step()).toBe(true);
  expect(disposal.step()).toBe(false);
  expect(names()).toEqual([]);
});

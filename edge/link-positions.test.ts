import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realDisk } from './core/disk.ts';
import { LinkPositions } from './link-positions.ts';

const cloud = { name: 'cloud', prefix: 'north.', to: { brokers: [{ host: 'k', port: 9092 }] } };

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace-links-'));
  file = path.join(folder, 'links.json');
});

afterEach(() => rmSync(folder, { recursive: true }));

function opened(): LinkPositions {
  const positions = new LinkPositions(realDisk, file);
  positions.open();
  return positions;
}

test('positions outlive a restart', () => {
  const before = opened();
  expect(before.of(cloud, 'samples')).toBeNull();
  before.note(cloud, 'samples', 7);
  before.note(cloud, 'events', 0);
  before.note(cloud, 'samples', 9);
  before.save();
  const after = opened();
  expect(['samples', 'events', 'audit'].map((topic) => after.of(cloud, topic))).toEqual([9, 0, null]);
});

test('another destination has nothing of what the one before had', () => {
  const before = opened();
  before.note(cloud, 'samples', 7);
  before.save();
  const moved = { ...cloud, prefix: 'south.' };
  const after = opened();
  expect([after.of(moved, 'samples'), after.of({ ...cloud, to: { brokers: [] } }, 'samples')]).toEqual([null, null]);
  after.note(moved, 'events', 1);
  expect([after.of(moved, 'samples'), after.of(cloud, 'samples')]).toEqual([null, null]);
});

test('nothing is written while nothing changes', () => {
  const positions = opened();
  positions.note(cloud, 'samples', 7);
  positions.save();
  writeFileSync(file, 'untouched');
  positions.note(cloud, 'samples', 7);
  positions.save();
  expect(readFileSync(file, 'utf8')).toBe('untouched');
});

test('a file of any content is either used or as good as none', () => {
  const line = fc.oneof(fc.string(), fc.json(), fc.constant('{"v":1,"links":{}}'), fc.constant('{"v":2,"links":{}}'));
  fc.assert(
    fc.property(line, (text) => {
      writeFileSync(file, text);
      const positions = new LinkPositions(realDisk, file);
      const isUsed = positions.open();
      expect(isUsed).toBe(text === '{"v":1,"links":{}}');
      expect(positions.of(cloud, 'samples')).toBeNull();
    }),
  );
});

import path from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { realDisk } from './disk.ts';
import { lookUpPosition } from './index-file.ts';
import { entriesOf, LogFolder } from './kit/log-kit.ts';
import { openEnds } from './reader.ts';
import { SegmentCopy } from './segment-copy.ts';
import { listSegments, segmentFile } from './segment-files.ts';

test('however the batches are cut into pieces, and wherever segments end: the copy reads as the log does', () => {
  using source = new LogFolder();
  const { end, ends, writer } = source.fill();
  writer.close();
  const read = source.read(ends);
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 20_000 }), fc.integer({ min: 500, max: 30_000 }), (piece, segmentBytes) => {
      using target = new LogFolder();
      const folder = path.join(target.log, 'samples-0');
      const copy = new SegmentCopy(realDisk, folder, segmentBytes);
      copy.begin(0, 3);
      const reader = source.reader(ends);
      for (let result = reader.read(piece); result.kind === 'data'; result = reader.read(piece)) copy.add(result.bytes);
      reader.close();
      copy.finish();
      const copied = openEnds(target.log);
      expect([copied.start('samples'), copied.end('samples')]).toEqual([0, end]);
      expect(target.read(copied)).toEqual(read);
      const bases = listSegments(realDisk, folder);
      const sizes = bases.map((base) => target.bytes(base).length);
      expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBe(copy.bytes);
      // One batch that is larger than a segment has one of its own.
      expect(Math.max(...sizes)).toBeLessThanOrEqual(Math.max(segmentBytes, 2500));
      expect(target.text('samples-0/leader-epoch-checkpoint')).toBe('0\n1\n3 0\n');
    }),
    { numRuns: 30 },
  );
});

test('its indexes lead to the batches', () => {
  using source = new LogFolder();
  const { end, ends, writer } = source.fill(1_000_000);
  writer.close();
  using target = new LogFolder();
  const folder = path.join(target.log, 'samples-0');
  const copy = new SegmentCopy(realDisk, folder);
  copy.begin(0, 0);
  const reader = source.reader(ends);
  for (let result = reader.read(); result.kind === 'data'; result = reader.read()) copy.add(result.bytes);
  reader.close();
  copy.finish();
  const bytes = target.bytes(0);
  const found = Array.from({ length: end }, (_, offset) => lookUpPosition(realDisk, folder, 0, offset));
  expect(found.at(-1)?.position).toBeGreaterThan(4096);
  for (const entry of found) {
    if (entry === undefined) continue;
    expect(entriesOf(bytes.subarray(entry.position)).some(({ offset }) => offset === entry.lastOffset)).toBe(true);
  }
});

test('a segment that is there is never written over', () => {
  using target = new LogFolder();
  const folder = path.join(target.log, 'samples-0');
  new SegmentCopy(realDisk, folder).begin(0, 0);
  expect(() => new SegmentCopy(realDisk, folder).begin(0, 0)).toThrow(segmentFile(folder, 0, 'log'));
});

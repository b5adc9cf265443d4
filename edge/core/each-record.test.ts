import { expect, test } from 'vitest';
import { realDisk } from './disk.ts';
import { eachRecord } from './each-record.ts';
import { LogFolder, request } from './kit/log-kit.ts';
import { eraseAll, erasureOf, meantBy, secretRequest } from './repack/erase-kit.ts';
import { repackAll } from './repack/repack-kit.ts';

test('every record from the offset on is visited once, in order, also from the middle of a batch', () => {
  using folder = new LogFolder();
  const { writer, ends } = folder.open({ segmentBytes: 4000 });
  for (let first = 0; first < 300; first += 10) writer.append([request('samples', first, 10)]);
  for (const from of [0, 10, 15, 299, 300]) {
    const seen: number[] = [];
    eachRecord(folder.log, 'samples', ends, from, ({ offset }) => seen.push(offset));
    expect(seen).toEqual(Array.from({ length: 300 - from }, (_, i) => from + i));
  }
  writer.close();
});

test('what is appended meanwhile is not visited, what cannot be read is passed over', () => {
  using folder = new LogFolder();
  const { writer, ends } = folder.open({ segmentBytes: 4000 });
  for (let first = 0; first < 300; first += 10) writer.append([request('samples', first, 10)]);
  const [base = 0] = folder.segments().slice(1);
  folder.damage(base, (bytes) => void bytes.fill(0xff, 70, 80));
  const seen: number[] = [];
  eachRecord(folder.log, 'samples', ends, 0, ({ offset }) => {
    if (offset === 290) writer.append([request('samples', 300, 10)]);
    seen.push(offset);
  });
  const expected = Array.from({ length: 300 }, (_, i) => i).filter((offset) => offset < base || offset >= base + 10);
  expect(seen).toEqual(expected);
  writer.close();
});

test('a segment that is replaced while it is read: each record is visited once, also where its batches have other borders', () => {
  using folder = new LogFolder();
  const { writer, ends } = folder.open({ segmentBytes: 400_000 });
  for (let next = 0; next < 12_000; next += 3) writer.append([secretRequest(next, 3)]);
  const order = erasureOf(0, 20_000);
  const erased: number[] = [];
  const seen: number[] = [];
  eachRecord(folder.log, 'samples', ends, 10, ({ offset, valueStart }) => {
    // It has read some of the segment by then.
    if (offset === 5000) {
      repackAll(realDisk, folder.log, writer);
      eraseAll(realDisk, folder.log, writer, [order]);
    }
    if (valueStart < 0) erased.push(offset);
    seen.push(offset);
  });
  expect(seen).toEqual(Array.from({ length: 11_990 }, (_, i) => 10 + i));
  expect(erased.length).toBeGreaterThan(500);
  expect(erased.every((n) => meantBy(order)(n))).toBe(true);
  expect(erased.at(-1)).toBe(Array.from({ length: 12_000 }, (_, n) => n).findLast(meantBy(order)));
  writer.close();
});

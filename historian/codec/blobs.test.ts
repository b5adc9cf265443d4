import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader } from '../../edge/core/byte-reader.ts';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { Fault } from '../../edge/core/fault.ts';
import { Points } from '../points/points.ts';
import { readBlobs, writeBlobs } from './blobs.ts';
import { writeIntegers } from './integers.ts';

function pointsOf(values: readonly Uint8Array[]): Points {
  const points = new Points(values.length);
  points.count = values.length;
  for (const [i, value] of values.entries()) {
    const start = points.claim(value.length);
    points.heap.set(value, start);
    points.words[i * 2] = start;
    points.words[i * 2 + 1] = value.length;
  }
  return points;
}

const rowsOf = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => i);

function read(bytes: Uint8Array<ArrayBuffer>, count: number): Uint8Array[] {
  const from = new ByteReader('historian-damaged');
  from.open(bytes);
  const points = new Points(count);
  points.heap = bytes;
  points.heapLength = bytes.length;
  readBlobs(from, points, rowsOf(count), count);
  return Array.from({ length: count }, (_, i) => points.blob(i).slice());
}

function roundTrip(values: readonly Uint8Array[]): { bytes: number; value: Uint8Array[] } {
  const out = new ByteWriter();
  writeBlobs(out, pointsOf(values), rowsOf(values.length), values.length);
  return { bytes: out.length, value: read(out.take(), values.length) };
}

test('strings, bytes and arrays come back', () => {
  const some = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 6 });
  const repeated = fc
    .tuple(some, fc.array(fc.nat(5), { minLength: 1, maxLength: 80 }))
    .map(([all, places]) => places.map((place) => all[place % all.length] ?? new Uint8Array(0)));
  fc.assert(
    fc.property(fc.oneof(repeated, some), (values) => {
      expect(roundTrip(values).value).toEqual(values);
    }),
    { numRuns: 800 },
  );
});

test('a state that changes now and then takes next to nothing', () => {
  const states = ['RUNNING', 'STOPPED', 'FAULT: motor protection has tripped'].map((text) =>
    new TextEncoder().encode(text),
  );
  const values = Array.from({ length: 1000 }, (_, i) => states[Math.floor(i / 90) % 3] ?? new Uint8Array(0));
  const { bytes, value } = roundTrip(values);
  expect(value).toEqual(values);
  expect(bytes).toBeLessThan(100);
});

test('a dictionary that stands for more than a block may hold is refused: who copies its values copies each', () => {
  const out = new ByteWriter();
  out.uint8(1);
  out.varlong(1);
  writeIntegers(out, Float64Array.of(1_000_000), 1);
  out.raw(new Uint8Array(1_000_000));
  writeIntegers(out, new Float64Array(1000), 1000);
  expect(() => read(out.take(), 1000)).toThrow(Fault);
});

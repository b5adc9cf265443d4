import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { anySample, lineOf } from '../kit/history-kit.ts';
import { buffersOf, Points } from './points.ts';
import { putSample } from './put-sample.ts';

const lines = (points: Points): string[] =>
  Array.from({ length: points.count }, (_, i) => lineOf(points.sample(i, ['samples'])));

/** Samples, some with a device time, in points with room for more. */
const anyPoints = fc
  .record({ samples: fc.array(anySample, { maxLength: 20 }), room: fc.nat(20), every: fc.integer({ min: 1, max: 9 }) })
  .map(({ samples, room, every }) => {
    const points = new Points(samples.length + room);
    for (const [i, sample] of samples.entries())
      putSample(points, sample.timeUs, i, sample, i % every === 0 ? i : Number.NaN);
    return points;
  });

/** The same without quality, flags and times, of which points then have no columns. */
function plainOf(points: Points): Points {
  const plain = new Points(points.capacity);
  for (let i = 0; i < points.count; i++) {
    const { timeUs, kind, value } = points.sample(i, []);
    const row = new Points(1);
    putSample(row, timeUs, i, { timeUs, kind, value, quality: 0, flags: 0, serverTimeUs: null }, Number.NaN);
    plain.times[i] = timeUs;
    plain.offsets[i] = i;
    plain.kinds[i] = kind;
    plain.words.set(row.words.subarray(0, 2), i * 2);
    plain.count++;
    if (row.heapLength === 0) continue;
    plain.words[i * 2] = plain.claim(row.heapLength);
    plain.heap.set(row.blob(0), plain.words[i * 2]);
  }
  return plain;
}

test('points that are given to another thread are the same there, in memory that goes over', () => {
  fc.assert(
    fc.property(anyPoints, fc.boolean(), (points, isPlain) => {
      const some = isPlain ? plainOf(points) : points;
      const before = lines(some);
      expect(some.hasMore).toBe(!isPlain && some.count > 0);
      const message = some.give();
      const sent = structuredClone(message, { transfer: buffersOf(message) });
      const received = Points.fromMessage(sent);
      expect(lines(received)).toEqual(before);
      expect(received.hasMore).toBe(some.hasMore);
      expect(message.times.length).toBe(0);
    }),
  );
});

test('rows are appended whether either side has qualities, flags and times or not', () => {
  fc.assert(
    fc.property(anyPoints, anyPoints, fc.boolean(), fc.boolean(), (a, b, isPlain, isOtherPlain) => {
      const [first, second] = [isPlain ? plainOf(a) : a, isOtherPlain ? plainOf(b) : b];
      const both = new Points(first.count + second.count);
      // Rows that were there before show nothing of themselves.
      both.append(a, 0, a.count);
      both.reset();
      both.append(first, 0, first.count);
      both.append(second, 0, second.count);
      expect(lines(both)).toEqual([...lines(first), ...lines(second)]);
      expect(lines(Points.fromMessage(both.toMessage()))).toEqual(lines(both));
    }),
  );
});

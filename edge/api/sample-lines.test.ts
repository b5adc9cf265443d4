import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Value, ValueKind } from '../core/sample.ts';
import { csvSampleLines, jsonSample, jsonSampleLines, type SampleLines } from './sample-lines.ts';
import type { HistorySample } from './services.ts';
import { pointsOf } from './services-kit.ts';
import { TextBytes } from './text-bytes.ts';
import { formatTime } from './time-text.ts';
import { csvValue } from './value-text.ts';

const time = fc.integer({ min: 0, max: 4e15 });
const values: fc.Arbitrary<readonly [ValueKind, Value]> = fc.oneof(
  fc.constant([ValueKind.null, null] as const),
  fc.boolean().map((value) => [ValueKind.boolean, value] as const),
  fc.maxSafeInteger().map((value) => [ValueKind.long, value] as const),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }).map((value) => [ValueKind.long, value] as const),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => [ValueKind.uint64, value] as const),
  fc.float({ noDefaultInfinity: true, noNaN: true }).map((value) => [ValueKind.float, value] as const),
  fc.double({ noDefaultInfinity: true, noNaN: true }).map((value) => [ValueKind.double, value] as const),
  fc.string({ unit: 'grapheme' }).map((value) => [ValueKind.string, value] as const),
  fc.uint8Array({ maxLength: 20 }).map((value) => [ValueKind.bytes, value] as const),
);
const sample = fc
  .record({
    timeUs: time,
    kindAndValue: values,
    quality: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffffffff })),
    flags: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 63 })),
    deviceTimeUs: fc.option(time),
    serverTimeUs: fc.option(time),
  })
  .map(({ kindAndValue: [kind, value], ...rest }): HistorySample => ({ kind, value, ...rest }));

function linesOf(lines: SampleLines, tag: string, samples: readonly HistorySample[]): string {
  const out = new TextBytes();
  const prefix = lines.prefix(tag);
  const points = pointsOf(samples);
  for (let row = 0; row < points.count; row++) lines.row(out, prefix, points, row);
  return out.take();
}

test('samples in columns are the same JSON as samples that are objects', () => {
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1 }), fc.string({ unit: 'grapheme', minLength: 1 }), (samples, tag) => {
      const expected = samples.map((each) => `\n${jsonSample({ tag, ...each })}`).join(',');
      expect(linesOf(jsonSampleLines(), tag, samples)).toBe(expected);
    }),
  );
});

test('a line of CSV is time, value and quality, of several tags behind the tag', () => {
  fc.assert(
    fc.property(fc.array(sample), (samples) => {
      const lines = samples.map(
        ({ timeUs, kind, value, quality }) => `${formatTime(timeUs)},${csvValue(kind, value)},${quality}\n`,
      );
      expect(linesOf(csvSampleLines(false), 'plant/a', samples)).toBe(lines.join(''));
      expect(linesOf(csvSampleLines(true), 'plant/a, b', samples)).toBe(
        lines.map((line) => `"plant/a, b",${line}`).join(''),
      );
    }),
  );
});

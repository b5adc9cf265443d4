import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { SampleKey } from './sample-key.ts';

/** Around the lengths where a template has another form: one byte for the length or two, a new chunk of memory, no template at all. */
const length = fc.oneof(fc.integer({ min: 0, max: 1100 }), fc.constantFrom(0, 1, 63, 64, 999, 1000, 1001));

test('a key is the bytes that it was made of, however many others were made meanwhile', () => {
  const lengths = fc.array(length, { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 0, max: 255 }), (all, seed) => {
      const made = all.map((bytes, i) => Uint8Array.from({ length: bytes }, (_, at) => seed + i * 31 + at));
      const keys = made.map((bytes) => new SampleKey(bytes.slice()));
      expect(keys.map(({ bytes }) => bytes)).toEqual(made);
      const [first] = keys;
      expect(first?.bytes).toBe(first?.bytes);
    }),
  );
});

test('a path is its UTF-8', () => {
  expect(SampleKey.of('Nordmühle/halle/ö').bytes).toEqual(new Uint8Array(Buffer.from('Nordmühle/halle/ö')));
});

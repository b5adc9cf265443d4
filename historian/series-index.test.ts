import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeriesIndex } from './series-index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function idOf(index: SeriesIndex, topic: number, tag: string): number {
  // In the middle of other bytes, as in a batch.
  const key = bytes(tag);
  const batch = new Uint8Array(key.length + 20).fill(0x61);
  batch.set(key, 7);
  return index.idOf(topic, batch, 7, 7 + key.length);
}

describe('the index of series', () => {
  test('numbers tags in the order of arrival and finds them again, by topic', () => {
    const index = new SeriesIndex();
    const model = new Map<string, number>();
    const tag = fc.string({ minLength: 1, maxLength: 20, unit: 'binary' });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), tag), { maxLength: 50 }), (keys) => {
        for (const [topic, name] of keys) {
          const key = `${topic} ${name}`;
          const expected = model.get(key) ?? model.size;
          model.set(key, expected);
          expect(idOf(index, topic, name)).toBe(expected);
          expect(index.find(topic, name)).toBe(expected);
          expect([index.tag(expected), index.topic(expected)]).toEqual([name, topic]);
        }
        expect(index.count).toBe(model.size);
      }),
    );
    expect(index.count).toBeGreaterThan(200);
    expect(index.find(7, 'never seen')).toBe(-1);
  });

  test('keeps 100,000 tags apart that come in any order', () => {
    const index = new SeriesIndex();
    const tags = Array.from({ length: 100_000 }, (_, i) => `northmill/line${i % 7}/sensor${i}`);
    expect(tags.filter((tag, i) => idOf(index, 0, tag) !== i)).toEqual([]);
    const shuffled = tags.keys().map((i) => (i * 7919) % tags.length);
    expect(shuffled.filter((k) => idOf(index, 0, tags[k] ?? '') !== k).toArray()).toEqual([]);
  });

  test('sorts by the bytes of the tag, then by topic', () => {
    const index = new SeriesIndex();
    // U+FF5E comes before U+1F6E2 in UTF-8, behind it in UTF-16.
    const keys: [number, string][] = [
      [1, 'a/b'],
      [0, 'a/b'],
      [0, 'a/\u{1f6e2}'],
      [0, 'a/\u{ff5e}'],
      [0, 'a'],
    ];
    for (const [topic, tag] of keys) idOf(index, topic, tag);
    expect([...index.sorted()]).toEqual([4, 1, 0, 3, 2]);
    idOf(index, 0, 'A');
    expect([...index.sorted()]).toEqual([5, 4, 1, 0, 3, 2]);
  });

  test('refuses what cannot be a tag, and tags beyond its bound', () => {
    const index = new SeriesIndex(2);
    expect(index.idOf(0, Uint8Array.of(0x61, 0xff), 0, 2)).toBe(-1);
    expect(idOf(index, 0, '')).toBe(-1);
    expect(index.idOf(0, bytes('null key'), -1, -1)).toBe(-1);
    expect(idOf(index, 0, 'x'.repeat(256))).toBe(-1);
    expect(idOf(index, 0, 'x'.repeat(255))).toBe(0);
    expect(idOf(index, 0, 'a/b')).toBe(1);
    expect(idOf(index, 0, 'a/c')).toBe(-1);
    expect(idOf(index, 0, 'a/b')).toBe(1);
  });
});

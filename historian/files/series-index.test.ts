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

  test('sorts new tags in, whatever was there', () => {
    const tag = fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom('a', 'b', '/', 'ö', '🛢️') });
    fc.assert(
      fc.property(fc.array(fc.array(fc.tuple(fc.nat(2), tag), { maxLength: 20 }), { maxLength: 6 }), (turns) => {
        const index = new SeriesIndex();
        for (const turn of turns) {
          for (const [topic, name] of turn) idOf(index, topic, name);
          const ids = Array.from({ length: index.count }, (_, id) => id);
          const sorted = index.sorted();
          expect([...sorted]).toEqual(ids.toSorted((a, b) => index.compare(a, b)));
          expect(ids.map((id) => sorted[index.placeOf(sorted, id)])).toEqual(ids);
        }
      }),
    );
  });

  test('knows all series of a tag', () => {
    const index = new SeriesIndex();
    expect(idOf(index, 2, 'a')).toBe(0);
    expect([index.idsOf('a'), index.twinsOf(0)]).toEqual([[0], undefined]);
    idOf(index, 0, 'b');
    idOf(index, 0, 'a');
    idOf(index, 1, 'c');
    expect([index.idsOf('a'), index.idsOf('b'), index.idsOf('c'), index.idsOf('d')]).toEqual([[2, 0], [1], [3], []]);
    expect([0, 1, 2, 3].map((id) => index.twinsOf(id))).toEqual([[2, 0], undefined, [2, 0], undefined]);
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

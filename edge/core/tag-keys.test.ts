import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchEncoder } from './record-batch.ts';
import { RecordCursor } from './record-cursor.ts';
import { TagKeys, TagMap } from './tag-keys.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A key in the middle of other bytes, as in a batch: its memory, start and end. */
function placed(key: Uint8Array): [bytes: Uint8Array, start: number, end: number] {
  const memory = new Uint8Array(key.length + 12).fill(0x61);
  memory.set(key, 7);
  return [memory, 7, 7 + key.length];
}

/** Keys that are the same but for a byte or their length, of all lengths around whole words. */
const key = fc.oneof(
  fc.uint8Array({ maxLength: 255 }),
  fc.tuple(fc.nat(12), fc.nat(12)).map(([length, at]) => {
    const bytes = new Uint8Array(length);
    if (at < length) bytes[at] = 1;
    return bytes;
  }),
);

describe('keys of tags', () => {
  test('are numbered as a Map of strings would number them, in whatever order they come', () => {
    fc.assert(
      fc.property(
        fc.array(key, { minLength: 1, maxLength: 60 }),
        fc.array(fc.nat(), { maxLength: 200 }),
        (all, order) => {
          const keys = new TagKeys();
          const model = new Map<string, number>();
          for (const at of order) {
            const bytes = all[at % all.length] ?? new Uint8Array(0);
            const name = String(bytes);
            expect(keys.find(...placed(bytes))).toBe(model.get(name) ?? -1);
            const id = model.get(name) ?? model.size;
            model.set(name, id);
            expect(keys.idOf(...placed(bytes))).toBe(id);
            expect(keys.key(id)).toEqual(bytes);
          }
          expect(keys.count).toBe(model.size);
        },
      ),
    );
  });

  test('are found also where they lie in the same memory as the ones before', () => {
    const keys = new TagKeys();
    const names = Array.from({ length: 1000 }, (_, i) => bytesOf(`northmill/line${i % 7}/sensor${i}`));
    const memory = new Uint8Array(names.reduce((sum, { length }) => sum + length, 0));
    const places: [number, number][] = [];
    let at = 0;
    for (const name of names) {
      memory.set(name, at);
      places.push([at, (at += name.length)]);
    }
    for (let round = 0; round < 3; round++)
      expect(places.map(([start, end]) => keys.idOf(memory, start, end))).toEqual([...names.keys()]);
    // The memory is used again, as that of a reader is.
    memory.copyWithin(0, 20, 40);
    expect(keys.find(memory, 20, 40)).toBe(keys.find(memory, 0, 20));
  });

  test('are found in 100,000 that come in any order', () => {
    const keys = new TagKeys();
    const names = Array.from({ length: 100_000 }, (_, i) => bytesOf(`northmill/line${i % 7}/sensor${i}`));
    const wrong = (order: (i: number) => number): number[] =>
      [...names.keys()]
        .map(order)
        .filter((i) => keys.idOf(names[i] ?? new Uint8Array(0), 0, names[i]?.length ?? 0) !== i);
    expect(wrong((i) => i)).toEqual([]);
    expect(wrong((i) => (i * 7919) % names.length)).toEqual([]);
    expect(wrong((i) => names.length - 1 - i)).toEqual([]);
  });

  test('have no number beyond the bound and above 255 bytes; those that have one keep it', () => {
    const keys = new TagKeys(2);
    expect(keys.idOf(new Uint8Array(256), 0, 256)).toBe(-1);
    const ids = ['x'.repeat(255), 'a', 'b', 'a', 'x'.repeat(255), 'b'].map((name) =>
      keys.idOf(...placed(bytesOf(name))),
    );
    expect(ids).toEqual([0, 1, -1, 1, 0, -1]);
    expect(keys.count).toBe(2);
  });
});

/** Gives a cursor on each of these records in turn. */
function visit(names: readonly (string | Uint8Array)[], each: (cursor: RecordCursor) => void): void {
  const encoder = new BatchEncoder();
  for (const name of names) encoder.addRecord(typeof name === 'string' ? bytesOf(name) : name, null);
  const cursor = new RecordCursor();
  cursor.open(encoder.finish(1));
  while (cursor.next()) each(cursor);
}

describe('what is known of a tag', () => {
  test('is made once for each tag, from its path', () => {
    const made: string[] = [];
    const map = new TagMap((tag) => {
      made.push(tag);
      return tag.length < 3 ? undefined : { tag };
    });
    const found: unknown[] = [];
    visit(['a', 'Ölstand', 'a', '\uFEFFa', 'Ölstand', 'a'], (cursor) => found.push(map.get(cursor)));
    expect(made).toEqual(['a', 'Ölstand', '\uFEFFa']);
    expect(found).toEqual([undefined, { tag: 'Ölstand' }, undefined, undefined, { tag: 'Ölstand' }, undefined]);
    expect(found[1]).toBe(found[4]);
  });

  test('is made each time for tags beyond the bound, and right for all', () => {
    let made = 0;
    const map = new TagMap((tag) => `${tag}${made++}`, 2);
    const found: string[] = [];
    visit(['a', 'b', 'c', 'a', 'c', 'b'], (cursor) => found.push(map.get(cursor)));
    expect(found).toEqual(['a0', 'b1', 'c2', 'a0', 'c3', 'b1']);
  });
});

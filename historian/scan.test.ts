import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../edge/core/fault.ts';
import type { BlockList } from './block-list.ts';
import { Points } from './points.ts';
import { type HistoryPlace, Scan } from './scan.ts';

interface Row {
  readonly timeUs: number;
  readonly topic: number;
  readonly offset: number;
}

const byPlace = (a: Row, b: Row): number => a.timeUs - b.timeUs || a.topic - b.topic || a.offset - b.offset;

/** A list in memory, cut into blocks of `size`; `bad` blocks cannot be loaded. */
function listOf(topic: number, rows: readonly Row[], size: number, bad: ReadonlySet<number> = new Set()): BlockList {
  const sorted = rows.toSorted(byPlace);
  const blocks: Row[][] = [];
  for (let i = 0; i < sorted.length; i += size) blocks.push(sorted.slice(i, i + size));
  const row = (block: number, at: number): Row => blocks[block]?.at(at) ?? { timeUs: 0, topic: 0, offset: 0 };
  return {
    topic,
    count: blocks.length,
    first: (block) => row(block, 0).timeUs,
    last: (block) => row(block, -1).timeUs,
    samples: (block) => blocks[block]?.length ?? 0,
    load: (block) => {
      if (bad.has(block)) return new Fault('historian-damaged', `block ${block}`);
      const content = blocks[block] ?? [];
      const points = new Points(content.length);
      points.count = content.length;
      points.times.set(content.map(({ timeUs }) => timeUs));
      points.offsets.set(content.map(({ offset }) => offset));
      points.topics.fill(topic);
      return points;
    },
  };
}

function rowsOf(points: Points): Row[] {
  return Array.from({ length: points.count }, (_, i) => ({
    timeUs: points.times[i] ?? 0,
    topic: points.topics[i] ?? 0,
    offset: points.offsets[i] ?? 0,
  }));
}

/** Several lists over two topics; offsets are unique in a topic. */
const anyLists = fc.array(fc.record({ list: fc.nat(4), timeUs: fc.nat(30) }), { maxLength: 120 }).map((entries) =>
  [0, 1, 2, 3, 4].map((list) => ({
    topic: list % 2,
    rows: entries.flatMap((entry, offset) =>
      entry.list === list ? [{ timeUs: entry.timeUs, topic: list % 2, offset }] : [],
    ),
  })),
);

describe('a scan', () => {
  test('merges lists into one order, in pages that neither lose nor repeat', () => {
    const range = fc.tuple(fc.integer({ min: -5, max: 35 }), fc.integer({ min: -5, max: 35 }));
    fc.assert(
      fc.property(
        anyLists,
        range,
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 20 }),
        (lists, range2, size, limit) => {
          const [fromUs, toUs] = range2;
          const expected = lists
            .flatMap(({ rows }) => rows)
            .filter(({ timeUs }) => timeUs >= fromUs && timeUs < toUs)
            .toSorted(byPlace);
          const found: Row[] = [];
          for (let after: HistoryPlace | undefined, more = true; more; after = found.at(-1)) {
            const blocks = lists.map(({ topic, rows }) => listOf(topic, rows, size));
            const points = new Points(limit);
            more = new Scan(blocks, { fromUs, toUs, after }, () => undefined).collect(points, limit, 1e6);
            expect(points.count === limit || !more).toBe(true);
            found.push(...rowsOf(points));
          }
          expect(found).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('tells of a block that cannot be read and gives everything else', () => {
    fc.assert(
      fc.property(anyLists, fc.integer({ min: 1, max: 7 }), fc.nat(5), (lists, size, bad) => {
        const blocks = lists.map(({ topic, rows }) => listOf(topic, rows, size, new Set([bad])));
        const lost = lists.flatMap(({ rows }) => rows.toSorted(byPlace).slice(bad * size, (bad + 1) * size));
        const expected = lists
          .flatMap(({ rows }) => rows)
          .filter((row) => !lost.includes(row))
          .toSorted(byPlace);
        let missing = 0;
        const points = new Points(200);
        const scan = new Scan(blocks, { fromUs: -1, toUs: 100 }, (damage) => {
          missing += damage.samples;
        });
        expect(scan.collect(points, 200, 1e6)).toBe(false);
        expect(rowsOf(points)).toEqual(expected);
        expect(missing).toBe(lost.length);
      }),
    );
  });

  test('loads only blocks that it needs', () => {
    const loaded: number[] = [];
    const rows = Array.from({ length: 100 }, (_, i) => ({ timeUs: i, topic: 0, offset: i }));
    const list = listOf(0, rows, 10);
    const watched = { ...list, load: (block: number) => (loaded.push(block), list.load(block)) };
    const points = new Points(12);
    new Scan([watched], { fromUs: 35, toUs: 62 }, () => undefined).collect(points, 12, 1e6);
    expect(rowsOf(points).map(({ timeUs }) => timeUs)).toEqual(rows.slice(35, 47).map(({ timeUs }) => timeUs));
    expect(loaded).toEqual([3, 4]);
  });
});

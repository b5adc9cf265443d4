import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../edge/core/fault.ts';
import { Flag } from '../../edge/core/flags.ts';
import type { BlockList } from '../files/block-list.ts';
import { byPlace, listOf, NO_ROW, type Row, rowsOf, summarized } from '../kit/list-kit.ts';
import { Points } from '../points/points.ts';
import { NEARLY_FULL, Scan, type ScanRange } from './scan.ts';
import type { HistoryPlace } from './place.ts';

/** Several lists over two topics; offsets are unique in a topic. */
function listsOf(times: number, entry: fc.Arbitrary<number>) {
  return fc
    .array(fc.record({ list: fc.nat(4), timeUs: fc.nat(times), flags: entry }), { maxLength: 120, size: 'max' })
    .map((entries) =>
      [0, 1, 2, 3, 4].map((list) => ({
        topic: list % 2,
        rows: entries.flatMap(({ timeUs, flags, ...at }, offset) =>
          at.list === list ? [{ timeUs, topic: list % 2, offset, flags }] : [],
        ),
      })),
    );
}

const anyLists = listsOf(30, fc.constant(0));
const anyCorrected = listsOf(12, fc.constantFrom(0, 0, 0, Flag.correction));

/** What corrections leave: at each time what does not stand before the last one. */
function shownOf(rows: readonly Row[]): Row[] {
  const sorted = rows.toSorted(byPlace);
  const isReplaced = (row: Row, at: number): boolean =>
    sorted.slice(at + 1).some((later) => later.timeUs === row.timeUs && later.flags === Flag.correction);
  return sorted.filter((row, at) => !isReplaced(row, at));
}

/** Blocks that nothing lies in or beside; or, less strictly, of which what lies beside their first sample comes before it. */
function standing(
  lists: readonly BlockList[],
  { fromUs, toUs, after, replaced }: ScanRange,
  isStrict: boolean,
): string[] {
  const names: string[] = [];
  const rows = lists.map((list) => Array.from({ length: list.count }, (_, block) => rowsIn(list, block)));
  for (const [i, list] of lists.entries())
    for (let block = 0; block < list.count; block++) {
      const [first = NO_ROW, next] = [rows[i]?.[block]?.[0], rows[i]?.[block + 1]?.[0]];
      const [firstUs, lastUs] = [list.first(block), list.last(block)];
      const whole = list.summary?.(block);
      const isInside = firstUs >= fromUs && lastUs < toUs && firstUs > (after?.timeUs ?? Number.NEGATIVE_INFINITY);
      const isWhole = whole !== undefined && (replaced === true || whole.summary.distinct || !whole.summary.corrected);
      const isBeside = (row: Row): boolean =>
        row.timeUs <= lastUs && (isStrict ? row.timeUs >= firstUs : byPlace(row, first) > 0);
      const isAlone = !rows.toSpliced(i, 1).flat(2).some(isBeside) && (next === undefined || next.timeUs > lastUs);
      if (isInside && isWhole && isAlone) names.push(`${i}:${block}`);
    }
  return names;
}

function rowsIn(list: BlockList, block: number): Row[] {
  const points = list.load(block);
  return points instanceof Points ? rowsOf(points) : [];
}

const gone = (): Fault => new Fault('historian-expired', 'Only a roll-up is left.');

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

  test('leaves out what a correction replaces, wherever the two lie, in any pages, and counts it; or gives it when asked', () => {
    fc.assert(
      fc.property(
        anyCorrected,
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(12),
        (lists, size, limit, toUs) => {
          const all = lists.flatMap(({ rows }) => rows).filter(({ timeUs }) => timeUs < toUs);
          const blocks = lists.map(({ topic, rows }) => listOf(topic, rows, size));
          const scanOf = (after?: HistoryPlace, replaced?: boolean) =>
            new Scan(blocks, { fromUs: -1, toUs, after, replaced }, () => undefined);
          const paged: Row[] = [];
          for (let after: HistoryPlace | undefined, more = true; more; after = paged.at(-1)) {
            const points = new Points(limit);
            more = scanOf(after).collect(points, limit, 1e6);
            paged.push(...rowsOf(points));
          }
          expect(paged).toEqual(shownOf(all));
          const runs: Row[] = [];
          const scan = scanOf();
          scan.eachRun((points, start, end) => runs.push(...rowsOf(points).slice(start, end)) > 0);
          expect(runs).toEqual(paged);
          expect(scan.replaced).toBe(all.length - paged.length);
          const points = new Points(200);
          scanOf(undefined, true).collect(points, 200, 1e6);
          expect(rowsOf(points)).toEqual(all.toSorted(byPlace));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('tells of a block that cannot be read and gives everything else', () => {
    fc.assert(
      fc.property(anyCorrected, fc.integer({ min: 1, max: 7 }), fc.nat(5), (lists, size, bad) => {
        const blocks = lists.map(({ topic, rows }) => listOf(topic, rows, size, new Set([bad])));
        const lost = lists.flatMap(({ rows }) => rows.toSorted(byPlace).slice(bad * size, (bad + 1) * size));
        // Also without the corrections that are lost.
        const expected = shownOf(lists.flatMap(({ rows }) => rows).filter((row) => !lost.includes(row)));
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

  test('ends a page in front of a block that does not fit, if that is asked for, and reads each block once', () => {
    const loaded: number[] = [];
    const rows = Array.from({ length: 300 }, (_, i) => ({ timeUs: i, topic: 0, offset: i, flags: 0 }));
    const list = listOf(0, rows, 9);
    const watched: BlockList = {
      ...list,
      load: (block: number) => (loaded.push(block), list.load(block)),
      summary: (block: number) => summarized(list, block),
    };
    const found: Row[] = [];
    for (let after: HistoryPlace | undefined, more = true; more; after = found.at(-1)) {
      const points = new Points(100);
      const range = { fromUs: 0, toUs: 1000, after, wholeBlocks: true };
      more = new Scan([watched], range, () => undefined).collect(points, 100, 1e6);
      expect(points.count).toBe(more ? 99 : 3);
      found.push(...rowsOf(points));
    }
    expect(found).toEqual(rows);
    expect(loaded).toEqual(Array.from({ length: list.count }, (_, block) => block));
  });

  test('offers exactly those blocks that can stand for their samples, and what is taken stands where they would', () => {
    const anyWide = fc.oneof(listsOf(200, fc.constantFrom(0, 0, 0, Flag.correction)), listsOf(200, fc.constant(0)));
    const anyVerdicts = fc.array(fc.constantFrom('taken', 'samples', 'stop'), { minLength: 1, maxLength: 7 });
    const anySpan = fc.tuple(fc.integer({ min: -2, max: 100 }), fc.integer({ min: 50, max: 202 }));
    fc.assert(
      fc.property(
        anyWide,
        anySpan,
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        anyVerdicts,
        (lists, [fromUs, toUs], size, replaced, verdicts) => {
          const own = lists.flatMap(({ rows }) => rows).filter(({ timeUs }) => timeUs >= fromUs && timeUs < toUs);
          const all = own.toSorted(byPlace);
          const blocks = lists.map(({ topic, rows }) => {
            const list = listOf(topic, rows, size);
            return { ...list, summary: (block: number) => (block % 4 === 3 ? undefined : summarized(list, block)) };
          });
          const isCorrected = own.some(({ flags }) => flags !== 0);
          const found: Row[] = [];
          let asked = 0;
          const isOf = (verdict: string): boolean => verdicts[asked % verdicts.length] === verdict;
          for (let after: HistoryPlace | undefined, more = true; more; after = found.at(-1)) {
            const offered: string[] = [];
            let ended = false;
            expect(asked).toBeLessThan(10_000);
            const scan = new Scan(blocks, { fromUs, toUs, after, replaced }, () => undefined);
            more = scan.eachRun(
              (points, start, end, goesOn) => {
                expect(ended).toBe(false);
                found.push(...rowsOf(points).slice(start, end));
                const last = found.at(-1) ?? NO_ROW;
                const next = all[all.findIndex((row) => byPlace(row, last) === 0) + 1];
                // With corrections there may be more than are shown.
                const mayGoOn = next?.timeUs === last.timeUs || (isCorrected && !replaced && goesOn);
                expect(goesOn).toBe(mayGoOn);
                asked++;
                ended = isOf('stop');
                return !ended;
              },
              (_, list, block) => {
                expect(ended).toBe(false);
                offered.push(`${blocks.indexOf(list as (typeof blocks)[0])}:${block}`);
                asked++;
                const points = list.load(block);
                if (isOf('taken') && points instanceof Points) return (found.push(...rowsOf(points)), 'taken');
                // A page that stops at its first block would be the same again.
                ended = isOf('stop') && offered.length > 1;
                return ended ? 'stop' : 'samples';
              },
            );
            expect(more || found.length === (replaced ? all : shownOf(all)).length).toBe(true);
            expect(standing(blocks, { fromUs, toUs, after, replaced }, false)).toEqual(expect.arrayContaining(offered));
            const certain = standing(blocks, { fromUs, toUs, after, replaced }, true);
            expect(offered).toEqual(expect.arrayContaining(more ? [] : certain));
          }
          expect(found).toEqual(replaced ? all : shownOf(all));
        },
      ),
      { numRuns: 100 },
    );
  });

  test('of a block that has expired offers the summary, says what lies in its time, and tells of one that is not taken', () => {
    fc.assert(
      fc.property(
        listsOf(200, fc.constant(0)),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
        fc.integer({ min: 1, max: 5 }),
        (lists, verdicts, size) => {
          // All blocks of the first list have expired.
          const blocks = lists.map(({ topic, rows }, i): BlockList => {
            const list = listOf(topic, rows, size);
            const expired = { summary: (block: number) => ({ ...summarized(list, block), expired: true }), load: gone };
            return i === 0 ? { ...list, ...expired } : list;
          });
          const [first] = blocks;
          const others = lists.slice(1).flatMap(({ rows }) => rows);
          const told: unknown[] = [];
          const expected: unknown[] = [];
          const takes = (block: number): boolean => verdicts[block % verdicts.length] ?? true;
          const found: Row[] = [];
          // Pages end anywhere: each block is offered, and told of, once.
          for (let after: HistoryPlace | undefined, more = true, runs = 0; more; after = found.at(-1))
            more = new Scan(blocks, { fromUs: 0, toUs: 201, after }, ({ fault, ...damage }) =>
              told.push([fault.code, damage.firstUs, damage.lastUs, damage.samples]),
            ).eachRun(
              (points, start, end) => {
                found.push(...rowsOf(points).slice(start, end));
                return runs++ % 3 !== 0;
              },
              ({ summary: { firstUs, lastUs }, overlapped }, list, block) => {
                if (list !== first) return 'samples';
                told.push([block, overlapped]);
                expect(overlapped).toBe(
                  (block + 1 < list.count && list.first(block + 1) <= lastUs) ||
                    others.some(({ timeUs }) => timeUs >= firstUs && timeUs <= lastUs),
                );
                return takes(block) ? 'taken' : 'samples';
              },
            );
          for (let block = 0; block < (first?.count ?? 0); block++) {
            expected.push([block, expect.any(Boolean)]);
            const span = [first?.first(block), first?.last(block), first?.samples(block)];
            if (!takes(block)) expected.push(['historian-expired', ...span]);
          }
          expect(told).toEqual(expected);
          expect(found).toEqual(others.toSorted(byPlace));
        },
      ),
    );
  });

  test('ends a page of whole blocks where nine tenths are full and the next block has too many, and nowhere else', () => {
    const anySizes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 40 }), fc.nat(200));
    fc.assert(
      fc.property(anySizes, ([size, limit, count]) => {
        const rows = Array.from({ length: count }, (_, i): Row => ({ timeUs: i, topic: 0, offset: i, flags: 0 }));
        const list = listOf(0, rows, size);
        for (let from = 0, more = true; more;) {
          const points = new Points(limit);
          const range = { fromUs: 0, toUs: 1000, after: rows[from - 1], wholeBlocks: true };
          more = new Scan([list], range, () => undefined).collect(points, limit, 1e6);
          let end = from;
          const isFull = (): boolean =>
            end - from >= limit * NEARLY_FULL && end % size === 0 && end + Math.min(size, count - end) > from + limit;
          while (end < count && end - from < limit && !isFull()) end++;
          expect(rowsOf(points)).toEqual(rows.slice(from, end));
          expect(more).toBe(end < count);
          from = end;
        }
      }),
      { numRuns: 200 },
    );
  });

  test('loads only blocks that it needs', () => {
    const loaded: number[] = [];
    const rows = Array.from({ length: 100 }, (_, i) => ({ timeUs: i, topic: 0, offset: i, flags: 0 }));
    const list = listOf(0, rows, 10);
    const watched = { ...list, load: (block: number) => (loaded.push(block), list.load(block)) };
    const points = new Points(12);
    new Scan([watched], { fromUs: 35, toUs: 62 }, () => undefined).collect(points, 12, 1e6);
    expect(rowsOf(points).map(({ timeUs }) => timeUs)).toEqual(rows.slice(35, 47).map(({ timeUs }) => timeUs));
    expect(loaded.splice(0)).toEqual([3, 4]);
    const runs: number[] = [];
    new Scan([watched], { fromUs: 40, toUs: 60 }, () => undefined).eachRun(
      (_, start, end) => runs.push(end - start) > 0,
    );
    expect([loaded, runs]).toEqual([
      [4, 5],
      [10, 10],
    ]);
  });
});

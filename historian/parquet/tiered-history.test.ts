import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { EVER, lineOf } from '../kit/history-kit.ts';
import { HistoryPage, pagesOf, type RawQuery } from '../queries/history.ts';
import { Points } from '../points/points.ts';
import { TieredHistory } from './tiered-history.ts';

const TOPICS = ['samples', 'derived'];

interface Row {
  readonly timeUs: number;
  readonly topic: number;
  readonly offset: number;
}

const anyRow = fc.record({ timeUs: fc.nat(8), topic: fc.nat(1), offset: fc.nat(30) });
const anyRows = fc.uniqueArray(anyRow, { selector: ({ topic, offset }) => `${topic} ${offset}`, maxLength: 25 });

function inOrder(rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => a.timeUs - b.timeUs || a.topic - b.topic || a.offset - b.offset);
}

/** Rows in pages of so many, as a store or a tier gives them; one that ends between two rows now and then says so with a place that has no row. */
function pager(rows: readonly Row[], pageRows: number, query: RawQuery, expired: HistoryPage['expired']): HistoryPage {
  const { after, fromUs, toUs, limit = pageRows } = query;
  const wanted = inOrder(rows).filter(
    (row) =>
      row.timeUs >= fromUs &&
      row.timeUs < toUs &&
      (after === undefined || (row.timeUs - after.timeUs || row.topic - after.topic || row.offset - after.offset) > 0),
  );
  const taken = wanted.slice(0, Math.min(limit, pageRows));
  const points = new Points(taken.length);
  for (const [i, { timeUs, topic, offset }] of taken.entries()) {
    points.times[i] = timeUs;
    points.topics[i] = topic;
    points.offsets[i] = offset;
  }
  points.count = taken.length;
  const last = taken.at(-1);
  const next = last === undefined || taken.length === wanted.length ? null : { ...last };
  return new HistoryPage('site/a', points, TOPICS, [], next, expired);
}

test('whatever lies where and however it comes in pages: each sample once, in order', async () => {
  const anyWorld = fc.record({
    rows: anyRows,
    beforeUs: fc.nat(9),
    below: fc.nat(31),
    hotRows: fc.integer({ min: 1, max: 6 }),
    coldRows: fc.integer({ min: 1, max: 6 }),
    limit: fc.integer({ min: 1, max: 9 }),
    span: fc.tuple(fc.nat(9), fc.nat(9)),
  });
  await fc.assert(
    fc.asyncProperty(anyWorld, async ({ rows, beforeUs, below, hotRows, coldRows, limit, span: [fromUs, toUs] }) => {
      const expired = TOPICS.map((topic) => ({ topic, beforeUs, below }));
      const isGone = (row: Row): boolean => row.timeUs < beforeUs && row.offset < below;
      const hot = rows.filter((row) => !isGone(row));
      const cold = rows.filter(isGone);
      const history = new TieredHistory({
        store: { page: (query) => Promise.resolve(pager(hot, hotRows, query, expired)) },
        cold: { page: (query) => Promise.resolve(pager(cold, coldRows, query, [])) },
        beginUs: () => Number.NEGATIVE_INFINITY,
        erased: () => [],
      });
      const query = { tag: 'site/a', fromUs, toUs };
      const read: string[] = [];
      for await (const page of pagesOf({ page: (asked) => history.page({ ...asked, limit }) }, query))
        read.push(...[...page.samples()].map(lineOf));
      const whole = pager(rows, 1000, { ...EVER, ...query }, []);
      expect(read).toEqual([...whole.samples()].map(lineOf));
    }),
    { numRuns: 2000 },
  );
});

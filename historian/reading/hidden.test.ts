import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../edge/core/fault.ts';
import type { BlockList } from '../files/block-list.ts';
import { NOTHING_GONE } from '../files/gone.ts';
import { listOf, type Row, rowsOf, summarized } from '../kit/list-kit.ts';
import { HiddenCount, type HiddenSpan, withoutHidden } from './hidden.ts';

const anyRows = fc
  .array(fc.nat(20), { minLength: 1, maxLength: 40, size: 'max' })
  .map((times): Row[] => times.map((timeUs, offset) => ({ timeUs, topic: 0, offset, flags: 0 })));

/** Spans of one reason; some of all offsets, others of those up to so many. */
const anySpans = (offsets: number) =>
  fc
    .record({
      reason: fc.constantFrom<HiddenSpan['reason']>('erased', 'expired', 'rebuilt'),
      spans: fc.array(
        fc.record({
          fromUs: fc.oneof(fc.nat(20), fc.constant(Number.NEGATIVE_INFINITY)),
          toUs: fc.nat(22),
          from: fc.oneof(fc.constant(0), fc.nat(offsets)),
          below: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(offsets)),
        }),
        { maxLength: 4 },
      ),
    })
    .map(({ reason, spans }) => spans.map((span): HiddenSpan => ({ ...span, reason })));

const isIn = ({ fromUs, toUs, from, below }: HiddenSpan, { timeUs, offset }: Row): boolean =>
  timeUs >= fromUs && timeUs < toUs && offset >= from && offset < below;

/** What counting these rows comes to. */
function countOf(reason: HiddenSpan['reason'], rows: readonly Row[]): unknown {
  const times = rows.map(({ timeUs }) => timeUs);
  if (reason === 'rebuilt') return { samples: rows.length, gone: NOTHING_GONE };
  const expired = { expired: rows.length, firstUs: Math.min(...times), lastUs: Math.max(...times) };
  const gone = { ...NOTHING_GONE, samples: rows.length, ...(reason === 'expired' ? expired : {}) };
  return { samples: rows.length, gone };
}

/** Whether the times of a block come near a span. */
const isNear = (list: BlockList, block: number, { fromUs, toUs }: HiddenSpan): boolean =>
  fromUs <= list.last(block) && toUs > list.first(block);

/** The rows of a block, or why they are not to be had. */
function contentOf(list: BlockList, block: number): Row[] | string {
  const points = list.load(block);
  return points instanceof Fault ? points.code : rowsOf(points);
}

const BYTES = new Uint8Array(1);

describe('a list without what is hidden', () => {
  test('has the rows that no span hides, counts the others once, and reads no block that a span hides as a whole', () => {
    fc.assert(
      fc.property(anyRows, anySpans(40), fc.integer({ min: 1, max: 7 }), fc.nat(4), (rows, spans, size, bad) => {
        const whole = listOf(0, rows, size);
        const damaged = listOf(0, rows, size, new Set([bad]));
        const list: BlockList = { ...damaged, summary: (block) => summarized(whole, block), bytes: () => BYTES };
        const count = new HiddenCount();
        const visible = withoutHidden(list, spans, count);
        const hidden: Row[] = [];
        for (let block = 0; block < list.count; block++) {
          const points = whole.load(block);
          if (points instanceof Fault) throw points;
          const all = rowsOf(points);
          const near = spans.filter((span) => isNear(list, block, span));
          expect(visible.summary?.(block)).toEqual(near.length > 0 ? undefined : summarized(whole, block));
          expect(visible.bytes?.(block)).toBe(near.length > 0 ? undefined : BYTES);
          const isUnread = spans.some(
            (span) =>
              span.fromUs <= list.first(block) &&
              span.toUs > list.last(block) &&
              span.from === 0 &&
              span.below === Number.POSITIVE_INFINITY,
          );
          const shown = all.filter((row) => !spans.some((span) => isIn(span, row)));
          const expected = block === bad && !isUnread ? 'historian-damaged' : shown;
          // Also when it is read again.
          expect([contentOf(visible, block), contentOf(visible, block)]).toEqual([expected, expected]);
          if (block !== bad || isUnread) hidden.push(...all.filter((row) => spans.some((span) => isIn(span, row))));
        }
        expect({ samples: count.samples, gone: count.gone }).toEqual(countOf(spans[0]?.reason ?? 'rebuilt', hidden));
      }),
      { numRuns: 200 },
    );
  });

  test('has a summary whose samples have expired as long as nothing of it is erased, and not all of it has expired', () => {
    const anyOffsets = fc.tuple(fc.nat(6), fc.nat(6)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    fc.assert(
      fc.property(anyRows, anySpans(6), anyOffsets, (rows, spans, [leastOffset, greatestOffset]) => {
        const samples = listOf(0, rows, rows.length);
        const summary = { ...summarized(samples, 0), leastOffset, greatestOffset, expired: true };
        const list: BlockList = {
          ...samples,
          summary: () => summary,
          load: () => new Fault('historian-expired', 'Only a roll-up is left.'),
        };
        const count = new HiddenCount();
        const visible = withoutHidden(list, spans, count);
        const near = spans.filter(
          (span) => isNear(list, 0, span) && span.from <= greatestOffset && span.below > leastOffset,
        );
        const isAll = near.some(
          ({ fromUs, toUs, from, below }) =>
            fromUs <= list.first(0) && toUs > list.last(0) && from <= leastOffset && below > greatestOffset,
        );
        const isCut = near.some(({ reason }) => reason !== 'expired');
        expect(visible.summary?.(0)).toEqual(isAll || isCut ? undefined : summary);
        expect(contentOf(visible, 0)).toEqual(isAll ? [] : 'historian-expired');
        expect({ samples: count.samples, gone: count.gone }).toEqual(
          countOf(spans[0]?.reason ?? 'rebuilt', isAll ? rows : []),
        );
      }),
      { numRuns: 500 },
    );
  });
});

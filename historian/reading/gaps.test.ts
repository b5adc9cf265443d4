import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../edge/core/fault.ts';
import { MAX_GAPS } from '../limits.ts';
import type { Gap } from './gap.ts';
import { damageGap, joinedGaps, toldGaps } from './gaps.ts';
import { gapsBeside } from './lacking.ts';

const gapOf = (fromUs: number, toUs: number, reason: Gap['reason'] = 'expired'): Gap => {
  return { fromUs, toUs, reason, samples: 1, detail: 'Kept no longer.' };
};
const placeAt = (timeUs: number) => ({ timeUs, topic: 0, offset: 0 });

describe('the gaps of an answer', () => {
  test('are those of its span, in order and cut to it, each on one page', () => {
    const anyGap = fc.tuple(fc.nat(30), fc.nat(30)).map(([from, length]) => gapOf(from, from + length));
    const anyPages = fc.uniqueArray(fc.nat(60), { maxLength: 5 }).map((times) => times.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(fc.array(anyGap), fc.nat(60), fc.nat(60), anyPages, (gaps, fromUs, toUs, ends) => {
        const own = gaps.filter((gap) => fromUs < toUs && gap.fromUs < toUs && gap.toUs > fromUs);
        const expected = own
          .map((gap) => ({ ...gap, fromUs: Math.max(gap.fromUs, fromUs), toUs: Math.min(gap.toUs, toUs) }))
          .toSorted((a, b) => a.fromUs - b.fromUs);
        const pages = [...ends, undefined].map((endUs, i) => {
          const after = i === 0 ? undefined : placeAt(ends[i - 1] ?? 0);
          return toldGaps(gaps, { fromUs, toUs }, after, endUs === undefined ? null : placeAt(endUs));
        });
        expect(pages.flat()).toEqual(expected);
        for (const [i, page] of pages.entries())
          expect(page.every((gap) => gap.fromUs <= (ends[i] ?? Infinity) && gap.fromUs > (ends[i - 1] ?? -1))).toBe(
            true,
          );
      }),
    );
  });

  test('are 1,000 at most: the last one is all that are left', () => {
    const gaps = Array.from({ length: MAX_GAPS + 2 }, (_, i) => gapOf(i * 10, i * 10 + 5));
    expect(joinedGaps(gaps.slice(0, MAX_GAPS))).toEqual(gaps.slice(0, MAX_GAPS));
    expect(joinedGaps([])).toEqual([]);
    const long = gapOf(9991, 50_000);
    const rest = { ...gapOf(9990, 50_000), samples: null, detail: '4 gaps.' };
    expect(joinedGaps(gaps.toSpliced(MAX_GAPS, 0, long))).toEqual([...gaps.slice(0, MAX_GAPS - 1), rest]);
  });

  test('say what a block has lost', () => {
    const block = { firstUs: 5, lastUs: 9, samples: 3 };
    const expected = { fromUs: 5, toUs: 10, samples: 3, detail: 'why' };
    const gap = (code: 'historian-damaged' | 'historian-expired'): Gap =>
      damageGap({ ...block, fault: new Fault(code, 'why') });
    expect(gap('historian-damaged')).toEqual({ ...expected, reason: 'historian-damaged' });
    expect(gap('historian-expired')).toEqual({ ...expected, reason: 'expired' });
  });

  test('are none where what has expired is elsewhere', () => {
    expect(gapsBeside(gapOf(5, 10), 10)).toEqual([gapOf(5, 10)]);
    expect(gapsBeside(gapOf(5, 10), 9)).toEqual([{ ...gapOf(5, 9), samples: null }]);
    expect(gapsBeside(gapOf(5, 10), 5)).toEqual([]);
    expect(gapsBeside(gapOf(5, 10, 'historian-damaged'), 0)).toEqual([gapOf(5, 10, 'historian-damaged')]);
  });
});

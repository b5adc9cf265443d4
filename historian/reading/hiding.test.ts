import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EraseRequest } from '../files/erasures.ts';
import type { FileEntry } from '../files/file-writer.ts';
import type { Expiry } from '../files/manifest.ts';
import { expiryAt, hiddenSpans, type Kept, keptMs, type Looking } from './hiding.ts';

const TOPICS = ['samples', 'samples.bulk'] as const;
const TAGS = ['northmill/a', 'northmill/b'] as const;
const DAY_US = 86_400e6;

/** A file whose records of each topic are these. */
function fileOf(offsets: FileEntry['offsets'], more: Partial<FileEntry> = {}): FileEntry {
  const facts = { sinceMs: 0, writtenMs: 0, erased: 0 };
  return { name: '1.mrh', bytes: 1000, crc32c: 0, samples: 1, firstUs: 0, lastUs: 0, offsets, ...facts, ...more };
}

const anyOffset = fc.nat(20);
const anyLevel = fc.record({ beforeUs: fc.nat(20).map((day) => day * DAY_US), below: anyOffset });
const anyTags = fc.constantFrom<EraseRequest['tags']>({ prefix: 'northmill/' }, { paths: [TAGS[0]] }, { paths: [] });
const anyErasures = fc
  .array(
    fc.record({
      tags: anyTags,
      fromUs: fc.nat(20).map((day) => day * DAY_US),
      toUs: fc.nat(20).map((day) => day * DAY_US),
      upTo: fc.constantFrom({}, { samples: 7 }, { samples: 13, 'samples.bulk': 5 }),
    }),
    { maxLength: 3 },
  )
  .map((erasures) => erasures.map((erasure, i) => ({ ...erasure, id: i + 1, key: '' })));
const anyExpired = fc
  .uniqueArray(
    fc.record(
      { topic: fc.constantFrom(...TOPICS), level: anyLevel, rollups: fc.array(anyLevel, { maxLength: 3 }) },
      { requiredKeys: ['topic', 'level'] },
    ),
    { selector: ({ topic }) => topic },
  )
  .map((all) =>
    all.map(({ topic, level, rollups }): Expiry => ({
      topic,
      ...level,
      ...(rollups === undefined ? {} : { rollups }),
    })),
  );

/** Around each day. */
const TIMES = Array.from({ length: 22 }, (_, day) => [day * DAY_US - 1, day * DAY_US]).flat();

describe('what nobody is to see', () => {
  test('is what was erased since the file was written, and what has expired for who looks', () => {
    const anyRange = fc.tuple(anyOffset, anyOffset).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    const anyEntry = fc.option(
      fc
        .record({ range: anyRange, erased: fc.nat(3) })
        .map(({ range, erased }) => fileOf({ samples: range }, { erased })),
      { nil: undefined },
    );
    fc.assert(
      fc.property(
        anyErasures,
        anyExpired,
        anyEntry,
        fc.constantFrom(...TAGS),
        fc.constantFrom<Looking>('samples', 'rollups'),
        (erasures, expired, entry, tag, looking) => {
          const spans = hiddenSpans({ erasures, expired }, () => tag, 'samples', entry, looking);
          const [first, last] = entry?.offsets['samples'] ?? [0, 21];
          const own = expired.find(({ topic }) => topic === 'samples');
          const end = looking === 'samples' || own?.rollups === undefined ? own : own.rollups[2];
          const [found, expected]: string[][] = [[], []];
          for (let offset = first; offset <= last; offset++)
            for (const timeUs of TIMES) {
              const isErased = erasures.some(
                ({ id, tags, fromUs, toUs, upTo }) =>
                  id > (entry?.erased ?? 0) &&
                  ('prefix' in tags || tags.paths.includes(tag)) &&
                  timeUs >= fromUs &&
                  timeUs < toUs &&
                  offset < (upTo.samples ?? 0),
              );
              const isExpired = end !== undefined && timeUs < end.beforeUs && offset < end.below;
              const hiding = spans.filter(
                ({ fromUs, toUs, from, below }) =>
                  timeUs >= fromUs && timeUs < toUs && offset >= from && offset < below,
              );
              for (const reason of ['erased', 'expired']) {
                if (hiding.some((span) => span.reason === reason)) found?.push(`${offset} ${timeUs} ${reason}`);
                if (reason === 'erased' ? isErased : isExpired) expected?.push(`${offset} ${timeUs} ${reason}`);
              }
            }
          expect(found).toEqual(expected);
          // What all of a file's records are in is of all offsets: it hides blocks without a look at them.
          expect(spans.filter(({ from, below }) => from > 0 || (below > last && below < Infinity))).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });
});

const DAY_MS = 86_400_000;
/** A step of what has expired is a day. */
const KEPT: Kept = { retentionMs: { samples: 256 * DAY_MS }, rollupsMs: [] };

describe('how far a topic has expired', () => {
  const files = [fileOf({ samples: [0, 99] }), fileOf({ samples: [100, 149] }, { writtenMs: DAY_MS / 2 })];
  /** So long after the time that is kept, ms. */
  const expiry = (ms: number, before: readonly Expiry[] = [], kept = KEPT) =>
    expiryAt(before, files, kept, 256 * DAY_MS + ms);
  const first: Expiry = { topic: 'samples', beforeUs: 1000, below: 100 };

  test('is known of the records of files that were written before the time that is kept', () => {
    expect(expiry(0)).toBeUndefined();
    expect(expiry(1)).toEqual([first]);
    expect(expiryAt([], [fileOf({ 'samples.bulk': [0, 99] })], KEPT, 300 * DAY_MS)).toBeUndefined();
  });

  test('goes on in steps of a 256th of that time, or with the records of another file; never back', () => {
    expect(expiry(DAY_MS / 2, [first])).toBeUndefined();
    const both = { topic: 'samples', beforeUs: (DAY_MS / 2 + 1) * 1000, below: 150 };
    expect(expiry(DAY_MS / 2 + 1, [first])).toEqual([both]);
    expect(expiry((3 * DAY_MS) / 2 + 1, [both])).toBeUndefined();
    const later = { ...both, beforeUs: both.beforeUs + DAY_US + 1000 };
    expect(expiry((3 * DAY_MS) / 2 + 2, [both])).toEqual([later]);
    expect(expiry(1, [later])).toBeUndefined();
    // Also where there is something to be told of another topic.
    const other = { ...later, topic: 'samples.bulk', below: 50 };
    expect(
      expiry(1, [later, other], { ...KEPT, retentionMs: { ...KEPT.retentionMs, 'samples.bulk': DAY_MS } }),
    ).toEqual([later, { ...other, beforeUs: 255 * DAY_US + 1000 }]);
  });

  test('of a topic that is kept for ever now stays what it was', () => {
    const other = { topic: 'samples.bulk', beforeUs: 5, below: 7 };
    expect(expiry(1, [other])).toEqual([other, first]);
  });

  test('is of roll-ups as far as any of them have, and changes when they are switched on or off', () => {
    const rollupsMs = [(256 * DAY_MS + 1) / 2, 256.25 * DAY_MS, 300 * DAY_MS];
    const kept = { ...KEPT, rollupsMs };
    // Minutes are kept for as long as samples, at least.
    const ofMinutes = { ...first, rollups: [{ beforeUs: 1000, below: 100 }] };
    expect(expiry(1, [], kept)).toEqual([ofMinutes]);
    expect(expiry(1, [ofMinutes], kept)).toBeUndefined();
    const hours = { beforeUs: 250_000, below: 100 };
    expect(expiry(DAY_MS / 4 + 250, [ofMinutes], kept)).toEqual([
      { ...ofMinutes, rollups: [...ofMinutes.rollups, hours] },
    ]);
    expect(expiry(1, [ofMinutes])).toEqual([first]);
    expect(expiry(1, [first], kept)).toEqual([ofMinutes]);
    expect([0, 1, 2, 3, 4].map((level) => keptMs(kept, 'samples', level) / DAY_MS)).toEqual([
      256,
      256,
      256.25,
      300,
      Infinity,
    ]);
    expect(keptMs(kept, 'samples.bulk', 0)).toBe(Infinity);
  });
});

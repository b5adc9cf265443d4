import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chosenTags } from '../erasures/order.ts';
import { Fault } from '../core/fault.ts';
import { tagPathKey } from '../core/tag-path.ts';
import { ErasedTags, readErasure, type SiteErasure, topicsOf } from './erased-event.ts';

/** As FORMAT.md has it. */
const event = {
  v: 1,
  at: 1_584_440_073_000_000,
  type: 'erased',
  id: '9f0c',
  by: 'eve',
  reason: 'names of persons',
  tags: ['northmill/press/operator'],
  prefix: false,
  fromUs: 1_584_440_000_000_000,
  toUs: 1_584_440_010_000_000,
  upTo: { samples: 1200 } as Record<string, unknown>,
  samples: 10,
};

function read(change: object = {}, site = 'northmill'): ReturnType<typeof readErasure> {
  return readErasure(Buffer.from(JSON.stringify({ ...event, ...change })), site);
}

/** The order that it must be. */
function order(change: object = {}): SiteErasure {
  const found = read(change);
  if (found === undefined) throw new Error('no order');
  return found;
}

test('an order is read as the gateway of the site has written it', () => {
  const { id, by, reason, tags, prefix, fromUs, toUs, upTo } = event;
  expect(read()).toEqual({ id, by, reason, tags, prefix, fromUs, toUs, upTo });
  expect(topicsOf(order())).toEqual([['samples', 1200]]);
});

test('topics that hold no samples, and those of which nothing is meant, are left out', () => {
  const upTo = { samples: 0, 'samples.bulk': 7, derived: 1, events: 9, __proto__: 5 };
  expect(topicsOf(order({ upTo }))).toEqual([
    ['samples.bulk', 7],
    ['derived', 1],
  ]);
});

test.each([
  ['another event', { type: 'connected', reason: '"erased"' }],
  ['an alarm about a tag of this name', { type: 'alarm', tag: 'erased' }],
])('%s is no order', (_, change) => {
  expect(read(change)).toBeUndefined();
});

describe('what no gateway of the site writes is refused', () => {
  test.each<[string, object, string]>([
    ['a tag of another site', { tags: ['northmill/a', 'southmill/a'] }, '"southmill/a" is no tag of northmill'],
    ['a site whose name begins alike', { tags: ['northmill2/a'] }, '"northmill2/a" is no tag of northmill'],
    ['all of another site', { tags: ['southmill'], prefix: true }, '"southmill" is no tag of northmill'],
    ['everything', { tags: [''], prefix: true }, '"" is no tag of northmill'],
    ['a pattern', { tags: ['northmill/#'] }, '"northmill/#" is no tag of northmill'],
    ['the site as a tag', { tags: ['northmill'] }, '"northmill" is no tag of northmill'],
    ['an empty span', { toUs: event.fromUs }, 'its span is none'],
    ['a span that runs backwards', { toUs: 0 }, 'its span is none'],
    ['a span that is no number', { fromUs: '1970' }, 'fromUs: '],
    ['a span without an end', { toUs: null }, 'toUs: '],
    ['no tag', { tags: [] }, 'tags: no tag'],
    ['too many tags', { tags: Array.from({ length: 5001 }, (_, i) => `northmill/${i}`) }, 'tags: more than 5000 tags'],
    ['tags that are none', { tags: [{ $ne: 1 }] }, 'tags.0: '],
    ['an offset below zero', { upTo: { samples: -1 } }, 'upTo.samples: '],
    ['an offset that is none', { upTo: { samples: 1e300 } }, 'upTo.samples: '],
    ['no offsets', { upTo: null }, 'upTo: '],
  ])('%s', (_, change, why) => {
    const detail: unknown = expect.stringContaining(why);
    expect(() => read(change)).toThrow(expect.objectContaining({ code: 'hub-erasure-refused', detail }));
  });

  test('an order that is damaged', () => {
    const bytes = Buffer.from(JSON.stringify(event));
    expect(() => readErasure(bytes.subarray(0, bytes.length - 1), 'northmill')).toThrow(/no JSON/);
    expect(() => readErasure(Buffer.concat([Buffer.of(0xff), bytes]), 'northmill')).toThrow(/no JSON/);
  });
});

/** Throws for anything but a refusal. */
function outcomeOf(bytes: Uint8Array): SiteErasure | undefined {
  try {
    return readErasure(bytes, 'northmill');
  } catch (error) {
    if (error instanceof Fault && error.code === 'hub-erasure-refused') return undefined;
    throw error;
  }
}

test('any bytes are an order of this site, another event, or refused', () => {
  const text = JSON.stringify(event);
  const mangled = fc
    .tuple(fc.nat(text.length - 1), fc.string({ maxLength: 8 }), fc.nat(20))
    .map(([at, put, cut]) => Buffer.from(text.slice(0, at) + put + text.slice(at + cut)));
  const changed = fc
    .tuple(fc.constantFrom(...Object.keys(event)), fc.jsonValue())
    .map(([key, value]) => Buffer.from(JSON.stringify({ ...event, [key]: value })));
  fc.assert(
    fc.property(fc.oneof(mangled, changed, fc.uint8Array()), (bytes) => {
      const found = outcomeOf(bytes);
      // Neither: it was refused, or is another event.
      const tags = found?.tags ?? ['northmill/a'];
      for (const tag of tags) expect(tagPathKey(tag)).toMatch(/^northmill\/./);
      expect(found === undefined || found.fromUs < found.toUs).toBe(true);
      for (const [, upTo] of found === undefined ? [] : topicsOf(found)) expect(Number.isSafeInteger(upTo)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('the tags that an order is about are those that the gateway has chosen', () => {
  const level = fc.constantFrom('line1', 'Line1', 'line10', 'a', 'ä', 'Ä', 'x');
  const tag = fc.array(level, { minLength: 1, maxLength: 3 }).map((levels) => ['north', ...levels].join('/'));
  fc.assert(
    fc.property(
      fc.uniqueArray(tag, { maxLength: 12, selector: tagPathKey }),
      fc.array(tag, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      (known, tags, prefix) => {
        const dictionary = {
          all: () => known.map((path) => ({ path })),
          find: (path: string) =>
            known.map((each) => ({ path: each })).find((each) => tagPathKey(each.path) === tagPathKey(path)),
        } as unknown as Parameters<typeof chosenTags>[0];
        // The gateway takes no order about tags that it does not have.
        const asked = tags.filter((path) => {
          try {
            return chosenTags(dictionary, { tags: [path], prefix }).paths.length > 0;
          } catch {
            return false;
          }
        });
        const erased = new ErasedTags({ tags: asked, prefix });
        const chosen = asked.length === 0 ? [] : chosenTags(dictionary, { tags: asked, prefix }).paths;
        expect(known.filter((path) => erased.has(path)).toSorted()).toEqual([...chosen].toSorted());
      },
    ),
    { numRuns: 500 },
  );
});

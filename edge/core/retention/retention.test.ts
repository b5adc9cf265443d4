import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bytesByLink,
  bytesForLinks,
  bytesOf,
  type Holds,
  limitBytes,
  nextRelease,
  planReleases,
  type Release,
  retentionClass,
  type RetentionFacts,
  type TopicFacts,
} from './retention.ts';

const DAY_MS = 86_400_000;
/** "Now" of these tests, ms. */
const NOW = 1_700_000_000_000;

/** A topic whose complete segments have so many bytes and ten records each; the oldest is so old, each later one a day younger. The active one is empty. */
function topic(name: string, bytes: readonly number[], oldestDays = bytes.length): TopicFacts {
  const segments = bytes.map((each, i) => {
    return { baseOffset: 10 * i, endOffset: 10 * i + 10, bytes: each, greatestMs: NOW - (oldestDays - i) * DAY_MS };
  });
  const end = 10 * bytes.length;
  return { topic: name, segments, active: { baseOffset: end, endOffset: end, bytes: 0, greatestMs: undefined } };
}

function facts(topics: readonly TopicFacts[], more: Partial<RetentionFacts> = {}): RetentionFacts {
  const base = { holds: {}, budgetBytes: Infinity, freeBytes: Infinity, reserveBytes: 0, retentionMs: {}, nowMs: NOW };
  return { ...base, topics, clockTrusted: true, ...more };
}

/** Releases as "topic base reason". */
const said = (releases: readonly Release[]): string[] =>
  releases.map(({ topic: name, segment, reason }) => `${name} ${segment.baseOffset} ${reason}`);

const plan = (topics: readonly TopicFacts[], more?: Partial<RetentionFacts>): string[] =>
  said(planReleases(facts(topics, more)));

describe('size', () => {
  test('nothing goes while the log is within its budget', () => {
    expect(plan([topic('samples', [10, 10])], { budgetBytes: 20 })).toEqual([]);
  });

  test('the oldest segments go until it is', () => {
    const releases = ['samples 0 budget', 'samples 10 budget'];
    expect(plan([topic('samples', [10, 10, 10])], { budgetBytes: 19 })).toEqual(releases);
  });

  test('the largest topic gives; bulk counts fourfold, what is critical a quarter, so that neither empties the other', () => {
    const topics = [topic('samples.bulk', [10, 10, 10]), topic('samples', [10, 10, 10, 10, 10])];
    const critical = topic('samples.critical', [10, 10, 10, 10]);
    expect(plan([...topics, critical], { budgetBytes: 70 })).toEqual([
      'samples.bulk 0 budget',
      'samples.bulk 10 budget',
      'samples 0 budget',
      'samples.bulk 20 budget',
      'samples 10 budget',
    ]);
  });

  test('the segment that is written to never goes for its size', () => {
    const active = { baseOffset: 10, endOffset: 20, bytes: 100, greatestMs: NOW };
    expect(plan([{ ...topic('samples', [10]), active }], { budgetBytes: 50 })).toEqual(['samples 0 budget']);
  });

  test('size wins over time: what is young goes too', () => {
    const kept = { retentionMs: { samples: 365 * DAY_MS } };
    expect(plan([topic('samples', [10, 10])], { ...kept, budgetBytes: 10 })).toEqual(['samples 0 budget']);
  });
});

describe('the reserve of the disk', () => {
  test.each([
    [100, 40, []],
    [39, 40, ['samples 0 reserve']],
    [25, 40, ['samples 0 reserve', 'samples 10 reserve']],
    [0, 40, ['samples 0 reserve', 'samples 10 reserve', 'samples 20 reserve']],
  ])('%d bytes free, reserve %d: data goes as if the budget were smaller', (freeBytes, reserveBytes, expected) => {
    expect(plan([topic('samples', [10, 10, 10])], { budgetBytes: 1000, freeBytes, reserveBytes })).toEqual(expected);
  });

  test('takes from links too: a disk is not full because a link is down', () => {
    const links = { cloud: { samples: 0 } };
    const short = { freeBytes: 0, reserveBytes: 40, holds: { links } };
    expect(plan([topic('samples', [10, 10, 10])], short)).toEqual([
      'samples 0 held-by-links',
      'samples 10 held-by-links',
      'samples 20 held-by-links',
    ]);
  });
});

describe('local consumers', () => {
  test.each([
    [0, []],
    [9, []],
    [10, ['samples 0 budget']],
    [29, ['samples 0 budget', 'samples 10 budget']],
  ])('need all from offset %d on: it stays, whatever the budget and its age', (hold, expected) => {
    const topics = [topic('samples', [10, 10, 10])];
    const holds = { local: { samples: hold } };
    expect(plan(topics, { holds, budgetBytes: 0 })).toEqual(expected);
    const aged = plan(topics, { holds, retentionMs: { samples: 0 } });
    expect(aged).toEqual(expected.map((each) => each.replace('budget', 'expired')));
  });

  test('state stays while its consumer has not said what it needs of it', () => {
    const topics = [topic('__state.alarms', [10, 10])];
    expect(plan(topics, { budgetBytes: 0 })).toEqual([]);
    const holds = { local: { '__state.alarms': 13 } };
    expect(plan(topics, { holds, budgetBytes: 0 })).toEqual(['__state.alarms 0 budget']);
  });

  test('`tags` is never given up: neither for its size nor for its age nor beyond what links may hold', () => {
    const topics = [topic('tags', [10, 10])];
    expect(
      plan(topics, { budgetBytes: 0, retentionMs: { tags: 0 }, holds: { links: { cloud: { tags: 0 } } } }),
    ).toEqual([]);
  });
});

describe('links', () => {
  test('hold back half of the budget: what nobody needs goes first', () => {
    const topics = [topic('samples', [10, 10, 10]), topic('derived', [10, 10, 10])];
    const holds = { links: { cloud: { samples: 0 } } };
    expect(plan(topics, { holds, budgetBytes: 40 })).toEqual(['derived 0 budget', 'derived 10 budget']);
  });

  test('beyond that bulk goes, then samples, then other topics, last what is critical', () => {
    const names = ['samples.critical', 'derived', 'samples', 'samples.bulk', 'quarantine', 'audit', 'events'];
    const topics = names.map((name) => topic(name, [10, 10]));
    const holds = { links: { cloud: Object.fromEntries(names.map((name) => [name, 0])) } };
    const releases = planReleases(facts(topics, { holds, budgetBytes: 0 }));
    const order = [...new Set(releases.map((release) => release.topic))];
    expect(order.slice(0, 2)).toEqual(['samples.bulk', 'samples']);
    expect(order.slice(2, 4).toSorted()).toEqual(['derived', 'quarantine']);
    expect(order.slice(4).toSorted()).toEqual(['audit', 'events', 'samples.critical']);
    expect(new Set(releases.map(({ reason }) => reason))).toEqual(new Set(['held-by-links']));
    expect(releases).toHaveLength(14);
  });

  test('that have had their half do not push out what tells of the rest', () => {
    const topics = [topic('samples', [10, 10, 10]), topic('audit', [10])];
    const holds = { links: { cloud: { samples: 0 } } };
    expect(plan(topics, { holds, budgetBytes: 30 })).toEqual(['samples 0 held-by-links']);
    expect(plan(topics, { holds, budgetBytes: 70 })).toEqual([]);
  });

  test('within their half they keep data although nothing else may go', () => {
    const held = topic('derived', [10, 10, 10, 10]);
    const topics = [topic('samples', [10, 10]), held];
    const holds = { links: { cloud: { samples: 0 } }, local: { derived: 0 } };
    expect(plan(topics, { holds, budgetBytes: 40 })).toEqual([]);
    expect(plan(topics, { holds, budgetBytes: 39 })).toEqual(['samples 0 held-by-links']);
  });

  test('keep what is too old, up to their half', () => {
    const old = { retentionMs: { samples: DAY_MS / 2 }, holds: { links: { cloud: { samples: 10 } } } };
    const topics = [topic('samples', [10, 10, 10])];
    expect(plan(topics, { ...old, budgetBytes: 40 })).toEqual(['samples 0 expired']);
    expect(plan(topics, { ...old, budgetBytes: 39 })).toEqual(['samples 0 expired', 'samples 10 held-by-links']);
  });

  test('a release names those that lack something of it, and from where on', () => {
    const links = { near: { samples: 10 }, far: { samples: 4 }, unknown: { samples: null }, other: { derived: 0 } };
    const release = nextRelease(facts([topic('samples', [10])], { holds: { links }, budgetBytes: 0 }));
    expect(release?.lacking).toEqual([
      { link: 'far', from: 4 },
      { link: 'unknown', from: null },
    ]);
  });

  test('bytes that a link has not had', () => {
    const topics = [topic('samples', [10, 20, 30]), topic('derived', [5])];
    const links = { cloud: { samples: 10, derived: 10 }, unknown: { samples: null }, done: { samples: 30 } };
    expect(bytesByLink(topics, { links })).toEqual({ cloud: 50, unknown: 60, done: 0 });
  });
});

describe('time', () => {
  const kept = { retentionMs: { samples: 2 * DAY_MS } };

  test('segments go when all of them is older than their topic keeps it', () => {
    const topics = [topic('samples', [10, 10, 10, 10]), topic('derived', [10, 10, 10, 10])];
    expect(plan(topics, kept)).toEqual(['samples 0 expired', 'samples 10 expired']);
  });

  test('also the one that is written to, when it is the last', () => {
    const old = { baseOffset: 10, endOffset: 12, bytes: 10, greatestMs: NOW - 3 * DAY_MS };
    expect(plan([{ ...topic('samples', [10]), active: old }], kept)).toEqual([]);
    expect(plan([{ ...topic('samples', [10], 3), active: old }], kept)).toEqual([
      'samples 0 expired',
      'samples 10 expired',
    ]);
    expect(plan([topic('samples', [])], kept)).toEqual([]);
  });

  test('nothing expires whose age is not known, or while the clock is not believed', () => {
    const unknown = topic('samples', [10, 10, 10, 10]).segments.map((each) => ({ ...each, greatestMs: undefined }));
    expect(plan([{ ...topic('samples', []), segments: unknown }], kept)).toEqual([]);
    expect(plan([topic('samples', [10, 10, 10, 10])], { ...kept, clockTrusted: false })).toEqual([]);
  });

  test('what was stamped ahead of the clock does not expire', () => {
    expect(plan([topic('samples', [10, 10], -300)], kept)).toEqual([]);
  });
});

/** The facts when these have gone. */
function after(before: RetentionFacts, releases: readonly Release[]): RetentionFacts {
  const gone = new Set(releases.map(({ topic: name, segment }) => `${name} ${segment.baseOffset}`));
  const topics = before.topics.map((each): TopicFacts => {
    const segments = each.segments.filter(({ baseOffset }) => !gone.has(`${each.topic} ${baseOffset}`));
    const { baseOffset, endOffset } = each.active;
    const rolled = gone.has(`${each.topic} ${baseOffset}`) && endOffset > baseOffset;
    const empty = { baseOffset: endOffset, endOffset, bytes: 0, greatestMs: undefined };
    return { ...each, segments, active: rolled ? empty : each.active };
  });
  return { ...before, topics, freeBytes: before.freeBytes + bytesOf(before.topics) - bytesOf(topics) };
}

/** Nothing in this gateway needs it. */
const mayGoLocally = ({ local = {} }: Holds, name: string, endOffset: number): boolean =>
  name !== 'tags' && endOffset <= (local[name] ?? (name.startsWith('__state.') ? 0 : Infinity));

/** The order in which links lose. */
function rank(name: string): number {
  const kind = retentionClass(name);
  return kind === 'bulk' ? 0 : kind === 'critical' ? 3 : name === 'samples' ? 1 : 2;
}

/** Some link has not had all of the oldest complete segment. */
function isLacked({ holds: { links = {} } }: RetentionFacts, { topic: name, segments }: TopicFacts): boolean {
  return Object.values(links).some((link) => {
    const from = link[name];
    return from !== undefined && (from === null || from < (segments[0]?.endOffset ?? 0));
  });
}

describe('whatever the log, its consumers and the disk', () => {
  const names = ['samples', 'samples.critical', 'samples.bulk', 'derived', 'events', 'tags', '__state.alarms'];
  const someTopic = fc
    .record({
      name: fc.constantFrom(...names),
      bytes: fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 6 }),
      oldestDays: fc.integer({ min: -2, max: 10 }),
      active: fc.integer({ min: 0, max: 50 }),
    })
    .map(({ name, bytes, oldestDays, active }): TopicFacts => {
      const made = topic(name, bytes, oldestDays);
      const { baseOffset } = made.active;
      const greatestMs = active === 0 ? undefined : NOW - 2 * DAY_MS;
      return { ...made, active: { baseOffset, endOffset: baseOffset + active, bytes: active, greatestMs } };
    });
  const offsets = fc.dictionary(fc.constantFrom(...names), fc.integer({ min: 0, max: 70 }));
  const positions = fc.dictionary(fc.constantFrom(...names), fc.option(fc.integer({ min: 0, max: 70 })));
  const someFacts = fc
    .record({
      topics: fc.uniqueArray(someTopic, { selector: ({ topic: name }) => name, minLength: 1 }),
      local: offsets,
      links: fc.dictionary(fc.constantFrom('cloud', 'other'), positions),
      budgetBytes: fc.integer({ min: 0, max: 500 }),
      freeBytes: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 200 })),
      reserveBytes: fc.integer({ min: 0, max: 200 }),
      retentionMs: fc.dictionary(fc.constantFrom(...names), fc.integer({ min: 0, max: 8 * DAY_MS })),
      clockTrusted: fc.boolean(),
    })
    .map(({ topics, local, links, ...rest }): RetentionFacts => facts(topics, { ...rest, holds: { local, links } }));

  test('nothing goes that a consumer in this gateway holds', () => {
    fc.assert(
      fc.property(someFacts, (before) => {
        for (const { topic: name, segment } of planReleases(before))
          expect(mayGoLocally(before.holds, name, segment.endOffset)).toBe(true);
      }),
    );
  });

  test('afterwards the log is within its bounds, or nothing that is left may go', () => {
    fc.assert(
      fc.property(someFacts, (before) => {
        const then = after(before, planReleases(before));
        const bytes = bytesOf(then.topics);
        const limit = limitBytes(then, bytes);
        if (bytes <= limit) return;
        const linksExceed = bytesForLinks(then) > limit / 2;
        for (const { topic: name, segments } of then.topics) {
          const [oldest] = segments;
          if (oldest === undefined || !mayGoLocally(then.holds, name, oldest.endOffset)) continue;
          const lacking = Object.values(then.holds.links ?? {}).some((link) => {
            const from = link[name];
            return from !== undefined && (from === null || from < oldest.endOffset);
          });
          expect({ name, lacking, linksExceed }).toEqual({ name, lacking: true, linksExceed: false });
        }
      }),
    );
  });

  test('each topic gives its oldest first, and only while there is a reason', () => {
    fc.assert(
      fc.property(someFacts, (before) => {
        const releases = planReleases(before);
        for (const [i, { topic: name, segment, reason, lacking }] of releases.entries()) {
          const now = after(before, releases.slice(0, i));
          const found = now.topics.find((each) => each.topic === name);
          expect(segment.baseOffset).toBe((found?.segments[0] ?? found?.active)?.baseOffset);
          const bytes = bytesOf(now.topics);
          const over = bytes > limitBytes(now, bytes);
          const keptMs = before.retentionMs[name] ?? Infinity;
          const expired = before.clockTrusted && (segment.greatestMs ?? Infinity) < NOW - keptMs;
          const grounds = { expired, 'held-by-links': expired || over, budget: over, reserve: over };
          expect(grounds[reason]).toBe(true);
          expect(lacking.length > 0).toBe(reason === 'held-by-links');
        }
      }),
    );
  });

  test('of what links lose, nothing critical goes while there is anything else of theirs that may', () => {
    fc.assert(
      fc.property(someFacts, (some) => {
        const before = { ...some, retentionMs: {} };
        const releases = planReleases(before);
        for (const [i, { topic: name, reason }] of releases.entries()) {
          if (reason !== 'held-by-links') continue;
          const now = after(before, releases.slice(0, i));
          for (const other of now.topics) {
            const [oldest] = other.segments;
            if (oldest === undefined || !mayGoLocally(now.holds, other.topic, oldest.endOffset)) continue;
            expect(rank(other.topic)).toBeGreaterThanOrEqual(isLacked(now, other) ? rank(name) : 3);
          }
        }
      }),
    );
  });
});

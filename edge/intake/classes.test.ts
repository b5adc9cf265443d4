import path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Reading } from '../../connectors/contract.ts';
import { type Disk, realDisk } from '../core/disk.ts';
import { Flag } from '../core/flags.ts';
import { SAMPLE_TOPICS, sampleTopic, TAG_CLASSES, type TagClass } from '../core/topics.ts';
import { LedgerBook } from '../ledger/book.ts';
import { DuplicateFilter, REMEMBER_MS } from './duplicate-filter.ts';
import { countsOf, IntakeKit, message, raw, type TestIntake } from './intake-kit.ts';
import { rebuildDuplicates } from './rebuild.ts';

const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;
/** Without syncs: a crash of the process leaves what was written. */
const quickDisk: Disk = { ...realDisk, sync: () => undefined, syncFolder: () => undefined };

/** Tag, value and flags of each sample, by topic. */
function byTopic(kit: IntakeKit): Record<string, string[]> {
  return Object.fromEntries(
    SAMPLE_TOPICS.map((topic) => [
      topic,
      kit.samples([topic]).map(({ tag, value, flags }) => `${tag} ${JSON.stringify(value)} ${flags}`),
    ]),
  );
}

function bookOf(kit: IntakeKit, name: string): LedgerBook {
  const book = new LedgerBook({
    disk: quickDisk,
    file: path.join(kit.folder.data, name),
    logFolder: kit.folder.log,
    ends: kit.ends,
    connectorOf: (tag) => kit.dictionary.find(tag)?.connector ?? '',
  });
  book.open();
  return book;
}

/** The intake of a worker that was just started: what it knows comes from the dictionary and from the log. */
function restarted(kit: IntakeKit): TestIntake {
  const duplicates = new DuplicateFilter();
  rebuildDuplicates(duplicates, kit.folder.log, kit.ends, kit.clock);
  return kit.intake('floor', { duplicates, tags: kit.newTags() });
}

const values = fc.array(
  fc.record({
    tag: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    class: fc.constantFrom<TagClass | undefined>(undefined, ...TAG_CLASSES),
    n: fc.nat({ max: 20 }),
  }),
  { minLength: 1, maxLength: 8 },
);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ take: values }) },
  { weight: 3, arbitrary: fc.record({ commit: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ crash: fc.constant(true) }) },
);

test('whatever is sent again after whatever crashes: each sample is logged once, in the topic of the class that its tag had first; the ledger balances', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await using kit = await IntakeKit.open({ disk: quickDisk, dictionaryDisk: quickDisk });
      const classes = new Map<string, TagClass>();
      const sent: Reading[] = [];
      let acknowledged = 0;
      let intake = restarted(kit);
      for (const one of steps) {
        if ('commit' in one) await kit.held?.commit(one.commit);
        else if ('crash' in one) {
          acknowledged += intake.acknowledged.length;
          kit.held?.close();
          intake = restarted(kit);
          // A device sends again what was not acknowledged, in order.
          for (const again of sent.slice(acknowledged)) await intake.begin('', again);
        } else {
          for (const { tag, class: ofClass = 'standard' } of one.take) if (!classes.has(tag)) classes.set(tag, ofClass);
          const raws = one.take.map(({ tag, class: ofClass, n }) => {
            return raw({ tag, timeUs: NOON_US + n, value: n, ...(ofClass === undefined ? {} : { class: ofClass }) });
          });
          sent.push(message(raws));
          await intake.begin('', message(raws));
        }
      }
      await kit.held?.commit();
      expect(acknowledged + intake.acknowledged.length).toBe(sent.length);
      const expected = new Set(
        steps.flatMap((one) => ('take' in one ? one.take.map(({ tag, n }) => `northmill/${tag} ${n}`) : [])),
      );
      const found = SAMPLE_TOPICS.flatMap((topic) =>
        kit.samples([topic]).map(({ tag, value }) => {
          const ofClass = classes.get(tag.slice('northmill/'.length)) ?? 'standard';
          expect(topic).toBe(sampleTopic(ofClass));
          expect(kit.dictionary.find(tag)?.class).toBe(ofClass);
          return `${tag} ${JSON.stringify(value)}`;
        }),
      );
      expect(found.toSorted()).toEqual([...expected].toSorted());
      const { balanced, total } = bookOf(kit, 'ledger.json').report(new Map());
      expect([balanced, total.logged]).toEqual([true, expected.size]);
    }),
    { numRuns: 60 },
  );
}, 60_000);

test('what is told to the ledger covers every topic: counts and offsets agree, and are the same out of the log', async () => {
  await using kit = await IntakeKit.open();
  const { take, tally, ranges } = kit.intake();
  const book = bookOf(kit, 'ledger.json');
  const anew = bookOf(kit, 'never-saved.json');
  for (let n = 0; n < 20; n++) {
    const all = TAG_CLASSES.map((ofClass) => raw({ tag: ofClass, class: ofClass, timeUs: NOON_US + n, value: n }));
    await take(message(all.slice(n % 3)), ...(n === 10 ? [{ type: 'lost', source: 'pump-7' } as const] : []));
    book.apply(tally.take(), ranges.splice(0));
  }
  const { items, total, balanced } = book.report(new Map());
  expect([balanced, total.generated]).toEqual([true, 3]);
  expect(kit.topicEnds()).toMatchObject({ samples: 15, 'samples.critical': 8, 'samples.bulk': 21 });
  anew.open();
  expect(anew.report(new Map()).items).toEqual(items);
});

/** A value, the gap behind it, and the same value stated once more. */
function story(tag: string): string[] {
  const [before, gap, after] = [0, Flag.gap, Flag.substituted];
  return [`northmill/${tag} 1.5 ${before}`, `northmill/${tag} null ${gap}`, `northmill/${tag} 1.5 ${after}`];
}

describe('a lost connection', () => {
  test('gives each tag its null sample in its own topic, and so does what ends the gap', async () => {
    await using kit = await IntakeKit.open();
    const { take } = kit.intake();
    const raws = TAG_CLASSES.map((ofClass) => raw({ tag: ofClass, class: ofClass }));
    await take(message(raws), { type: 'lost', source: 'pump-7' });
    await take(message(raws.map((value) => ({ ...value, standing: true }))));
    expect(byTopic(kit)).toEqual({
      samples: story('standard'),
      'samples.critical': story('critical'),
      'samples.bulk': story('bulk'),
    });
  });
});

/** What `events` says about classes. */
function told(kit: IntakeKit): unknown[] {
  return kit.events().flatMap(({ type, reason }) => (type === 'problem' ? [reason] : []));
}

describe('a class that was changed', () => {
  test('changes nothing for tags that are there, and is told once for all of them, with the next heartbeat', async () => {
    await using kit = await IntakeKit.open();
    const before = kit.intake();
    const tags = ['a', 'b', 'c', 'd', 'e'];
    await before.take(message(tags.map((tag) => raw({ tag, class: 'critical' }))));
    await before.take(message([raw({ tag: 'x' })]));
    before.intake.heartbeat({});

    const { take, intake, problems } = restarted(kit);
    for (let n = 1; n < 4; n++) {
      await take(message(tags.map((tag) => raw({ tag, timeUs: NOON_US + n }))));
      await take(message([raw({ tag: 'x', class: 'bulk', timeUs: NOON_US + n })]));
      await take(message([raw({ tag: 'new', class: 'bulk', timeUs: NOON_US + n })]));
    }
    intake.heartbeat({});
    intake.heartbeat({});
    await intake.drained();
    const sentences = [
      'northmill/a, northmill/b, northmill/c and 2 more: of class critical (topic samples.critical), the configuration says standard. A tag lives in one topic for ever: its class stays.',
      'northmill/x: of class standard (topic samples), the configuration says bulk. A tag lives in one topic for ever: its class stays.',
    ];
    expect([told(kit), problems]).toEqual([sentences, sentences]);
    expect(kit.topicEnds()).toMatchObject({ samples: 4, 'samples.critical': 20, 'samples.bulk': 3 });
    expect(kit.samples(['samples.bulk']).map(({ tag }) => tag)).toEqual(Array(3).fill('northmill/new'));
  });

  test('of a tag for which two mappings name different ones, the first holds and the other is told', async () => {
    await using kit = await IntakeKit.open();
    const { take, intake } = kit.intake();
    const value = { tag: 'a', class: 'bulk' } as const;
    await take(message([raw(value), raw({ ...value, class: 'critical', timeUs: NOON_US + 1 })]));
    intake.heartbeat({});
    await intake.drained();
    expect(kit.topicEnds()).toMatchObject({ samples: 0, 'samples.critical': 0, 'samples.bulk': 2 });
    expect(told(kit)).toEqual([expect.stringContaining('northmill/a: of class bulk')]);
  });
});

describe('the duplicate filter after a restart', () => {
  test('knows the last ten minutes of every topic, however unevenly they were filled', async () => {
    await using kit = await IntakeKit.open();
    const { take } = kit.intake();
    const all: ReturnType<typeof raw>[] = [];
    for (let minute = 0; minute < 25; minute++) {
      const ofClass = minute === 24 ? 'critical' : minute % 2 === 0 ? 'bulk' : 'standard';
      all.push(raw({ tag: ofClass, class: ofClass, timeUs: NOON_US + minute, value: minute }));
      await take(message(all.slice(-1)));
      kit.clock.ms += 60_000;
    }
    const again = restarted(kit);
    await again.take(message(all));
    const counts = Object.values(countsOf(again.tally));
    expect(counts.reduce((sum, { duplicate = 0 }) => sum + duplicate, 0)).toBe(REMEMBER_MS / 60_000);
  });

  test('forgets the oldest of all topics first where there were too many', async () => {
    await using kit = await IntakeKit.open();
    const { take } = kit.intake();
    const all = Array.from({ length: 30 }, (_, n) => {
      const ofClass = TAG_CLASSES[n % 3] ?? 'standard';
      return raw({ tag: ofClass, class: ofClass, timeUs: NOON_US + n, value: n });
    });
    for (const one of all) {
      await take(message([one]));
      kit.clock.ms += 1000;
    }
    const duplicates = new DuplicateFilter(12);
    expect(rebuildDuplicates(duplicates, kit.folder.log, kit.ends, kit.clock)).toBe(30);
    const again = kit.intake('floor', { duplicates });
    await again.take(message(all.slice(-12)));
    const counts = Object.values(countsOf(again.tally));
    expect(counts.reduce((sum, { duplicate = 0 }) => sum + duplicate, 0)).toBe(12);
  });
});

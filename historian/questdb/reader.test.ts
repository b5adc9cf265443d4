import { inspect, isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import type { Fault } from '../../edge/core/fault.ts';
import { describe, expect, test } from 'vitest';
import { Flag } from '../../edge/core/flags.ts';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import { startQuestdb, type Questdb } from '../../test/services/questdb.ts';
import { requireService } from '../../test/services/require.ts';
import { shared } from '../../test/services/shared.ts';
import { answerTo } from '../answer.ts';
import { AGGREGATES, BucketPage, type BucketQuery } from '../queries/bucket-page.ts';
import { intervalGrid, pointsGrid } from '../queries/buckets.ts';
import { anySample, batchOf, double, EVER, lineOf, T0, type Tagged, TestFolder } from '../kit/history-kit.ts';
import { bucketPagesOf, type HistoryPage, pagesOf } from '../queries/history.ts';
import type { History } from '../questions/history.ts';
import { latestPages } from '../queries/latest-page.ts';
import { queryPage, summariesOf, tagPage } from '../queries/query.ts';
import type { Store } from '../store/store.ts';
import { applyAll } from '../kit/history-kit.ts';
import { openStore } from '../kit/world-kit.ts';
import { doubles, QuestdbWorld, TAG, TOPICS } from './questdb-kit.ts';

const questdb = requireService('questdb');

/** The embedded historian, asked in this thread. */
function embedded(store: Store): History {
  const history: History = {
    page: (query) => Promise.resolve(queryPage(store.pin(), query)),
    query: (query, signal) => pagesOf(history, query, signal),
    bucketPage: (query) => Promise.resolve(new BucketPage(answerTo(store, { ask: 'buckets', query }).answer as never)),
    buckets: (query, signal) => bucketPagesOf(history, query, signal),
    analysisPage: (query) => Promise.resolve(answerTo(store, { ask: 'analysis', query }).answer as never),
    async *latest(tags) {
      yield* latestPages(store.pin(), tags, () => () => false);
    },
    summaries: (tags) => Promise.resolve(summariesOf(store.pin(), tags)),
    async *tags() {
      yield tagPage(store.pin());
    },
  };
  return history;
}

/** Both stores, filled from the same batches. */
class Both implements AsyncDisposable {
  readonly world: QuestdbWorld;
  private readonly folder = new TestFolder();
  private readonly store = openStore(this.folder);
  private readonly ends = new Map<string, number>();
  readonly embedded = embedded(this.store);

  constructor(server: Questdb) {
    this.world = new QuestdbWorld(server);
    this.world.start();
  }

  get questdb(): History {
    return this.world.history;
  }

  async append(samples: readonly Tagged[], topic = 'samples', timestampMs = T0 / 1000): Promise<void> {
    this.world.append(samples, topic, timestampMs);
    const base = this.ends.get(topic) ?? 0;
    this.ends.set(topic, base + samples.length);
    await applyAll(this.store, [batchOf(samples, base, timestampMs)], topic);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
    await this.store.close();
    this.folder[Symbol.dispose]();
  }
}

/** All pages as lines, page by page. */
async function pages(history: History, query: Parameters<History['query']>[0]): Promise<string[][]> {
  const all: string[][] = [];
  for await (const page of history.query(query)) all.push([...page.samples()].map(lineOf));
  return all;
}

async function latest(history: History, tags: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for await (const part of history.latest(tags))
    for (const each of part.samples()) found.push(`${each.tag} ${lineOf(each)}`);
  return found;
}

/** Rows of all pages, means apart: they may differ in the last bits. */
async function buckets(history: History, query: BucketQuery) {
  const rows: unknown[][] = [];
  const means: (number | null)[] = [];
  const gaps: unknown[] = [];
  for await (const page of history.buckets(query)) {
    gaps.push(...page.gaps);
    for (let row = 0; row < page.rows; row++) {
      const cells = query.aggregates.map((_, i) => page.value(row, i));
      const mean = query.aggregates.indexOf('mean');
      if (mean >= 0) means.push(cells[mean] === null ? null : Number(cells[mean]));
      rows.push([page.times[row], page.raw, ...cells.filter((_, i) => i !== mean)]);
    }
  }
  return { rows, means, gaps };
}

/** What differs between the buckets of both, or between their refusals. */
async function differences(both: Both, query: BucketQuery): Promise<string[]> {
  const [expected, found] = await Promise.all(
    [both.embedded, both.questdb].map((history) =>
      buckets(history, query).catch((error: unknown) => ({ refusal: (error as Fault).code, means: [] })),
    ),
  );
  const { means = [], ...rest } = expected ?? {};
  const { means: foundMeans = [], ...foundRest } = found ?? {};
  const what = `${query.tag} ${query.fromUs - T0} ${query.toUs - T0} ${query.grid.count} ${query.samplesUpTo}`;
  const wrong = means.flatMap((mean, i) => (isNear(mean, foundMeans[i] ?? null) ? [] : [`${mean} ${foundMeans[i]}`]));
  if (!isDeepStrictEqual(rest, foundRest))
    wrong.push(`${inspect(rest).slice(0, 1500)}\n${inspect(foundRest).slice(0, 1500)}`);
  return wrong.map((each) => `${what}: ${each}`);
}

function isNear(a: number | null, b: number | null): boolean {
  return a === b || (a !== null && b !== null && Math.abs(a - b) <= 1e-12 * Math.abs(a));
}

/** Samples of one time. */
function same(count: number, more: Partial<Sample> = {}): Tagged[] {
  return Array.from({ length: count }, (_, i) => double(TAG, 5, i, more));
}

/** A string of 350 kB. */
function large(second: number): Tagged {
  return double(TAG, second, 0, { kind: ValueKind.string, value: `${second}"\\`.padEnd(250_000, 'ö"') });
}

function lines(list: readonly HistoryPage[]): string[][] {
  return list.map((page) => [...page.samples()].map(lineOf));
}

const anyTag = fc.oneof(
  fc.constantFrom('northmill/a', 'northmill/Öl', "northmill/it's", 'a b,c=d\\e"f', 'x\ny\rz', '🛢️', '%2F;--', '$1'),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((tag) => Buffer.byteLength(tag) <= 255 && !tag.includes('\0')),
);
/** What the table can hold. */
const storable = anySample.filter(({ timeUs, flags }) => timeUs >= 0 || (flags & Flag.clockSuspect) !== 0);
const anyNumber = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 0, 1e308, -1e308, 5e-324),
);

describe.skipIf(!questdb.available)('the same questions to both stores', () => {
  const server = shared(() => startQuestdb());

  test('samples of every kind and tag come back bit for bit, in the same order and pages, late ones and equal times too', async () => {
    await using both = new Both(server());
    const tags = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ tag: anyTag, sample: storable }), { minLength: 1, maxLength: 60 }),
        fc.constantFrom(...TOPICS),
        fc.nat(50),
        async (samples, topic, step) => {
          for (const { tag } of samples) tags.add(tag);
          await both.append(samples, topic, T0 / 1000 + step);
        },
      ),
      { numRuns: 40 },
    );
    await both.world.caughtUp();
    expect(both.world.reported).toEqual([]);
    const names = [...tags];
    for (const tag of [...names, 'northmill/none']) {
      for (const query of [
        { tag, ...EVER },
        { tag, ...EVER, replaced: true },
        { tag, fromUs: T0 + 3000, toUs: T0 + 20_000 },
      ]) {
        expect([query, await pages(both.questdb, { ...query })]).toEqual([
          query,
          await pages(both.embedded, { ...query }),
        ]);
        expect((await pages(both.questdb, { ...query, limit: 7 })).flat()).toEqual(
          (await pages(both.embedded, { ...query, limit: 7 })).flat(),
        );
      }
    }
    const asked = [...names, 'northmill/none'];
    expect(await latest(both.questdb, asked)).toEqual(await latest(both.embedded, asked));
    expect(await both.questdb.summaries(asked)).toEqual(await both.embedded.summaries(asked));
    const [questdbTags, embeddedTags] = [[], []] as [unknown[], unknown[]];
    for await (const page of both.questdb.tags()) questdbTags.push(...page);
    for await (const page of both.embedded.tags()) embeddedTags.push(...page);
    expect(questdbTags).toEqual(embeddedTags);
  });

  test('a text with characters that the server does not escape is read as it is', async () => {
    await using both = new Both(server());
    await both.append([double(TAG, 0, 0, { kind: ValueKind.string, value: 'a\0b\u0001\u001f\0' })]);
    await both.world.caughtUp();
    expect(await pages(both.questdb, { tag: TAG, ...EVER })).toEqual(await pages(both.embedded, { tag: TAG, ...EVER }));
  });

  test('NaN and the infinities, which QuestDB takes for nothing, are kept', async () => {
    await using both = new Both(server());
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1];
    await both.append(values.map((value, i) => double(TAG, i, value)));
    await both.world.caughtUp();
    expect(await pages(both.questdb, { tag: TAG, ...EVER })).toEqual(await pages(both.embedded, { tag: TAG, ...EVER }));
    const grid = pointsGrid({ fromUs: T0, toUs: T0 + 10_000_000 }, 2);
    const query = { tag: TAG, fromUs: T0, toUs: T0 + 10_000_000, grid, aggregates: AGGREGATES };
    expect(await differences(both, query)).toEqual([]);
  });

  test('pages end where they are told to, also among thousands of samples of one time', async () => {
    await using both = new Both(server());
    await both.append(doubles(0, 5));
    await both.append(same(900));
    await both.append(same(700), 'samples.critical');
    await both.append(same(1, { flags: Flag.correction }), 'samples.critical');
    await both.append(same(600), 'samples.critical');
    await both.append(doubles(6, 12));
    await both.world.caughtUp();
    for (const replaced of [true, false]) {
      for (const limit of [1, 3, 400, 10_000]) {
        const [found, expected] = [[], []] as [HistoryPage[], HistoryPage[]];
        for (const [list, history] of [
          [found, both.questdb],
          [expected, both.embedded],
        ] as const) {
          let after;
          for (let n = 0; n < 8; n++) {
            const page: HistoryPage = await history.page({ tag: TAG, ...EVER, limit, replaced, after });
            list.push(page);
            if (page.next === null) break;
            after = page.next;
          }
        }
        expect(lines(found)).toEqual(lines(expected));
      }
    }
  });

  test('large values are given in pages of bounded size', async () => {
    await using both = new Both(server());
    for (let i = 0; i < 40; i++) await both.append([large(i)]);
    await both.world.caughtUp();
    let rows = 0;
    let count = 0;
    for await (const page of both.questdb.query({ tag: TAG, ...EVER })) {
      expect(page.points.heapLength).toBeLessThan(5 * 1024 * 1024);
      rows += page.points.count;
      count++;
    }
    expect([rows, count > 2]).toEqual([40, true]);
    expect((await pages(both.questdb, { tag: TAG, ...EVER })).flat()).toEqual(
      (await pages(both.embedded, { tag: TAG, ...EVER })).flat(),
    );
  });

  test('aggregates of plain numbers, of those with equal times, of integers beyond the doubles, with outages, and of texts', async () => {
    await using both = new Both(server());
    const kinds = {
      plain: fc.record({ value: anyNumber }).map(({ value }) => ({ kind: ValueKind.double, value })),
      integers: fc
        .bigInt(-(2n ** 63n), 2n ** 63n - 1n)
        .map((value) => ({ kind: ValueKind.long, value: Number.isSafeInteger(Number(value)) ? Number(value) : value })),
      booleans: fc.boolean().map((value) => ({ kind: ValueKind.boolean, value })),
      outages: fc.oneof(
        anyNumber.map((value) => ({ kind: ValueKind.double, value })),
        fc.constant({ kind: ValueKind.null, value: null, quality: 0x80310000 }),
      ),
      uncertain: anyNumber.map((value) => ({ kind: ValueKind.double, value, quality: 0x40900000 })),
      texts: fc.constant({ kind: ValueKind.string, value: 'on' }),
    };
    for (const [name, content] of Object.entries(kinds)) {
      for (const [more, apartUs] of [
        ['apart', 1_000_000],
        ['together', 0],
      ] as const) {
        const tag = `northmill/${name}/${more}`;
        const samples = fc.sample(fc.record({ content, stepUs: fc.nat(5_000_000) }), { numRuns: 300, seed: 7 });
        let timeUs = T0;
        await both.append(
          samples.map(({ content: each, stepUs }, i) => {
            timeUs += apartUs + (apartUs === 0 && i % 3 === 0 ? 0 : stepUs);
            return { tag, sample: { timeUs, quality: 0, flags: 0, serverTimeUs: null, ...each } };
          }),
        );
      }
    }
    await both.world.caughtUp();
    const spans = [
      { fromUs: T0, toUs: T0 + 2e9 },
      { fromUs: T0 - 5_000_001, toUs: T0 + 300_000_007 },
      { fromUs: T0 + 100_000_000, toUs: T0 + 100_000_001 },
      { fromUs: T0 + 50e9, toUs: T0 + 51e9 },
    ];
    const wrong: string[] = [];
    for (const name of [...Object.keys(kinds), 'none']) {
      for (const more of ['apart', 'together']) {
        for (const span of spans) {
          const question = { tag: `northmill/${name}/${more}`, ...span, aggregates: AGGREGATES };
          wrong.push(...(await differences(both, { ...question, grid: pointsGrid(span, 100) })));
          wrong.push(...(await differences(both, { ...question, grid: intervalGrid(span, 60_000_000) })));
          wrong.push(...(await differences(both, { ...question, grid: pointsGrid(span, 100), samplesUpTo: 400 })));
          wrong.push(...(await differences(both, { ...question, grid: pointsGrid(span, 20_000) })));
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test('values of several lives of a log, whose offsets repeat, are all kept and given in order', async () => {
    await using world = new QuestdbWorld(server());
    world.append(doubles(0, 10));
    world.start();
    await world.caughtUp();
    await world.stop();
    world.newFeed({ log: { logId: 'x', epoch: 1 } });
    world.append(doubles(0, 10));
    world.start();
    await world.caughtUp();
    expect(await world.count()).toBe(30);
    const seen: string[] = [];
    let after;
    for (;;) {
      const page: HistoryPage = await world.history.page({ tag: TAG, ...EVER, limit: 4, after });
      for (const { timeUs, offset } of page.samples()) seen.push(`${timeUs - T0}:${offset}`);
      if (page.next === null) break;
      after = page.next;
    }
    expect(seen).toHaveLength(30);
    expect(seen.map((each) => Number(each.split(':')[0]))).toEqual(seen.map((_, i) => Math.floor(i / 3) * 1_000_000));
  });
});

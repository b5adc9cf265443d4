import { expect, test } from 'vitest';
import { BucketPage, type BucketQuery } from '../../historian/queries/bucket-page.ts';
import { HistoryPage, type RawQuery } from '../../historian/queries/history.ts';
import { Points } from '../../historian/points/points.ts';
import type { TagType } from '../core/sample.ts';
import { MAX_TIME_US } from '../core/sample.ts';
import { historianBuckets, samplePages } from './historian-pages.ts';
import type { BucketsPage, Reduction } from './services.ts';

const entry = {
  id: 1,
  path: 'plant/A',
  type: 'double',
  unit: null,
  class: 'standard',
  connector: 'floor',
  source: 'pump',
  createdUs: 0,
} as const;
const dictionary = {
  all: () => [entry],
  find: (path: string) => (path.toLowerCase() === 'plant/a' ? entry : undefined),
};

function historian() {
  const asked: RawQuery[] = [];
  async function* query(question: RawQuery): AsyncGenerator<HistoryPage> {
    asked.push(question);
    yield await Promise.resolve(new HistoryPage(question.tag, new Points(0), [], [], null));
  }
  return { asked, query };
}

const query = (tags: readonly string[]) => ({ tags, fromUs: 0, toUs: 5, signal: new AbortController().signal });

test('a tag is answered once, however often and in whatever case it is asked for', async () => {
  const { asked, query: history } = historian();
  const tags: string[] = [];
  for await (const page of samplePages({ query: history }, dictionary, query(['plant/a', 'PLANT/A', 'plant/A'])))
    tags.push(page.tag);
  expect(tags).toEqual(['plant/A']);
  expect(asked).toEqual([{ tag: 'plant/A', fromUs: 0, toUs: 5 }]);
});

test('a tag that there is not is a fault before anything is read', async () => {
  const { asked, query: history } = historian();
  const pages = samplePages({ query: history }, dictionary, query(['plant/a', 'plant/b']));
  await expect(pages.next()).rejects.toMatchObject({ code: 'tag-unknown', detail: 'plant/b' });
  expect(asked).toEqual([]);
});

const MINUTE = 60_000_000;
const perMinute: Reduction = { type: 'interval', interval: '1m', widthUs: MINUTE, aggregates: ['mean'] };

function summaries(tags: readonly string[]) {
  return Promise.resolve(tags.map((tag, i) => ({ tag, samples: 5, firstUs: 10e6 - i, lastUs: 130e6 + i })));
}

/** A historian that has 10 s to 130 s of each tag, and answers with a page that is empty. */
function aggregating(type: TagType | null = 'double') {
  const asked: BucketQuery[] = [];
  async function* buckets(question: BucketQuery): AsyncGenerator<BucketPage> {
    asked.push(question);
    const { tag, samplesUpTo = 0 } = question;
    const empty = { times: new Float64Array(0), columns: [], gaps: [], next: null };
    yield await Promise.resolve(new BucketPage({ tag, raw: samplesUpTo > 50, ...empty }));
  }
  const find = (path: string) => (path === 'plant/x' ? undefined : { ...entry, path, type });
  async function ask(tags: readonly string[], span: [number, number], reduction: Reduction): Promise<BucketsPage[]> {
    const [fromUs, toUs] = span;
    const { signal } = new AbortController();
    const pages = [];
    const given = { tags, fromUs, toUs, signal, reduction };
    for await (const page of historianBuckets({ buckets, summaries }, { all: () => [], find }, given)) pages.push(page);
    return pages;
  }
  return { asked, ask };
}

test('the intervals of which the span has only a part are named', async () => {
  const { ask, asked } = aggregating();
  const partial = async (fromUs: number, toUs: number) =>
    (await ask(['plant/a'], [fromUs, toUs], perMinute))[0]?.partial;
  expect(await partial(0, MINUTE)).toEqual([]);
  expect(await partial(1, 2 * MINUTE)).toEqual([0]);
  expect(await partial(-5, MINUTE + 1)).toEqual([-MINUTE, MINUTE]);
  expect(await partial(1, 2)).toEqual([0]);
  expect(await partial(7, 7)).toEqual([]);
  expect(asked[2]).toMatchObject({ grid: { originUs: -MINUTE, widthUs: MINUTE, count: 3 }, aggregates: ['mean'] });
});

test('an open span is that of the samples of all its tags, so that their rows stand beside each other', async () => {
  const { ask, asked } = aggregating();
  const pages = await ask(['plant/a', 'plant/b'], [-MAX_TIME_US, MAX_TIME_US + 1], perMinute);
  expect(pages.map(({ partial }) => partial)).toEqual([[], []]);
  const span = { fromUs: 10e6 - 1, toUs: 130e6 + 2, grid: { originUs: 0, widthUs: MINUTE, count: 3 } };
  expect(asked).toMatchObject([
    { tag: 'plant/a', ...span },
    { tag: 'plant/b', ...span },
  ]);
});

test('a chart asks for its samples, or min, max, first, last and count', async () => {
  const { ask, asked } = aggregating();
  const [few] = await ask(['plant/a'], [0, 1000], { type: 'points', points: 10 });
  const [many] = await ask(['plant/a'], [0, 1000], { type: 'points', points: 100 });
  expect([few?.widthUs, many?.widthUs]).toEqual([100, null]);
  expect(asked[0]).toMatchObject({ samplesUpTo: 10, aggregates: ['min', 'max', 'first', 'last', 'count'] });
});

test.each<[string, TagType, [number, number], string]>([
  ['plant/x', 'double', [0, 1], 'tag-unknown'],
  ['plant/a', 'string', [0, 1], 'aggregate-type'],
  ['plant/a', 'array', [0, 1], 'aggregate-type'],
  ['plant/a', 'double', [0, 100_001 * MINUTE], 'request-invalid'],
])('%s of type %s from %j is refused before anything is read: %s', async (tag, type, span, code) => {
  const { ask, asked } = aggregating(type);
  await expect(ask(['plant/b', tag], span, perMinute)).rejects.toMatchObject({ code });
  expect(asked).toEqual([]);
});

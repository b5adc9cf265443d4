import { expect, test } from 'vitest';
import { bucketsText } from './buckets-text.ts';
import type { HistoryFormat } from './history-text.ts';
import type { BucketsPage, Reduction } from './services.ts';
import { bucketsOf, START_US } from './services-kit.ts';
import { aggregatesShape, chartShape } from './shapes.ts';

async function textOf(
  format: HistoryFormat,
  manyTags: boolean,
  reduction: Reduction,
  pages: BucketsPage[],
  onEnd?: (gaps: number) => void,
): Promise<string> {
  const given = (async function* () {
    yield* await Promise.resolve(pages);
  })();
  let text = '';
  for await (const piece of bucketsText(format, manyTags, reduction, given, onEnd)) text += piece;
  return text;
}

const MINUTE = 60_000_000;
const START = START_US - (START_US % MINUTE);
const perMinute: Reduction = {
  type: 'interval',
  interval: '1m',
  widthUs: MINUTE,
  aggregates: ['mean', 'max', 'count'],
};
const chart: Reduction = { type: 'points', points: 2 };

function page(tag: string, rows: Parameters<typeof bucketsOf>[0], more: Partial<BucketsPage> = {}): BucketsPage {
  return { tag, widthUs: MINUTE, partial: [START], buckets: bucketsOf(rows), gaps: [], ...more };
}

const first = page('plant/a', [{ timeUs: START, values: [0.1, 2n ** 64n - 1n, 2] }]);
const second = page('plant/a', [{ timeUs: START + MINUTE, values: [null, null, 0] }]);
const other = page('plant/b, c', [{ timeUs: START, values: [-0, 1e21, 1] }]);

test('CSV has a row for each bucket, empty fields where there is no good value, the tag where there are several', async () => {
  expect(await textOf('csv', false, perMinute, [first, second])).toBe(
    'time,mean,max,count\n' +
      '2020-03-17T10:14:00.000000Z,0.1,18446744073709551615,2\n' +
      '2020-03-17T10:15:00.000000Z,,,0\n',
  );
  expect(await textOf('csv', true, perMinute, [second, other])).toBe(
    'tag,time,mean,max,count\n' +
      'plant/a,2020-03-17T10:15:00.000000Z,,,0\n' +
      '"plant/b, c",2020-03-17T10:14:00.000000Z,-0,1e+21,1\n',
  );
  expect(await textOf('csv', false, chart, [])).toBe('time,min,max,first,last,count\n');
});

test('JSON has an item for each tag, however many pages it takes, and ends with the gaps', async () => {
  const gap = { fromUs: START, toUs: START + 5, reason: 'no-value', samples: null, detail: 'BadNoCommunication.' };
  const told: number[] = [];
  const text = await textOf(
    'json',
    true,
    perMinute,
    [first, { ...second, gaps: [gap] }, page('plant/none', []), other],
    (gaps) => told.push(gaps),
  );
  expect(text).toContain('18446744073709551615');
  const answer = aggregatesShape.parse(JSON.parse(text));
  const head = { interval: '1m', aggregates: ['mean', 'max', 'count'], partial: ['2020-03-17T10:14:00.000000Z'] };
  expect(answer.items).toEqual([
    {
      tag: 'plant/a',
      ...head,
      rows: [
        ['2020-03-17T10:14:00.000000Z', 0.1, 2 ** 64, 2],
        ['2020-03-17T10:15:00.000000Z', null, null, 0],
      ],
    },
    { tag: 'plant/none', ...head, rows: [] },
    { tag: 'plant/b, c', ...head, rows: [['2020-03-17T10:14:00.000000Z', -0, 1e21, 1]] },
  ]);
  expect(answer.gaps).toMatchObject([{ tag: 'plant/a', reason: 'no-value', detail: 'BadNoCommunication.' }]);
  expect(told).toEqual([1]);
  expect(aggregatesShape.parse(JSON.parse(await textOf('json', false, perMinute, [])))).toEqual({
    items: [],
    gaps: [],
  });
});

test('a chart says how wide its buckets are and which the span cuts, or that it has samples', async () => {
  const values = [0, 3, 1, 2, 7];
  const buckets = page('plant/a', [{ timeUs: START, values }], { widthUs: 86_400_000 });
  const missing = [null, null, null, null, 0];
  const samples = page('plant/b', [{ timeUs: START_US, values: missing }], { widthUs: null, partial: [] });
  const text = await textOf('json', true, chart, [buckets, samples]);
  expect(chartShape.parse(JSON.parse(text)).items).toEqual([
    {
      tag: 'plant/a',
      raw: false,
      bucketSeconds: 86.4,
      partial: ['2020-03-17T10:14:00.000000Z'],
      points: [['2020-03-17T10:14:00.000000Z', ...values]],
    },
    {
      tag: 'plant/b',
      raw: true,
      bucketSeconds: null,
      partial: [],
      points: [['2020-03-17T10:14:33.000000Z', null, null, null, null, 0]],
    },
  ]);
});

test('a long answer comes in pieces', async () => {
  const rows = Array.from({ length: 10_000 }, (_, i) => ({ timeUs: START + i, values: [i, i, 1] }));
  const given = (async function* () {
    yield await Promise.resolve(page('plant/a', rows));
  })();
  const pieces: number[] = [];
  for await (const piece of bucketsText('json', false, perMinute, given)) pieces.push(piece.length);
  expect(pieces.length).toBeGreaterThan(4);
  expect(Math.max(...pieces)).toBeLessThan(70_000);
});

import { expect, test } from 'vitest';
import { Flag } from '../core/flags.ts';
import { StatusCode } from '../core/status-code.ts';
import { ValueKind } from '../core/sample.ts';
import { HistoryPage } from '../../historian/queries/history.ts';
import type { Gap } from '../../historian/reading/gap.ts';
import { type HistoryFormat, historyText } from './history-text.ts';
import type { HistorySample } from './services.ts';
import { pointsOf, sampleAt, START_US } from './services-kit.ts';

/** Samples of a tag. */
function pageOf(tag: string, samples: readonly HistorySample[], gaps: readonly Gap[] = []): HistoryPage {
  return new HistoryPage(tag, pointsOf(samples), [], gaps, null);
}

async function textOf(
  format: HistoryFormat,
  manyTags: boolean,
  pages: HistoryPage[],
  onEnd?: (gaps: number) => void,
): Promise<string> {
  let text = '';
  const given = (async function* () {
    yield* await Promise.resolve(pages);
  })();
  for await (const piece of historyText(format, manyTags, given, onEnd)) text += piece;
  return text;
}

const SPAN = { fromUs: START_US, toUs: START_US + 5 };
const first = sampleAt(START_US, 54.25);
const bad = { ...sampleAt(START_US + 1, 0), kind: ValueKind.null, value: null, quality: StatusCode.BadNoData };
const suspect = {
  ...sampleAt(START_US + 2, -0),
  flags: Flag.clockSuspect | Flag.retained,
  deviceTimeUs: 4_070_908_800_000_000,
  serverTimeUs: START_US,
};

test('CSV of one tag has no column for it', async () => {
  expect(await textOf('csv', false, [pageOf('plant/a', [first, bad, suspect])])).toBe(
    'time,value,quality\n' +
      '2020-03-17T10:14:33.000000Z,54.25,0\n' +
      '2020-03-17T10:14:33.000001Z,,2157641728\n' +
      '2020-03-17T10:14:33.000002Z,-0,0\n',
  );
});

test('CSV of several tags begins with the tag', async () => {
  const pages = [pageOf('plant/a', [first]), pageOf('plant/b, c', [first])];
  expect(await textOf('csv', true, pages)).toBe(
    'tag,time,value,quality\n' +
      'plant/a,2020-03-17T10:14:33.000000Z,54.25,0\n' +
      '"plant/b, c",2020-03-17T10:14:33.000000Z,54.25,0\n',
  );
});

test('JSON has flags, device time and gaps where there are any', async () => {
  const gap = { ...SPAN, reason: 'damage', samples: null, detail: 'Records 1 to 2.' } as const;
  const text = await textOf('json', false, [pageOf('plant/a', [first]), pageOf('plant/a', [suspect], [gap])]);
  expect(JSON.parse(text)).toEqual({
    items: [
      { tag: 'plant/a', time: '2020-03-17T10:14:33.000000Z', value: 54.25, quality: 0 },
      {
        tag: 'plant/a',
        time: '2020-03-17T10:14:33.000002Z',
        value: -0,
        quality: 0,
        flags: ['clockSuspect', 'retained'],
        deviceTime: '2099-01-01T00:00:00.000000Z',
        serverTime: '2020-03-17T10:14:33.000000Z',
      },
    ],
    gaps: [
      {
        tag: 'plant/a',
        from: '2020-03-17T10:14:33.000000Z',
        to: '2020-03-17T10:14:33.000005Z',
        reason: 'damage',
        samples: null,
        detail: 'Records 1 to 2.',
      },
    ],
  });
});

/** A page without samples that has a gap of 1 µs. */
function gapPage(tag: string, i: number): HistoryPage {
  const gap = { fromUs: START_US + i, toUs: START_US + i + 1, reason: 'damage', samples: 1, detail: '' } as const;
  return pageOf(tag, [], [gap]);
}

test('gaps beyond 10,000 are joined by tag, never left out; their number is told', async () => {
  const pages = Array.from({ length: 10_000 }, (_, i) => gapPage('plant/a', i));
  const told: number[] = [];
  const tell = (gaps: number): void => void told.push(gaps);
  const text = await textOf(
    'json',
    true,
    [...pages, gapPage('plant/b', 0), gapPage('plant/b', 7), gapPage('plant/c', 9)],
    tell,
  );
  const { gaps } = JSON.parse(text) as { gaps: unknown[] };
  expect(gaps.slice(9999)).toMatchObject([
    { tag: 'plant/a', samples: 1 },
    { tag: 'plant/b', from: '2020-03-17T10:14:33.000000Z', to: '2020-03-17T10:14:33.000008Z', samples: null },
    { tag: 'plant/c', from: '2020-03-17T10:14:33.000009Z', to: '2020-03-17T10:14:33.000010Z', samples: 1 },
  ]);
  expect([gaps.length, told]).toEqual([10_002, [10_002]]);
});

test('an empty history is a header, or an empty list', async () => {
  expect(await textOf('csv', false, [])).toBe('time,value,quality\n');
  expect(JSON.parse(await textOf('json', false, []))).toEqual({ items: [], gaps: [] });
});

test('a long history comes in pieces', async () => {
  const samples = Array.from({ length: 10_000 }, (_, i) => sampleAt(START_US + i, i));
  const pieces: number[] = [];
  const pages = (async function* () {
    yield await Promise.resolve(pageOf('plant/a', samples));
  })();
  for await (const piece of historyText('csv', false, pages)) pieces.push(piece.length);
  expect(pieces.length).toBeGreaterThan(4);
  expect(Math.max(...pieces)).toBeLessThan(70_000);
});

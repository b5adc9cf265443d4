import * as fc from 'fast-check';
import { type Data, tableFromIPC, type Utf8 } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { runPython } from '../../test/services/python.ts';
import { requireService } from '../../test/services/require.ts';
import { kindName, ValueKind } from '../../edge/core/sample.ts';
import type { Gap } from '../reading/gap.ts';
import { anySample, double, T0, type Tagged } from '../kit/history-kit.ts';
import { HistoryPage } from '../queries/history.ts';
import { type HistoricSample, Points } from '../points/points.ts';
import { pagesOfSamples, READERS, rowText } from './arrow-kit.ts';
import { arrowStream } from './stream.ts';

const tables = requireService('tables');
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The whole stream of these pages. */
async function streamOf(pages: readonly HistoryPage[], tags: readonly string[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of arrowStream(each(pages), { tags })) parts.push(part);
  return Buffer.concat(parts);
}

async function* each<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}

/** Rows as an Arrow reader gives them, as text. */
function rowsOf(stream: Uint8Array): string[] {
  const table = tableFromIPC(stream);
  const columns = Object.fromEntries(table.schema.fields.map(({ name }) => [name, table.getChild(name)]));
  const integers = (name: string): BigInt64Array[] =>
    (columns[name]?.data ?? []).map(({ values }) => values as BigInt64Array);
  const times = integers('time').flatMap((values) => [...values]);
  const optionalTimes = (name: string): (bigint | null)[] => {
    const all = integers(name).flatMap((values) => [...values]);
    return all.map((value, i) => (columns[name]?.isValid(i) === true ? value : null));
  };
  const deviceTimes = optionalTimes('device_time');
  const serverTimes = optionalTimes('server_time');
  // Not as the column gives them: JavaScript's decoder takes away a byte order mark.
  const texts = ((columns['text']?.data ?? []) as readonly Data<Utf8>[]).flatMap((data) =>
    Array.from({ length: data.length }, (_, i) => {
      const bytes = data.values.subarray(data.valueOffsets[i], data.valueOffsets[i + 1]);
      return data.getValid(i) ? decoder.decode(bytes) : null;
    }),
  );
  return times.map((time, i) => {
    const cell = (name: string): never => columns[name]?.get(i) as never;
    return rowText({
      time,
      tag: cell('tag'),
      kind: cell('kind'),
      value: cell('value'),
      integer: cell('integer'),
      unsigned: cell('unsigned'),
      text: texts[i] ?? null,
      bytes: cell('bytes'),
      quality: cell('quality'),
      flags: cell('flags'),
      deviceTime: deviceTimes[i] ?? null,
      serverTime: serverTimes[i] ?? null,
    });
  });
}

describe('an Arrow stream', () => {
  test('carries every bit of every kind of sample, in order', async () => {
    const anySamples = fc.array(fc.record({ tag: fc.constantFrom('a/b', 'Öl/c', 'd/e'), sample: anySample }), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(anySamples, fc.integer({ min: 1, max: 9 }), async (samples, pageRows) => {
        const { pages, rows } = await pagesOfSamples(samples, pageRows);
        expect(rowsOf(await streamOf(pages, ['a/b', 'Öl/c', 'd/e']))).toEqual(rows);
      }),
      { numRuns: 200 },
    );
  });

  test('without a page it has its schema and no rows', async () => {
    const table = tableFromIPC(await streamOf([], []));
    expect(table.numRows).toBe(0);
    expect(
      table.schema.fields.map(({ name, type, nullable }) => `${name} ${String(type)}${nullable ? '?' : ''}`),
    ).toEqual([
      'time Timestamp<MICROSECOND, UTC>',
      'tag Dictionary<Int32, Utf8>',
      'kind Dictionary<Int32, Utf8>',
      'value Float64?',
      'integer Int64?',
      'unsigned Uint64?',
      'text Utf8?',
      'bytes Binary?',
      'quality Uint32',
      'flags Uint32',
      'device_time Timestamp<MICROSECOND, UTC>?',
      'server_time Timestamp<MICROSECOND, UTC>?',
    ]);
  });

  test('gaps stand in the metadata of their batch and are counted at the end', async () => {
    const gap: Gap = { fromUs: T0, toUs: T0 + 5, reason: 'damage', samples: 3, detail: 'x' };
    const page = new HistoryPage('a/b', new Points(0), [], [gap, gap], null);
    let told = -1;
    const parts: Uint8Array[] = [];
    for await (const part of arrowStream(each([page]), { tags: ['a/b'], onEnd: (gaps) => (told = gaps) }))
      parts.push(part);
    expect(told).toBe(2);
    const [batch] = tableFromIPC(Buffer.concat(parts)).batches;
    expect(JSON.parse(batch?.metadata.get('millrace.gaps') ?? '')).toEqual([gap, gap]);
  });

  test('a page is asked for when the one before has been taken', async () => {
    let asked = 0;
    const [page = new HistoryPage('', new Points(0), [], [], null)] = (await pagesOfSamples([double('a/b', 0, 1)], 1))
      .pages;
    async function* pages(): AsyncGenerator<HistoryPage> {
      for (; asked < 100;) {
        asked++;
        yield page;
      }
    }
    const pieces = arrowStream(pages(), { tags: ['a/b'] });
    for (let taken = 1; taken <= 5; taken++) {
      expect((await pieces.next()).done).toBe(false);
      expect(asked).toBe(taken);
    }
    await pieces.return(undefined);
    expect(asked).toBe(5);
  });

  test('a string that is not UTF-8 is damage', async () => {
    const { pages } = await pagesOfSamples([double('a/b', 0, 1, { kind: ValueKind.string, value: 'ab' })], 1);
    pages[0]?.points.heap.fill(0xff);
    await expect(streamOf(pages, ['a/b'])).rejects.toThrow('not UTF-8');
  });
});

function sampleOf(tag: string, second: number, kind: ValueKind, value: HistoricSample['value']): Tagged {
  return double(tag, second, 0, { kind, value, quality: second, serverTimeUs: second % 2 === 0 ? null : T0 - second });
}

/** What is special in each kind, at times that every reader has. */
function specialSamples(): Tagged[] {
  const array = { shape: [2], stepNs: 1000, element: 'double' as const, items: Float64Array.of(0.1, -0) };
  return [
    ...[1.5, -0, 5e-324, Number.MAX_VALUE].map((value, i) => sampleOf('a/double', i, ValueKind.double, value)),
    ...[Math.fround(0.1), -0].map((value, i) => sampleOf('a/float', i, ValueKind.float, value)),
    ...[-(2n ** 63n), 2n ** 63n - 1n, 9_007_199_254_740_993n, 7].map((value, i) =>
      sampleOf('a/long', i, ValueKind.long, value),
    ),
    ...[2n ** 64n - 1n, 0n].map((value, i) => sampleOf('a/uint64', i, ValueKind.uint64, value)),
    ...[true, false].map((value, i) => sampleOf('a/boolean', i, ValueKind.boolean, value)),
    ...['Öl 🛢️', '', 'a"b\n'].map((value, i) => sampleOf('a/text', i, ValueKind.string, value)),
    sampleOf('a/bytes', 0, ValueKind.bytes, Uint8Array.of(0, 255, 1)),
    sampleOf('a/array', 0, ValueKind.array, array),
    sampleOf('a/null', 0, ValueKind.null, null),
  ];
}

describe.skipIf(!tables.available)('readers that are not ours', () => {
  test('pyarrow, pandas and polars read every value exactly', async () => {
    const samples = specialSamples();
    const { pages, rows } = await pagesOfSamples(samples, 2);
    const stream = await streamOf(pages, [...new Set(samples.map(({ tag }) => tag))]);
    const { stdout } = await runPython(READERS, [], stream, { environment: 'tables' });
    const read = JSON.parse(stdout.toString()) as Record<string, string[]>;
    expect(Object.keys(read)).toEqual(['pyarrow', 'pandas', 'polars']);
    for (const reader of Object.values(read)) expect(reader).toEqual(rows);
    expect(new Set(rows.map((row) => row.split(' ')[2])).size).toBe(Object.keys(ValueKind).length);
    expect(rows.some((row) => row.includes(` ${kindName(ValueKind.array)} `))).toBe(true);
  });
});

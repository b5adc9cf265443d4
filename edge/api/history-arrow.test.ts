import { type Table, tableFromIPC, Type } from 'apache-arrow';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ARROW_MEDIA_TYPE } from '../../historian/arrow/stream.ts';
import { ValueKind } from '../core/sample.ts';
import type { ApiServer } from './server.ts';
import type { BucketsPage } from './services.ts';
import { bucketsOf, MemoryServices, sampleAt, serverOf, START_US } from './services-kit.ts';

let services: MemoryServices;
let api: ApiServer;

beforeEach(() => {
  services = new MemoryServices();
  services.samples.set('plant/a', [sampleAt(START_US, 0.5), { ...sampleAt(START_US + 1, -0), quality: 0x80310000 }]);
  services.samples.set('plant/Öl', [sampleAt(START_US, 7)]);
  api = serverOf(services);
});
afterEach(() => api.close());

/** A table of the route, and its trailer, over a real connection. */
async function tableOf(query: string): Promise<ReturnType<typeof tableFromIPC>> {
  const { host, port } = await api.listen();
  const answer = await fetch(`http://${host}:${port}/api/v1/history?${query}`, {
    headers: { accept: ARROW_MEDIA_TYPE },
  });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, ARROW_MEDIA_TYPE]);
  return tableFromIPC(new Uint8Array(await answer.arrayBuffer()));
}

/** Rows of a table, of these columns. */
function rowsOf(table: Table, names: readonly string[]): unknown[][] {
  const columns = names.map((name): unknown[] => [...(table.getChild(name) ?? [])]);
  return Array.from({ length: table.numRows }, (_, row) => columns.map((column) => column[row]));
}

test('samples come in the columns that Arrow, SQL and Parquet share, by the paths that the gateway writes', async () => {
  const table = await tableOf('tag=PLANT/A&tag=plant/öl');
  expect(table.schema.fields.map(({ name }) => name).join()).toBe(
    'time,tag,kind,value,integer,unsigned,text,bytes,quality,flags,device_time,server_time',
  );
  expect(rowsOf(table, ['tag', 'value', 'quality'])).toEqual([
    ['plant/a', 0.5, 0],
    ['plant/a', -0, 0x80310000],
    ['plant/Öl', 7, 0],
  ]);
});

test('aggregates have a column each; a bucket without a good value has none, and a count of 0', async () => {
  services.buckets = async function* ({ tags }): AsyncGenerator<BucketsPage> {
    const rows = [
      { timeUs: START_US, values: [1.5, 9_007_199_254_740_993n, 2] },
      { timeUs: START_US + 1_000_000, values: [null, null, 0] },
    ];
    const gap = { fromUs: START_US, toUs: START_US + 1, reason: 'damage', samples: null, detail: '' };
    for (const tag of await Promise.resolve(tags))
      yield { tag, widthUs: 1_000_000, partial: [], buckets: bucketsOf(tag.endsWith('a') ? rows : []), gaps: [gap] };
  };
  const table = await tableOf('tag=plant/a&tag=plant/%C3%96l&interval=1s&aggregate=mean,max,count');
  expect(table.schema.fields.map((field) => `${field.name} ${field.typeId}`)).toEqual([
    `time ${Type.Timestamp}`,
    `tag ${Type.Dictionary}`,
    `mean ${Type.Float}`,
    `max ${Type.Float}`,
    `count ${Type.Int}`,
  ]);
  expect(rowsOf(table, ['tag', 'mean', 'max', 'count'])).toEqual([
    ['plant/a', 1.5, 9_007_199_254_740_992, 2n],
    ['plant/a', null, null, 0n],
  ]);
  const gaps = table.batches.map(({ metadata }) => metadata.get('millrace.gaps') !== undefined);
  expect(gaps).toEqual([true, true]);
});

function ask(query: string): ReturnType<ApiServer['inject']> {
  return api.inject({ url: `/api/v1/history?${query}`, headers: { accept: ARROW_MEDIA_TYPE } });
}

test('what is wrong is said before the first byte', async () => {
  expect((await ask('tag=plant/x')).statusCode).toBe(404);
  expect((await ask('tag=plant/a&from=now')).statusCode).toBe(400);
  expect((await ask('tag=plant/a&interval=1s')).json()).toMatchObject({ status: 400 });
});

test('an answer of any kind of value is whole when its last piece has come', async () => {
  services.pageSamples = 100;
  services.samples.set(
    'plant/a',
    Array.from({ length: 25_000 }, (_, i) => ({ ...sampleAt(START_US + i, i), kind: ValueKind.double })),
  );
  const table = await tableOf('tag=plant/a');
  expect(table.numRows).toBe(25_000);
  expect(table.getChild('value')?.get(24_999)).toBe(24_999);
});

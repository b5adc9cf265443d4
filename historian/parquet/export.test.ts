import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ValueKind } from '../../edge/core/sample.ts';
import { runPython } from '../../test/services/python.ts';
import { requireService } from '../../test/services/require.ts';
import { anySample, double, EVER, lineOf, T0, type Tagged, TestFolder } from '../kit/history-kit.ts';
import { openReadOnly } from '../open-read-only.ts';
import { Points } from '../points/points.ts';
import { LeftBehind } from '../sql/sql-kit.ts';
import { exportHistory } from './export.ts';
import { beginReplacement } from './place-file.ts';
import { SampleReader } from './sample-reader.ts';

const tables = requireService('tables');
const left = new LeftBehind();
const folder = new TestFolder();
const TAGS = ['site/a', 'site/Öl', "site/b'c"];

/** Samples of every kind, the same at every run, beside a long walk. */
const random: Tagged[] = fc
  .sample(fc.record({ tag: fc.constantFrom(...TAGS), sample: anySample }), { numRuns: 600, seed: 1 })
  .map(({ tag, sample }) => ({ tag, sample }));
const walk: Tagged[] = Array.from({ length: 30_000 }, (_, i) => double('site/walk', i, Math.round(i / 7) / 100));

beforeAll(() => left.write([...walk, ...random.slice(0, 400)], random.slice(400), []));
afterAll(() => {
  left[Symbol.dispose]();
  folder[Symbol.dispose]();
});

const jobOf = (name: string, more = {}): Parameters<typeof exportHistory>[0] => ({
  source: left.source,
  tags: null,
  ...EVER,
  file: folder.file(name),
  format: 'parquet' as const,
  ...more,
});

/** All samples of a tag as lines, from the store. */
async function stored(tag: string, span = EVER): Promise<string[]> {
  const history = openReadOnly(left.source);
  const lines: string[] = [];
  for await (const page of history.query({ tag, ...span })) lines.push(...[...page.samples()].map(lineOf));
  history.close();
  return lines;
}

/** All samples of a tag as lines, from a Parquet file, in pages of so many. */
async function exported(file: string, tag: string, limit = 10_000): Promise<string[]> {
  const reader = new SampleReader();
  const lines: string[] = [];
  const topics = ['samples'];
  for (let after: { timeUs: number; topic: number; offset: number } | undefined; ;) {
    const { points: message, more } = await reader.read({ file, tag, ...EVER, limit, after, topics });
    const points = Points.fromMessage(message);
    for (let i = 0; i < points.count; i++) lines.push(lineOf(points.sample(i, topics)));
    if (!more) break;
    const last = points.sample(points.count - 1, topics);
    after = { timeUs: last.timeUs, topic: 0, offset: last.offset };
  }
  return lines;
}

describe('export to Parquet', () => {
  test('what is written is what is read: every kind, every bit, in the order of the store', async () => {
    const told: number[] = [];
    const job = jobOf('all.parquet');
    const written = await exportHistory(job, { onProgress: (samples) => told.push(samples) });
    let rows = walk.length;
    for (const tag of TAGS) rows += (await stored(tag)).length;
    expect(written).toMatchObject({ rows, gaps: [], span: { tags: ['site/a', 'site/Öl'] } });
    for (const tag of TAGS) {
      const lines = await stored(tag);
      expect(lines.length).toBeGreaterThan(100);
      expect(await exported(job.file, tag, 7)).toEqual(lines);
    }
    expect(await exported(job.file, 'site/walk')).toEqual(await stored('site/walk'));
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(readdirSync(folder.path)).toEqual(['all.parquet']);
  });

  test('only some tags, only a span', async () => {
    const span = { fromUs: T0 + 10e6, toUs: T0 + 20e6 };
    const job = jobOf('some.parquet', { tags: ['site/walk', 'site/absent'], ...span });
    expect(await exportHistory(job)).toMatchObject({
      rows: 10,
      span: { tags: ['site/walk', 'site/walk'], timesUs: [T0 + 10e6, T0 + 19e6] },
    });
    expect(await exported(job.file, 'site/walk')).toEqual(await stored('site/walk', span));
  });

  test('nothing is a file without rows', async () => {
    const job = jobOf('none.parquet', { tags: ['site/absent'] });
    expect(await exportHistory(job)).toMatchObject({ rows: 0, gaps: [], span: null });
    expect(await exported(job.file, 'site/absent')).toEqual([]);
  });

  test('an abort leaves nothing behind', async () => {
    const controller = new AbortController();
    const waiting = exportHistory(jobOf('never.parquet'), { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(readdirSync(folder.path).filter((name) => name.startsWith('never'))).toEqual([]);
  });

  test.each(['parquet', 'csv'] as const)('a %s file that is replaced keeps its permissions', async (format) => {
    const job = jobOf(`private.${format}`, { tags: ['site/a'], format });
    await exportHistory(job);
    const before = readFileSync(job.file);
    writeFileSync(job.file, 'old'.repeat(100_000));
    chmodSync(job.file, 0o640);
    await exportHistory(job);
    expect(statSync(job.file).mode & 0o777).toBe(0o640);
    expect(readFileSync(job.file)).toEqual(before);
    expect(readdirSync(folder.path).filter((name) => name.startsWith('private') && name.endsWith('.tmp'))).toEqual([]);
  });

  test('nobody may read what is to replace a private file before it does', () => {
    const [beside, file] = [folder.file('beside'), folder.file('secret')];
    writeFileSync(file, 'old');
    chmodSync(file, 0o604);
    const keepPermissions = beginReplacement(beside, file);
    expect(statSync(beside).mode & 0o777).toBe(0o600);
    keepPermissions();
    expect(statSync(file).mode & 0o777).toBe(0o604);
    beginReplacement(folder.file('not made'), folder.file('new'))();
    expect([existsSync(folder.file('not made')), existsSync(folder.file('new'))]).toEqual([false, false]);
  });

  test('a folder that is not there is told', async () => {
    const job = jobOf('x', { file: path.join(folder.path, 'absent', 'x.parquet') });
    await expect(exportHistory(job)).rejects.toMatchObject({ code: 'file-unwritable' });
    expect(existsSync(path.dirname(job.file))).toBe(false);
  });

  test('a damaged file is damage', async () => {
    const job = jobOf('cut.parquet', { tags: ['site/a'] });
    await exportHistory(job);
    const read = { tag: 'site/a', ...EVER, limit: 10, after: undefined, topics: ['samples'] };
    await expect(new SampleReader().read({ ...read, file: `${job.file}.gone` })).rejects.toMatchObject({
      code: 'historian-damaged',
    });
  });
});

function sampleOf(second: number, kind: ValueKind, value: Tagged['sample']['value']): Tagged {
  return double('site/x', second, 0, { kind, value });
}

function csvLine(second: number, cells: string, offset: number): string {
  return `site/x,2020-03-17T10:13:2${second}.000000Z,${cells},0,0,,,samples,${offset}\n`;
}

test('export to CSV has the same columns, times in ISO 8601, bytes in base64, an empty text in quotes', async () => {
  const kinds = new LeftBehind();
  await kinds.write(
    [
      sampleOf(0, ValueKind.double, 0.1),
      sampleOf(1, ValueKind.long, 2n ** 63n - 1n),
      sampleOf(2, ValueKind.string, 'a"b,\n'),
      sampleOf(3, ValueKind.string, ''),
      sampleOf(4, ValueKind.bytes, Uint8Array.of(0, 255)),
      sampleOf(5, ValueKind.null, null),
    ],
    [],
    [],
  );
  const job = jobOf('all.csv', { source: kinds.source, format: 'csv' });
  expect(await exportHistory(job)).toMatchObject({ rows: 6, span: null });
  expect(readFileSync(job.file, 'utf8')).toBe(
    'tag,time,kind,value,integer,unsigned,text,bytes,quality,flags,device_time,server_time,topic,log_offset\n' +
      csvLine(0, 'double,0.1,,,,', 0) +
      csvLine(1, 'long,9.223372036854776e+18,9223372036854775807,,,', 1) +
      csvLine(2, 'string,,,,"a""b,\n",', 2) +
      csvLine(3, 'string,,,,"",', 3) +
      csvLine(4, 'bytes,,,,,AP8=', 4) +
      csvLine(5, 'null,,,,,', 5),
  );
  kinds[Symbol.dispose]();
});

test.skipIf(!tables.available)(
  'pyarrow, pandas and polars read the Parquet file with the same rows and sums',
  async () => {
    const job = jobOf('python.parquet', { tags: ['site/walk'] });
    await exportHistory(job);
    const script = `
import json, sys
import pandas, polars, pyarrow.parquet as parquet
table = parquet.read_table(sys.argv[1])
frame = pandas.read_parquet(sys.argv[1])
lazy = polars.read_parquet(sys.argv[1])
print(json.dumps([[table.num_rows, sum(table['value'].to_pylist())], [len(frame), float(sum(frame['value']))], [lazy.height, sum(lazy['value'].to_list())],
  {f.name: str(f.type) for f in table.schema}]))`;
    const { stdout } = await runPython(script, [job.file], '', { environment: 'tables' });
    const sum = walk.reduce((total, { sample }) => total + (sample.value as number), 0);
    const types = {
      tag: 'string',
      time: 'timestamp[us, tz=UTC]',
      kind: 'string',
      value: 'double',
      integer: 'int64',
      unsigned: 'decimal128(20, 0)',
      text: 'string',
      bytes: 'binary',
      quality: 'int64',
      flags: 'int32',
      device_time: 'timestamp[us, tz=UTC]',
      server_time: 'timestamp[us, tz=UTC]',
      topic: 'string',
      log_offset: 'int64',
    };
    expect(JSON.parse(stdout.toString())).toEqual([[30_000, sum], [30_000, sum], [30_000, sum], types]);
  },
);

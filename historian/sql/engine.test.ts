import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ValueKind } from '../../edge/core/sample.ts';
import { double, T0, type Tagged } from '../kit/history-kit.ts';
import { ask as askEngine } from './engine.ts';
import { LeftBehind, rowsHere } from './sql-kit.ts';

const left = new LeftBehind();
const outside = mkdtempSync(path.join(tmpdir(), 'millrace-outside-'));
const secret = path.join(outside, 'secret.csv');

const special: Tagged[] = [
  double('site/long', 0, 0, { kind: ValueKind.long, value: 9_007_199_254_740_993n }),
  double('site/uint64', 0, 0, { kind: ValueKind.uint64, value: 2n ** 64n - 1n }),
  double('site/text', 0, 0, { kind: ValueKind.string, value: "Öl's 🛢️", serverTimeUs: T0 - 1 }),
  double('site/bytes', 0, 0, { kind: ValueKind.bytes, value: Uint8Array.of(0, 255), quality: 0x80310000 }),
  double('site/on', 0, 0, { kind: ValueKind.boolean, value: true, flags: 1 }),
  double('site/none', 0, 0, { kind: ValueKind.null, value: null }),
];
const walk = (from: number, to: number): Tagged[] =>
  Array.from({ length: to - from }, (_, i) => double('site/walk', from + i, (from + i) / 4));

beforeAll(async () => {
  await left.write([...walk(0, 5000), ...special], walk(5000, 5100), [
    { v: 1, at: T0 + 7, type: 'gap', topic: 'samples', first: 3, last: 4 },
  ]);
  writeFileSync(secret, 'word\nswordfish\n');
});
afterAll(() => {
  left[Symbol.dispose]();
  rmSync(outside, { recursive: true });
});

const ask = (sql: string): Promise<Record<string, unknown>[]> => rowsHere(left.source, sql);

describe('questions', () => {
  test('samples of the files and of the log behind them', async () => {
    const sql = `SELECT count(*) AS n, sum(value) AS sum, min(time) AS first, max(time) AS last FROM samples WHERE tag = 'site/walk'`;
    expect(await ask(sql)).toEqual([
      {
        n: 5100,
        sum: (5099 * 5100) / 8,
        first: '2020-03-17T10:13:20.000000Z',
        last: '2020-03-17T11:38:19.000000Z',
      },
    ]);
  });

  test('every kind of value is exact', async () => {
    const sql = `SELECT * EXCLUDE (time, device_time, log_offset) FROM samples WHERE tag <> 'site/walk' ORDER BY tag`;
    const none = { value: null, integer: null, unsigned: null, text: null, bytes: null };
    const rest = { quality: 0, flags: 0, server_time: null, topic: 'samples' };
    const row = (tag: string, kind: string, own: object): object => ({
      tag: `site/${tag}`,
      kind,
      ...none,
      ...rest,
      ...own,
    });
    expect(await ask(sql)).toEqual([
      row('bytes', 'bytes', { bytes: Uint8Array.of(0, 255), quality: 0x80310000 }),
      row('long', 'long', { value: 9_007_199_254_740_992, integer: 9_007_199_254_740_993n }),
      row('none', 'null', {}),
      row('on', 'boolean', { value: 1, flags: 1 }),
      row('text', 'string', { text: "Öl's 🛢️", server_time: '2020-03-17T10:13:19.999999Z' }),
      row('uint64', 'uint64', { value: 18_446_744_073_709_552_000, unsigned: 18_446_744_073_709_551_615n }),
    ]);
  });

  test('tags and events', async () => {
    expect(await ask(`SELECT * FROM tags WHERE samples > 1`)).toEqual([
      {
        tag: 'site/walk',
        samples: 5100,
        first_time: '2020-03-17T10:13:20.000000Z',
        last_time: '2020-03-17T11:38:19.000000Z',
      },
    ]);
    expect(await ask(`SELECT log_offset, time, key, type, event->>'$.last' AS last FROM events`)).toEqual([
      { log_offset: 0, time: '2020-03-17T10:13:20.000007Z', key: 'topic/samples', type: 'gap', last: '4' },
    ]);
  });

  test('a filter gives the same rows however it is written', async () => {
    const filters = [
      `tag = 'site/walk' AND time >= '2020-03-17T10:14:00Z' AND time < '2020-03-17T10:15:00Z'`,
      `tag IN ('site/walk', 'site/absent') AND time BETWEEN '2020-03-17 12:14:00+02' AND '2020-03-17 12:14:59+02'`,
      `starts_with(tag, 'site/w') AND time >= TIMESTAMP '2020-03-17 10:14:00' AND NOT time > TIMESTAMPTZ '2020-03-17 10:14:59Z'`,
      `upper(tag) = 'SITE/WALK' AND epoch_ms(time) >= 1584440040000 AND epoch_ms(time) < 1584440100000`,
      `(tag = 'site/walk' OR tag = 'x') AND date_trunc('minute', time) = TIMESTAMPTZ '2020-03-17 10:14:00Z'`,
    ];
    for (const filter of filters)
      expect(await ask(`SELECT count(*) AS n, sum(value) AS sum FROM samples WHERE ${filter}`)).toEqual([
        { n: 60, sum: ((40 + 99) * 60) / 8 },
      ]);
  });

  test('two scans with different filters each have their own rows', async () => {
    const sql = `
      SELECT a.value AS a, b.integer AS b FROM samples a, samples b
      WHERE a.tag = 'site/walk' AND a.time = '2020-03-17 10:13:24Z' AND b.tag = 'site/long'`;
    expect(await ask(sql)).toEqual([{ a: 1, b: 9_007_199_254_740_993n }]);
  });

  test('columns have names and types, also when there are no rows', async () => {
    const sql = 'SELECT time, value AS v FROM samples WHERE false';
    const answer = await askEngine({ source: left.source, sql, memoryBytes: 64 << 20, threads: 1 });
    answer.close();
    expect(answer.columns).toEqual([
      { name: 'time', type: 'TIMESTAMP WITH TIME ZONE' },
      { name: 'v', type: 'DOUBLE' },
    ]);
  });
});

describe('what is not a question about history is refused', () => {
  test.each([
    [`COPY (SELECT 1) TO '${outside}/out.csv'`],
    [`COPY samples TO '${outside}/out.parquet' (FORMAT parquet)`],
    [`ATTACH '${outside}/x.db'`],
    ['INSTALL httpfs'],
    ['LOAD httpfs'],
    ['SET enable_external_access = true'],
    ['SET lock_configuration = false'],
    ['RESET enable_external_access'],
    ['PRAGMA enable_external_access'],
    ["PRAGMA memory_limit = '10GB'"],
    [`EXPORT DATABASE '${outside}/all'`],
    [`IMPORT DATABASE '${outside}'`],
    ['CREATE TABLE t AS SELECT 1'],
    ['CREATE OR REPLACE VIEW samples AS SELECT 1'],
    ['DROP VIEW samples'],
    ['INSERT INTO samples SELECT * FROM samples'],
    ['DELETE FROM samples'],
    ['CREATE SECRET s (TYPE s3)'],
    ['BEGIN'],
    ['CALL pragma_version()'],
    ['CHECKPOINT'],
    [`EXPLAIN ANALYZE COPY (SELECT 1) TO '${outside}/out.csv'`],
    ['EXPLAIN SELECT 1'],
    [`SELECT 1; COPY (SELECT 1) TO '${outside}/out.csv'`],
    ['SELECT 1; SELECT 2'],
    [''],
    ['-- nothing'],
  ])('%s', async (sql) => {
    await expect(ask(sql)).rejects.toMatchObject({ code: expect.stringMatching(/^sql-(refused|invalid)$/) as string });
    expect(existsSync(path.join(outside, 'out.csv'))).toBe(false);
    expect(existsSync(path.join(outside, 'out.parquet'))).toBe(false);
    expect(existsSync(path.join(outside, 'all'))).toBe(false);
    expect(existsSync(path.join(outside, 'x.db'))).toBe(false);
  });

  test.each([
    ['delete from samples', 'A statement of type DELETE.'],
    ['-- all of it\n/* yes */ UPDATE samples SET value = 1', 'A statement of type UPDATE.'],
    ['INSERT INTO samples SELECT * FROM samples', 'A statement of type INSERT.'],
    ['TRUNCATE samples', 'A statement of type TRUNCATE.'],
    ['DROP VIEW samples', 'A statement of type DROP.'],
    ['PRAGMA database_list', 'A statement of type PRAGMA.'],
    ['CALL pragma_version()', 'A statement of type CALL.'],
  ])('%s: it is said what it is', async (sql, detail) => {
    await expect(ask(sql)).rejects.toMatchObject({ code: 'sql-refused', detail });
  });

  test.each([
    [`SELECT * FROM read_csv('${secret}')`],
    [`SELECT * FROM '${secret}'`],
    [`SELECT * FROM read_text('/etc/passwd')`],
    [`SELECT * FROM read_blob('/proc/self/environ')`],
    [`SELECT * FROM glob('${outside}/*')`],
    [`SELECT * FROM sniff_csv('${secret}')`],
    [`SELECT * FROM read_json('${secret}')`],
    [`SELECT * FROM read_parquet('https://example.com/x.parquet')`],
    [`SELECT * FROM parquet_metadata('${secret}')`],
    [`SELECT * FROM query('SELECT * FROM read_csv(''${secret}'')')`],
    [`SELECT * FROM query_table('${secret}')`],
    [`SELECT getenv('HOME')`],
  ])('%s', async (sql) => {
    await expect(ask(sql)).rejects.toMatchObject({ code: expect.stringMatching(/^sql-(refused|invalid)$/) as string });
  });

  test('settings are what they were', async () => {
    const sql = `SELECT name, value FROM duckdb_settings() WHERE name IN ('enable_external_access', 'lock_configuration') ORDER BY name`;
    expect(await ask(sql)).toEqual([
      { name: 'enable_external_access', value: 'false' },
      { name: 'lock_configuration', value: 'true' },
    ]);
  });

  test('an error of the question says where it is', () =>
    expect(ask('SELECT vlaue FROM samples')).rejects.toMatchObject({
      code: 'sql-invalid',
      message: expect.stringContaining('vlaue') as string,
    }));
});

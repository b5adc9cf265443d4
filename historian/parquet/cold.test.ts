import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Flag } from '../../edge/core/flags.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { runPython } from '../../test/services/python.ts';
import { requireService } from '../../test/services/require.ts';
import { anySample, double, lineOf, T0, type Tagged, TestFolder } from '../kit/history-kit.ts';
import type { RawQuery, SampleHistory } from '../queries/history.ts';
import { openReadOnly, type ReadOnlyHistory } from '../open-read-only.ts';
import { LeftBehind } from '../sql/sql-kit.ts';
import { FILE_COLUMNS } from './columns.ts';
import { ColdDays } from './cold-days.ts';
import { ColdTable, DAY_US } from './cold-table.ts';
import { ColdTier } from './cold-tier.ts';
import { ParquetProcess } from './process.ts';
import { LocalTierFolder } from './tier-folder.ts';

const tables = requireService('tables');
const DAY = Math.floor(T0 / DAY_US);
const DAY_S = 86_400;
const TAGS = ['site/a', 'site/b', 'site/Öl'];
const SPAN = { fromUs: (DAY - 1) * DAY_US, toUs: (DAY + 4) * DAY_US };

const left = new LeftBehind();
const folder = new TestFolder();
const duckdb = new ParquetProcess();
const place = new LocalTierFolder(folder.file('tier'));
const table = new ColdTable(place);
const tier = new ColdTier({ folder: place, table, duckdb, scratch: folder.file('scratch') });
let store: ReadOnlyHistory;

/** Three days: every kind of sample, many at equal times; the third day has one tag alone. */
const mixed: Tagged[] = fc
  .sample(fc.record({ tag: fc.constantFrom('site/a', 'site/Öl'), sample: anySample }), { numRuns: 300, seed: 2 })
  .map(({ tag, sample }, i) => {
    const timeUs = T0 + (i % 2) * DAY_US + (i % 40) * 1000;
    // Neither from a clock that is ahead, which would move it, nor a correction.
    return { tag, sample: { ...sample, flags: sample.flags & ~(Flag.clockSuspect | Flag.correction), timeUs } };
  });
const samples = [...mixed, ...Array.from({ length: 200 }, (_, i) => double('site/b', 2 * DAY_S + i, i / 4))];

beforeAll(async () => {
  await left.write(samples, [], []);
  store = openReadOnly(left.source);
  await table.load();
});
afterAll(async () => {
  store.close();
  await duckdb.close();
  left[Symbol.dispose]();
  folder[Symbol.dispose]();
});

function coldDays(of: ColdTable = table): Pick<SampleHistory, 'page'> {
  const days = new ColdDays({ folder: place, table: of, duckdb });
  return { page: (query) => days.page({ ...query, topics: ['samples'] }) };
}

async function linesOf(
  history: Pick<SampleHistory, 'page'>,
  query: RawQuery,
): Promise<{ lines: string[]; gaps: string[] }> {
  const lines: string[] = [];
  const gaps: string[] = [];
  for (let { after } = query; ;) {
    const page = await history.page({ ...query, after });
    lines.push(...[...page.samples()].map(lineOf));
    gaps.push(...page.gaps.map(({ reason }) => reason));
    if (page.next === null) return { lines, gaps };
    after = page.next;
  }
}

describe('the cold tier', () => {
  test('answers as the store does: same samples, same order, in pages of any size', async () => {
    expect((await linesOf(coldDays(), { tag: 'site/a', ...SPAN })).lines).toEqual([]);
    for (const day of [DAY, DAY + 1, DAY + 2]) await tier.addDay(left.source, day);
    expect(await tier.addDay(left.source, DAY + 3)).toBeUndefined();
    expect(table.days.map(({ day, rows }) => [day - DAY, rows])).toEqual([
      [0, 150],
      [1, 150],
      [2, 200],
    ]);
    for (const tag of [...TAGS, 'site/absent', 'a', 'z']) {
      const stored = await linesOf(store, { tag, ...SPAN });
      for (const limit of [1, 7, 10_000]) expect(await linesOf(coldDays(), { tag, ...SPAN, limit })).toEqual(stored);
    }
    const part = { tag: 'site/a', fromUs: T0 + 5000, toUs: T0 + DAY_US + 9000 };
    expect((await linesOf(store, part)).lines.length).toBeGreaterThan(50);
    expect(await linesOf(coldDays(), part)).toEqual(await linesOf(store, part));
  });

  test('is found again when it is opened, by its own table', async () => {
    const again = new ColdTable(place);
    await again.load();
    expect(again.days).toEqual(table.days);
    const query = { tag: 'site/b', ...SPAN };
    expect(await linesOf(coldDays(again), query)).toEqual(await linesOf(store, query));
  });

  test('a day that is written again replaces the old one, also for a reader that has begun', async () => {
    const begun = new ColdTable(place);
    await begun.load();
    const before = table.day(DAY + 1)?.name ?? '';
    await tier.addDay(left.source, DAY + 1);
    expect(table.days).toHaveLength(3);
    expect(readdirSync(path.dirname(folder.file(path.join('tier', before))))).toEqual([
      path.basename(table.day(DAY + 1)?.name ?? ''),
    ]);
    const query = { tag: 'site/a', ...SPAN };
    expect(await linesOf(coldDays(begun), query)).toEqual(await linesOf(store, query));
    expect(readdirSync(folder.file('tier/metadata'))).toHaveLength(7);
    expect(readdirSync(folder.file('scratch'))).toEqual([]);
  });

  test.skipIf(!tables.available)('is an Iceberg table that pyiceberg reads with the same rows and sums', async () => {
    const script = `
import json, sys
from pyiceberg.table import StaticTable
table = StaticTable.from_metadata(sys.argv[1])
rows = table.scan().to_arrow()
day = table.scan(row_filter="time >= '2020-03-19T00:00:00+00:00' and tag == 'site/b'")
print(json.dumps({
  'columns': rows.column_names, 'rows': rows.num_rows, 'sum': sum(rows.filter([t == 'site/b' for t in rows['tag'].to_pylist()])['value'].to_pylist()),
  'longs': [str(v) for v in rows['integer'].to_pylist() if v is not None], 'files': len(list(table.scan().plan_files())),
  'filtered': [len(list(day.plan_files())), day.to_arrow().num_rows], 'partitions': sorted(str(p['partition']['time_day']) for p in table.inspect.partitions().to_pylist())}))`;
    const metadata = folder.file(`tier/metadata/v${table.version}.metadata.json`);
    const { stdout } = await runPython(script, [metadata], '', { environment: 'tables' });
    const longs = samples.flatMap(({ sample }) =>
      sample.kind === ValueKind.long ? String(sample.value as bigint) : [],
    );
    const read = JSON.parse(stdout.toString()) as { longs: string[] };
    expect({ ...read, longs: read.longs.toSorted() }).toEqual({
      columns: Object.keys(FILE_COLUMNS),
      rows: 500,
      sum: (199 * 200) / 8,
      longs: longs.toSorted(),
      files: 3,
      filtered: [1, 200],
      partitions: ['2020-03-17', '2020-03-18', '2020-03-19'],
    });
  });

  test('a file that is damaged or gone is a gap of its day, the other days are served', async () => {
    const [first = '', second = ''] = table.days.map(({ name }) => folder.file(path.join('tier', name)));
    rmSync(second);
    const query = { tag: 'site/a', ...SPAN };
    const whole = (await linesOf(store, query)).lines;
    const { lines, gaps } = await linesOf(coldDays(), query);
    expect(lines).toEqual(whole.slice(0, lines.length));
    expect(gaps).toEqual(['tier-missing']);
    writeFileSync(first, 'PAR1 is not all of it PAR1');
    expect(await linesOf(coldDays(), query)).toEqual({ lines: [], gaps: ['tier-damaged', 'tier-missing'] });
    const cut = new ColdTable(place);
    writeFileSync(folder.file(`tier/metadata/v${table.version}-manifest.avro`), 'Obj\u0001');
    await expect(cut.load()).rejects.toMatchObject({ code: 'historian-damaged' });
  });
});

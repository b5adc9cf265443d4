import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ValueKind } from '../edge/core/sample.ts';
import { runPython } from '../test/services/python.ts';
import { requireService, testData } from '../test/services/require.ts';
import { AGGREGATES, BucketPage } from './queries/bucket-page.ts';
import { queryBuckets } from './queries/bucket-query.ts';
import { intervalGrid } from './queries/buckets.ts';
import { applyAll, batchOf, LOG, type Tagged, TestFolder } from './kit/history-kit.ts';
import { summariesOf } from './queries/query.ts';
import { Store } from './store/store.ts';

const skab = testData('skab');
const python = requireService('python');

/** SKAB's files (`datetime;signal;signal;…`): means with `math.fsum`, which rounds once; the rest as Python compares. */
const SCRIPT = `
import csv, json, math, sys
from datetime import datetime, timezone
width = int(sys.argv[1])
result = {}
for file in sys.argv[2:]:
    with open(file) as lines:
        rows = sorted(csv.DictReader(lines, delimiter=';'), key=lambda row: row['datetime'])
    for signal in rows[0]:
        if signal == 'datetime':
            continue
        buckets = {}
        for row in rows:
            second = int(datetime.fromisoformat(row['datetime']).replace(tzinfo=timezone.utc).timestamp())
            buckets.setdefault(second // width, []).append(float(row[signal]))
        result[file + ' ' + signal] = [
            [bucket * width, math.fsum(v) / len(v), min(v), max(v), len(v), v[0], v[-1]] for bucket, v in sorted(buckets.items())]
print(json.dumps(result))
`;

type Rows = number[][];

/** Samples of one file, its path and the signal's name as tag. */
function samplesOf(file: string): Tagged[] {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  const signals = head.trim().split(';').slice(1);
  return lines.flatMap((line) => {
    const [time = '', ...values] = line.trim().split(';');
    const timeUs = Date.parse(`${time.replace(' ', 'T')}Z`) * 1000;
    return signals.map((signal, i) => ({
      tag: `${file} ${signal}`,
      sample: { timeUs, kind: ValueKind.double, value: Number(values[i]), quality: 0, flags: 0, serverTimeUs: null },
    }));
  });
}

/** Rows of the buckets that have values. */
function aggregatesOf(store: Store, tag: string, widthUs: number): Rows {
  const view = store.pin();
  try {
    const [summary] = summariesOf(view, [tag]);
    const span = { fromUs: summary?.firstUs ?? 0, toUs: (summary?.lastUs ?? 0) + 1 };
    const grid = intervalGrid(span, widthUs);
    const page = new BucketPage(queryBuckets(view, { tag, ...span, grid, aggregates: AGGREGATES }, () => false));
    const rows = Array.from({ length: page.rows }, (_, row) => [
      (page.times[row] ?? 0) / 1e6,
      ...AGGREGATES.map((_aggregate, i) => Number(page.value(row, i))),
    ]);
    return rows.filter(([, , , , count]) => count !== 0);
  } finally {
    view.release();
  }
}

/** How far the means are apart, in parts of the greatest value. */
function worstMean(found: Rows, expected: Rows): number {
  const errors = expected.map(([, mean = 0, min = 0, max = 0], i) => {
    const scale = Math.max(Math.abs(min), Math.abs(max), Number.MIN_VALUE);
    return Math.abs((found[i]?.[1] ?? Number.NaN) - mean) / scale;
  });
  return Math.max(...errors);
}

const withoutMean = (rows: Rows): Rows => rows.map(([time = 0, , ...rest]) => [time, ...rest]);

describe.skipIf(!skab.available || !python.available)('aggregates of recorded data', () => {
  test.each([60, 3600])(
    'of %d s are those that Python computes from the files, means within 1e-12',
    async (seconds) => {
      const folders = readdirSync(skab.folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
      const files = folders.flatMap(({ name }) => {
        const folder = path.join(skab.folder, name);
        return readdirSync(folder).flatMap((file) => (file.endsWith('.csv') ? [path.join(folder, file)] : []));
      });
      expect(files.length).toBeGreaterThan(10);
      const { stdout } = await runPython(SCRIPT, [String(seconds), ...files]);
      const expected = JSON.parse(stdout.toString()) as Record<string, Rows>;
      using folder = new TestFolder();
      const store = new Store({ folder: folder.file('historian'), log: LOG });
      store.open();
      let offset = 0;
      for (const [i, file] of files.entries()) {
        const samples = samplesOf(file);
        for (let at = 0; at < samples.length; at += 2000) {
          const part = samples.slice(at, at + 2000);
          await applyAll(store, [batchOf(part, offset)]);
          offset += part.length;
        }
        if (i % 4 === 1) await store.flush();
      }
      for (const [tag, rows] of Object.entries(expected)) {
        const found = aggregatesOf(store, tag, seconds * 1e6);
        expect(withoutMean(found)).toEqual(withoutMean(rows));
        expect(worstMean(found, rows)).toBeLessThan(1e-12);
      }
      expect(Object.keys(expected).length).toBeGreaterThan(80);
      await store.close();
    },
  );
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LogFolder, type OpenLog } from '../../edge/core/kit/log-kit.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { waitFor } from '../../test/services/wait.ts';
import { processingIntervals } from '../aggregates/intervals-kit.ts';
import { readTable, type TableCase, type TableRow } from '../aggregates/table-kit.ts';
import { HistorianClient } from '../client.ts';
import { batchOf, LOG, type Tagged } from '../kit/history-kit.ts';
import { analysisPagesOf, windowsOf } from './analysis-query.ts';
import type { AskedAggregates } from './asked.ts';

/* The published figures again, this time with the samples written into the log, followed by the historian and asked in its worker. */

const folder = new LogFolder();
let log: OpenLog;
let client: HistorianClient;

/** Annotations are no samples, and the historian has none. */
const isAsked = ({ aggregate }: TableCase): boolean => aggregate !== 'AnnotationCount';
const examples = readTable('examples.txt').filter(isAsked);
const tester = readTable('tester.txt').filter(isAsked);
const foundation = readTable('foundation-tests.txt').filter(isAsked);
const tables = [...new Set([...examples, ...tester, ...foundation].map(({ data }) => data))];

function samplesOf(tag: string, { times, values, codes }: TableCase['data']): Tagged[] {
  return Array.from(times, (timeUs, i) => {
    const value = values[i] ?? Number.NaN;
    const content = Number.isNaN(value) ? { kind: ValueKind.null, value: null } : { kind: ValueKind.double, value };
    return { tag, sample: { timeUs, ...content, quality: codes[i] ?? 0, flags: 0, serverTimeUs: null } };
  });
}

const tagOf = ({ data }: TableCase): string => `northmill/historian${tables.indexOf(data)}`;

beforeAll(async () => {
  log = folder.open();
  client = new HistorianClient({
    logFolder: folder.log,
    folder: `${folder.data}/historian`,
    ends: log.ends,
    logId: LOG.logId,
  });
  await client.start();
  for (const [i, data] of tables.entries()) {
    const samples = samplesOf(`northmill/historian${i}`, data);
    log.writer.append([{ topic: 'samples', batch: batchOf(samples, 0), records: samples.length }]);
    // The first half of them is asked out of a file, the other out of memory.
    if (i !== Math.floor(tables.length / 2)) continue;
    await waitFor('the historian to have caught up', () => client.state().lagSamples === 0);
    await client.flush();
  }
  await waitFor('the historian to have caught up', () => client.state().lagSamples === 0);
});

afterAll(async () => {
  await client.stop();
  log.writer.close();
  folder[Symbol.dispose]();
});

/** Value, time and StatusCode of each interval, without regard to the InfoType. */
async function answerTo(row: TableCase, edition: AskedAggregates['edition']): Promise<TableRow[]> {
  const { data, startUs, endUs, lengthUs, aggregate } = row;
  const intervals = processingIntervals(startUs, endUs, lengthUs);
  const { stepped, configuration } = data;
  const resolutionUs = edition === 'draft' ? undefined : 1000;
  const asked = {
    what: 'aggregates',
    intervals,
    aggregates: [aggregate],
    stepped,
    configuration,
    edition,
    resolutionUs,
  } as const;
  const rows: TableRow[] = [];
  const span = { fromUs: Math.min(startUs, endUs), toUs: Math.max(startUs, endUs) };
  for (const window of windowsOf({ tag: tagOf(row), ...span, asked }, asked)) {
    for await (const { times, columns } of analysisPagesOf(client, window)) {
      const [column] = columns;
      for (const [i, timeUs] of times.entries()) {
        const code = ((column?.qualities?.[i] ?? 0) & ~0x0400) >>> 0;
        rows.push({ timeUs: column?.times?.[i] ?? timeUs, value: column?.values[i] ?? 0, code });
      }
    }
  }
  return rows;
}

/** The tables have three or four decimals, not always rounded the same way: so much is compared. */
function about({ timeUs, value, code }: TableRow): TableRow {
  return { timeUs, value: Math.round(value * 200) / 200, code };
}

/** As the Foundation's tests compare: one decimal, halves away from zero. */
function rounded(value: number): number {
  return (Math.sign(value) * Math.round(Math.abs(value) * 10)) / 10;
}

describe('the worked examples of OPC UA Part 13', () => {
  test.each(examples)('$name', async (row) => {
    const answer = await answerTo(row, '1.05');
    expect(answer.slice(0, row.rows.length).map(about)).toEqual(row.rows.map(about));
  });
});

describe("the figures of the Foundation's Aggregate Tester", () => {
  test.each(tester)('$name', async (row) => {
    const answer = (await answerTo(row, '1.05')).map(about);
    for (const expected of row.rows) expect(answer).toContainEqual(about(expected));
  });
});

describe("the rows of the Foundation's UA-.NET-Legacy aggregate tests", () => {
  test.each(foundation)('$name', async (row) => {
    const answer = await answerTo(row, 'draft');
    expect(answer.map((each) => ({ ...each, value: rounded(each.value) }))).toEqual(row.rows);
  });
});

import { describe, expect, test } from 'vitest';
import { prometheusTsdbFile } from '../../../test/services/prometheus-tsdb.ts';
import { startQuestdb } from '../../../test/services/questdb.ts';
import { requireRival, requireService } from '../../../test/services/require.ts';
import { shared } from '../../../test/services/shared.ts';
import { startVictoria, type Victoria } from '../../../test/services/victoria.ts';
import { Figures } from '../figures.ts';
import { FORMATS, formatQuestion, httpMillrace } from './http-history.ts';
import { millrace } from './millrace.ts';
import { duckdb } from './rival-duckdb.ts';
import { prometheus } from './rival-prometheus.ts';
import { questdb } from './rival-questdb.ts';
import { victoria } from './rival-victoria.ts';
import { chartQuestion, chartsQuestion, latestQuestion, rawQuestion } from './questions.ts';
import { someOfAll, temporaryFolder } from './set-kit.ts';
import { type Study, studyOf } from './study.ts';
import type { HistorySystem } from './system.ts';

const { signal } = new AbortController();

/** Every kind of question, over spans that begin and end on intervals and elsewhere. */
function everything(): Study {
  const set = someOfAll();
  const { fromMs, toMs } = set;
  const onGrid = { fromMs, toMs, widthMs: 5000 };
  return {
    set,
    ingest: 'ingest',
    bytes: 'bytes_per_point',
    // Aggregates are of good samples alone with us, which rivals know nothing of: no tag that has bad ones.
    probes: [0, 5, 8, 12, 16, 19, 23, 24],
    questions: [
      rawQuestion('raw', { fromMs: fromMs + 100_123, toMs: toMs - 123_456 }),
      chartQuestion('chart', onGrid),
      chartQuestion('chart_any_bounds', { fromMs: fromMs + 12_345, toMs: fromMs + 12_345 + 120 * 7777, widthMs: 7777 }),
      chartsQuestion('charts', 8, onGrid),
      latestQuestion('latest'),
    ],
  };
}

/** Measures it as the bench does, which compares every answer with the data. */
async function measured(system: HistorySystem, study = everything()): Promise<Map<string, number>> {
  const figures = new Figures('historian');
  const [scenario] = studyOf(study, [system]);
  await scenario?.measure({ folder: temporaryFolder(), figures, seconds: 0.01, quick: true, signal });
  expect(scenario?.title).toBe(`${system.name}: some, late`);
  const results = figures.results();
  expect(results.every(({ system: name }) => name === system.name)).toBe(true);
  return new Map(results.map(({ name, value }) => [name, value]));
}

const WARM = ['raw', 'chart', 'chart_any_bounds', 'charts', 'latest'].flatMap((name) => [
  `historian.${name}.ms_p50`,
  `historian.${name}.ms_p99`,
]);

const BYTES = 'historian.bytes_per_point';

function expectFigures(figures: Map<string, number>): void {
  const wanted = ['historian.ingest.points_per_s', BYTES, ...WARM];
  expect(wanted.filter((name) => !((figures.get(name) ?? 0) > 0))).toEqual([]);
}

test.each([millrace, duckdb])('$name answers every question as the data says', async (system) => {
  const figures = await measured(system);
  expectFigures(figures);
  expect(figures.get('historian.raw.cold_ms')).toBeGreaterThan(0);
});

test('runs behind the first one measure the same, without comparing again', async () => {
  const figures = new Figures('historian');
  const [scenario] = studyOf(everything(), [millrace]);
  for (let run = 1; run <= 2; run++)
    await scenario?.measure({ folder: temporaryFolder(), figures, seconds: 0.01, quick: true, signal });
  const results = figures.results();
  expect(results.every(({ system }) => system === millrace.name)).toBe(true);
  expectFigures(new Map(results.map(({ name, value }) => [name, value])));
});

test('a gateway answers over HTTP as the data says, in each format', async () => {
  const { questions, ...study } = everything();
  const formats = Object.keys(FORMATS) as (keyof typeof FORMATS)[];
  const figures = await measured(httpMillrace, {
    ...study,
    questions: [
      ...questions.filter(({ name }) => !name.endsWith('any_bounds')),
      ...formats.map((format) => formatQuestion(format, format, study.set)),
    ],
  });
  const asked = [
    ...WARM.filter((name) => !name.includes('any_bounds')),
    'historian.json.ms_p50',
    'historian.csv.ms_p50',
  ];
  expect(asked.filter((name) => !((figures.get(name) ?? 0) > 0))).toEqual([]);
  expect(figures.get('historian.arrow.ms_p50')).toBeGreaterThan(0);
}, 180_000);

test('a system that has lost a sample is not measured', async () => {
  const losing: HistorySystem = {
    ...millrace,
    async open(set, place) {
      let first = true;
      return await millrace.open(
        {
          ...set,
          *rows() {
            for (const rows of set.rows()) {
              if (first) rows.count--;
              first = false;
              yield rows;
            }
            return undefined;
          },
        },
        place,
      );
    },
  };
  await expect(measured(losing)).rejects.toMatchObject({
    code: 'bench-failed',
    detail: expect.stringContaining('samples') as string,
  });
});

const victoriaService = requireRival('victoria');

async function bytesOn({ address }: Victoria): Promise<number> {
  const figures = await measured(victoria(address), { ...everything(), questions: [] });
  return figures.get(BYTES) ?? 0;
}

describe.skipIf(!victoriaService.available)('VictoriaMetrics', () => {
  const server = shared(() => startVictoria());

  test('answers every question as the data says, within its rounding', async () => {
    expectFigures(await measured(victoria(server().address)));
    const left = await fetch(`http://${server().address}/api/v1/series/count`);
    expect(await left.json()).toMatchObject({ status: 'success' });
  });

  test('has the same bytes for the same set, whatever was there before', async () => {
    await using fresh = await startVictoria();
    const [alone, behindOthers] = await Promise.all([bytesOn(fresh), bytesOn(server())]);
    expect(alone).toBeGreaterThan(0);
    expect(Math.abs(behindOthers / alone - 1)).toBeLessThan(0.02);
  });
});

const prometheusService = requireRival('prometheus-tsdb');

test.skipIf(!prometheusService.available)("Prometheus's storage answers every question as the data says", async () => {
  const figures = await measured(prometheus(prometheusTsdbFile()));
  expectFigures(figures);
  expect(figures.get('historian.raw.cold_ms')).toBeGreaterThan(0);
});

const questdbService = requireService('questdb');

describe.skipIf(!questdbService.available)('QuestDB', () => {
  const server = shared(() => startQuestdb());

  test('answers every question as the data says, and its table goes', async () => {
    const figures = await measured(questdb(new URL(server().http).host));
    expectFigures(figures);
    // A time, a value and a quality of 8 bytes, a tag of 4, and no more than a page of 4 KiB a column beside them: the set is small.
    const bytes = figures.get(BYTES) ?? 0;
    expect(bytes).toBeGreaterThanOrEqual(28);
    expect(bytes).toBeLessThan(29);
    const answer = await fetch(`${server().http}/exec?query=${encodeURIComponent('SHOW TABLES')}`);
    expect(await answer.text()).not.toContain('millrace_bench');
  });
});

test.each(['nowhere', 'here:0', ''])('"%s" is not the address of a server', (address) => {
  expect(() => questdb(address)).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
  expect(() => victoria(address)).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
});

test('a server that is not there, and a program that is none, are named', async () => {
  await expect(measured(questdb('127.0.0.1:1'))).rejects.toMatchObject({
    code: 'bench-failed',
    detail: expect.stringContaining('127.0.0.1:1') as string,
  });
  expect(() => prometheus('/absent/program')).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
});

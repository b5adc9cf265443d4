import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { childrenOf, exitOf, millrace, startMillrace, temporaryFolder } from './cli-kit.ts';

/** Whether a process runs; one that has ended and was not asked for yet does not. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return childrenOf(pid).length >= 0;
  } catch {
    return false;
  }
}

test.runIf(process.platform === 'linux')('a bench that is ended leaves no process and no folder behind', async () => {
  const cwd = temporaryFolder();
  const bench = startMillrace(['bench', 'end-to-end', '--quick'], { cwd, env: { TMPDIR: cwd } });
  const pid = bench.pid ?? 0;
  let said = '';
  bench.stderr?.on('data', (data: Buffer) => (said += data.toString()));
  // The gateway that is measured, and the load generator.
  await expect.poll(() => childrenOf(pid).length, { timeout: 60_000 }).toBe(2);
  const children = childrenOf(pid);
  expect(readdirSync(cwd)).toHaveLength(1);
  bench.kill('SIGTERM');
  expect(await exitOf(bench)).toBe(1);
  expect(said).toBe('run 1 of 1: millrace\nended before all was measured\n');
  await expect.poll(() => children.filter(runs), { timeout: 10_000 }).toEqual([]);
  expect(readdirSync(cwd)).toEqual([]);
});

/** Figures are compared by their names over the years: they may be added to, never changed. */
const LOG_FIGURES = `
  log.append.batch_1.records_per_s samples/s millrace sqlite
  log.append.records_per_s samples/s millrace sqlite
  log.append.producers.cpu_us_per_sample µs millrace sqlite
  log.append.batch_100.records_per_s samples/s millrace sqlite
  log.append.batch_1000.records_per_s samples/s millrace sqlite
  log.write_4k.ms_p50 ms disk
  log.write_4k.ms_p99 ms disk
  log.append.at_100000.ms_p50 ms millrace sqlite
  log.append.at_100000.ms_p99 ms millrace sqlite
  log.append.at_100000.records_per_s samples/s millrace sqlite
  log.append.at_1000000.ms_p50 ms millrace
  log.append.at_1000000.ms_p99 ms millrace
  log.append.at_1000000.records_per_s samples/s millrace
  log.append.half_load.ms_p50 ms millrace
  log.append.half_load.ms_p99 ms millrace
  log.append.half_load.records_per_s samples/s millrace
  log.encode.batch_100.samples_per_s samples/s millrace
  log.encode.batch_1000.samples_per_s samples/s millrace
  log.decode.samples_per_s samples/s millrace
  log.pipeline.cpu_us_per_sample µs millrace
  log.pipeline.records_per_s samples/s millrace
  log.wake.us_p50 µs millrace
  log.wake.us_p99 µs millrace
  log.bytes_per_sample.plain bytes millrace
  log.bytes_per_sample.repacked bytes millrace
  log.stopped_reader.cost_percent % millrace
  log.stopped_reader.cost_mb MB millrace
  log.idle_workers_6.memory_mb MB millrace
  log.idle_log.memory_mb MB millrace
  log.log_1_gib.open_ms ms millrace
  log.log_1_gib.memory_mb MB millrace
  log.log_1_gib.writing_memory_mb MB millrace
`;

const HISTORIAN_FIGURES = `
  historian.ingest.points_per_s points/s millrace duckdb
  historian.ingest.cpu_us_per_point µs millrace duckdb
  historian.ingest.settled_points_per_s points/s millrace duckdb
  historian.bytes_per_point bytes millrace duckdb
  historian.raw_5000.ms_p50 ms millrace duckdb
  historian.raw_5000.ms_p99 ms millrace duckdb
  historian.chart_1000_of_5000.ms_p50 ms millrace duckdb
  historian.chart_1000_of_5000.ms_p99 ms millrace duckdb
  historian.tags_50_chart_1000.ms_p50 ms millrace duckdb
  historian.tags_50_chart_1000.ms_p99 ms millrace duckdb
  historian.raw_5000.cold_ms ms millrace duckdb
  historian.chart_1000_of_5000.cold_ms ms millrace duckdb
  historian.tags_50_chart_1000.cold_ms ms millrace duckdb
  historian.ingest_late.points_per_s points/s millrace duckdb
  historian.ingest_late.cpu_us_per_point µs millrace duckdb
  historian.ingest_late.settled_points_per_s points/s millrace duckdb
  historian.ingest_late.cost_percent % millrace duckdb
  historian.bytes_per_point.digital bytes millrace
  historian.bytes_per_point.two_decimal bytes millrace
  historian.bytes_per_point.noisy bytes millrace
  historian.ingest_second.points_per_s points/s millrace
  historian.ingest_second.cpu_us_per_point µs millrace
  historian.ingest_second.settled_points_per_s points/s millrace
  historian.bytes_per_point.second bytes millrace
  historian.bytes_per_point.float32 bytes millrace
  historian.bytes_per_point.by_exception bytes millrace
  historian.raw_86400.ms_p50 ms millrace duckdb
  historian.raw_86400.ms_p99 ms millrace duckdb
  historian.chart_1000_of_month.ms_p50 ms millrace duckdb
  historian.chart_1000_of_month.ms_p99 ms millrace duckdb
  historian.chart_1000_of_month_any_bounds.ms_p50 ms millrace duckdb
  historian.chart_1000_of_month_any_bounds.ms_p99 ms millrace duckdb
  historian.raw_86400.cold_ms ms millrace duckdb
  historian.chart_1000_of_month.cold_ms ms millrace duckdb
  historian.chart_1000_of_month_any_bounds.cold_ms ms millrace duckdb
  historian.latest_100000.ms_p50 ms millrace duckdb
  historian.latest_100000.ms_p99 ms millrace duckdb
  historian.latest_100000.cold_ms ms millrace duckdb
  historian.tags_100000.memory_mb MB millrace
  historian.tags_100000.most_memory_mb MB millrace
  historian.tags_100000.start_ms ms millrace
  historian.tags_100000.start_memory_mb MB millrace
  historian.http.raw_5000.ms_p50 ms millrace
  historian.http.raw_5000.ms_p99 ms millrace
  historian.http.chart_1000_of_5000.ms_p50 ms millrace
  historian.http.chart_1000_of_5000.ms_p99 ms millrace
  historian.http.tags_50_chart_1000.ms_p50 ms millrace
  historian.http.tags_50_chart_1000.ms_p99 ms millrace
`;

const reportSchema = z.strictObject({
  machine: z.strictObject({
    cpu: z.string(),
    cores: z.number().min(1),
    memoryGiB: z.number().positive(),
    os: z.string(),
    node: z.string(),
  }),
  systems: z.array(z.strictObject({ system: z.string(), promises: z.string().min(1) })),
  conditions: z.array(z.string().min(1)).min(1),
  results: z.array(z.strictObject({ name: z.string(), system: z.string(), value: z.number(), unit: z.string() })),
});

/** Differences, which noise can make zero or less. */
const DIFFERENCES = [
  'log.stopped_reader.cost_percent',
  'log.stopped_reader.cost_mb',
  'historian.ingest_late.cost_percent',
];

test('the log is measured, under names that stay, and nothing is left behind', async () => {
  const cwd = temporaryFolder();
  const startMs = performance.now();
  const { code, stdout } = await millrace(['bench', 'log', '--quick', '--json', '--folder', cwd], { cwd });
  // 60 s on a machine that does nothing else.
  expect(performance.now() - startMs).toBeLessThan(240_000);
  expect(code).toBe(0);
  const { systems, results } = reportSchema.parse(JSON.parse(stdout));
  const lines = Map.groupBy(results, ({ name, unit }) => `${name} ${unit}`);
  const figures = [...lines].map(([figure, of]) => [figure, ...of.map(({ system }) => system)].join(' '));
  expect(figures).toEqual(LOG_FIGURES.trim().split(/\n\s*/));
  expect(results.filter(({ name, value }) => !(value > 0) && !DIFFERENCES.includes(name))).toEqual([]);
  expect(systems.map(({ system }) => system)).toEqual(['millrace', 'sqlite', 'disk']);
  expect(readdirSync(cwd)).toEqual([]);
}, 400_000);

test('the historian is measured, under names that stay, and nothing is left behind', async () => {
  const cwd = temporaryFolder();
  // Without recorded data, which a machine may have or not.
  const env = { MILLRACE_TEST_DATA: cwd };
  const { code, stdout } = await millrace(['bench', 'historian', '--quick', '--json', '--folder', cwd], {
    cwd,
    env,
  });
  expect(code).toBe(0);
  const { systems, results } = reportSchema.parse(JSON.parse(stdout));
  const lines = Map.groupBy(results, ({ name, unit }) => `${name} ${unit}`);
  const figures = [...lines].map(([figure, of]) => [figure, ...of.map(({ system }) => system)].join(' '));
  expect(figures).toEqual(HISTORIAN_FIGURES.trim().split(/\n\s*/));
  expect(results.filter(({ name, value }) => !(value > 0) && !DIFFERENCES.includes(name))).toEqual([]);
  expect(systems.map(({ system }) => system)).toEqual(['millrace', 'duckdb']);
  expect(readdirSync(cwd)).toEqual([]);
}, 900_000);

test.each([
  'millrace: full rate, batches of 1',
  'sqlite: full rate, batches of 1',
  'millrace: a reader that stands still',
])('Ctrl-C during "%s" ends it cleanly', async (title) => {
  const cwd = temporaryFolder();
  const bench = startMillrace(['bench', 'log', '--quick', '--folder', cwd], { cwd });
  let said = '';
  bench.stderr?.on('data', (data: Buffer) => (said += data.toString()));
  await expect.poll(() => said, { timeout: 120_000, interval: 10 }).toContain(`${title}\n`);
  bench.kill('SIGINT');
  expect(await exitOf(bench)).toBe(1);
  expect(said.endsWith('ended before all was measured\n')).toBe(true);
  expect(readdirSync(cwd)).toEqual([]);
});

test.each([
  [['--kafka', 'nowhere'], 2, '"nowhere" is not the address of a broker'],
  [['--folder', 'absent'], 1, 'absent'],
])('bench log %j ends with %i and says why', async (options, code, reason) => {
  const cwd = temporaryFolder();
  const ran = await millrace(['bench', 'log', '--quick', ...options], { cwd });
  expect(ran.code).toBe(code);
  expect(ran.stderr).toContain(reason);
  expect(ran.stdout).toBe('');
});

test.each([
  [['--questdb', 'nowhere'], 2, '"nowhere" is not the address of a server'],
  [['--victoria', '127.0.0.1:0'], 2, '"127.0.0.1:0" is not the address of a server'],
  [['--prometheus-tsdb', 'absent'], 2, 'There is no program absent'],
  [['--folder', 'absent'], 1, 'absent'],
])('bench historian %j ends with %i and says why', async (options, code, reason) => {
  const cwd = temporaryFolder();
  const ran = await millrace(['bench', 'historian', '--quick', ...options], { cwd });
  expect(ran.code).toBe(code);
  expect(ran.stderr).toContain(reason);
  expect(ran.stdout).toBe('');
});

test('Ctrl-C ends the measuring of the historian cleanly', async () => {
  const cwd = temporaryFolder();
  const bench = startMillrace(['bench', 'historian', '--quick', '--folder', cwd], { cwd });
  let said = '';
  bench.stderr?.on('data', (data: Buffer) => (said += data.toString()));
  await expect.poll(() => said, { timeout: 120_000, interval: 10 }).toContain('millrace: mix\n');
  bench.kill('SIGINT');
  expect(await exitOf(bench)).toBe(1);
  expect(said.endsWith('ended before all was measured\n')).toBe(true);
  expect(readdirSync(cwd)).toEqual([]);
});

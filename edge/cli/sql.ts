import path from 'node:path';
import { text } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import type { HistoryFolders } from '../../historian/open-read-only.ts';
import type { SqlFormat } from '../../historian/sql/messages.ts';
import { DEFAULT_SQL_LIMITS, querySql } from '../../historian/sql/query.ts';
import { writeSqlFile } from '../../historian/sql/file.ts';
import { GAPS_TRAILER, HISTORY_MEDIA_TYPES } from '../api/history-text.ts';
import { MAX_SQL_ROWS, MAX_SQL_TIME_MS, MORE_TRAILER } from '../api/routes/sql.ts';
import { parseDuration } from '../config/quantities.ts';
import type { Config } from '../config/schema.ts';
import { Fault } from '../core/fault.ts';
import { type GatewayClient, gatewayAt } from '../lock/gateway-client.ts';
import { gapsNote } from './export-file.ts';
import { openTier } from './open-tier.ts';
import { type ConfigOption, configOption, findConfig, wholeNumber, withExample } from './options.ts';
import { plainFile, table, writeOutput } from './output.ts';
import { untilEnded } from './signals.ts';

const FORMATS = ['table', 'csv', 'json', 'arrow', 'parquet'] as const;
type Format = (typeof FORMATS)[number];

interface SqlOptions extends ConfigOption {
  readonly format?: Format;
  readonly json?: boolean;
  readonly output?: string;
  readonly limit?: number;
  readonly timeout: string;
}

/** What was asked, checked. */
interface Question {
  readonly sql: string;
  readonly format: SqlFormat;
  readonly limit: number | undefined;
  readonly timeoutMs: number;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
}

/** What is known behind the last row. */
interface End {
  readonly gaps: number;
  readonly more: boolean;
}

const TABLES = `
Tables (times are TIMESTAMPTZ, in UTC):
  samples  tag, time, kind (double, long, …), value (every number as DOUBLE), integer, unsigned,
           text, bytes, quality (StatusCode), flags, device_time, server_time, topic, log_offset
  tags     tag, samples (ever stored), first_time, last_time
  events   log_offset, time, key, type, event (JSON)
Name tags and times in WHERE: what a question cannot need is not read.`;

/** `millrace sql` */
export function sqlCommand(): Command {
  const command = new Command('sql')
    .description(
      'Answers a SELECT statement (DuckDB) over samples, tags and events, from the running gateway or, without one, from its files.',
    )
    .argument('<statement>', 'one SELECT statement; - reads it from standard input')
    .addOption(configOption())
    .addOption(new Option('--format <format>', 'format (default: table on a terminal, else csv)').choices(FORMATS))
    .option('--json', 'the same as --format json')
    .option('-o, --output <file>', 'file to write, which appears when it is whole (default: standard output)')
    .option(
      '--limit <rows>',
      `rows at most, up to ${MAX_SQL_ROWS} (default: ${DEFAULT_SQL_LIMITS.rows}); what more there is, is said`,
      wholeNumber('--limit'),
    )
    .option('--timeout <time>', `time that it may take, up to ${MAX_SQL_TIME_MS / 60_000}m`, '30s')
    .addHelpText('after', TABLES)
    .action(sql);
  return withExample(
    command,
    `millrace sql "SELECT tag, time_bucket(INTERVAL '1 hour', time) AS hour, avg(value) AS mean FROM samples WHERE tag = 'plant/loop/pressure' AND time >= '2026-03-01' AND quality = 0 GROUP BY ALL ORDER BY hour"`,
    'millrace sql "SELECT * FROM tags" --format csv -o tags.csv',
  );
}

async function sql(statement: string, options: SqlOptions): Promise<void> {
  const { output, limit } = options;
  const format = options.json === true ? 'json' : (options.format ?? defaultFormat(output));
  const timeoutMs = parseDuration(options.timeout) ?? 0;
  if (timeoutMs < 1 || timeoutMs > MAX_SQL_TIME_MS)
    throw new Fault('usage', `--timeout: expected a time up to ${MAX_SQL_TIME_MS / 60_000}m, such as 30s.`);
  if (limit !== undefined && (limit < 1 || limit > MAX_SQL_ROWS))
    throw new Fault('usage', `--limit: expected 1 to ${MAX_SQL_ROWS}.`);
  const asked = statement === '-' ? await text(process.stdin) : statement;
  if (asked.trim() === '') throw new Fault('usage', 'The statement is empty.');
  if (format === 'parquet') return await writeParquet(asked, options, timeoutMs);
  const question = { sql: asked, format: format === 'table' ? ('json' as const) : format, limit, timeoutMs };
  const { config } = await findConfig(options);
  const gateway = await gatewayAt(config.data);
  let end: End = { gaps: 0, more: false };
  const onEnd = (told: End): void => void (end = told);
  await untilEnded(async (signal) => {
    const given = { ...question, signal };
    const answer = gateway === undefined ? askFiles(config, given, onEnd) : askGateway(gateway, given, onEnd);
    await writeOutput(format === 'table' ? asTable(answer) : answer, output, signal);
  });
  tell(end, limit ?? DEFAULT_SQL_LIMITS.rows);
}

function defaultFormat(output: string | undefined): Format {
  const ending = path.extname(output ?? '').slice(1);
  const named = FORMATS.find((format) => format === ending);
  return named ?? (output === undefined && process.stdout.isTTY ? 'table' : 'csv');
}

/** A file is written by this process itself, also while a gateway runs; whole, unless a limit is given. */
async function writeParquet(statement: string, options: SqlOptions, timeMs: number): Promise<void> {
  const { output, limit } = options;
  if (output === undefined) throw new Fault('usage', '--format parquet: name a file with -o.');
  const { config } = await findConfig(options);
  const tier = openTier(config);
  try {
    const limits = { timeMs, rows: limit ?? Number.POSITIVE_INFINITY };
    const file = await plainFile(output);
    const end = await untilEnded((signal) =>
      writeSqlFile(sourceOf(config), statement, file, { limits, cold: tier, signal }),
    );
    process.stderr.write(`${output}: ${end.rows.toLocaleString('en')} rows\n${gapsNote(end.gaps)}`);
  } finally {
    await tier?.close();
  }
}

function sourceOf({ data }: Pick<Config, 'data'>): HistoryFolders {
  return { folder: path.join(data, 'historian'), logFolder: path.join(data, 'log') };
}

async function* askFiles(
  config: Config,
  { sql: statement, format, limit, timeoutMs, signal }: Question,
  onEnd: (end: End) => void,
): AsyncGenerator<Uint8Array> {
  const tier = openTier(config);
  try {
    const limits = { rows: limit, timeMs: timeoutMs };
    await using answer = await querySql(sourceOf(config), statement, format, { limits, cold: tier, signal });
    yield* answer.bytes;
    onEnd(answer.end());
  } finally {
    await tier?.close();
  }
}

async function* askGateway(
  gateway: GatewayClient,
  { sql: statement, format, limit, timeoutMs, signal }: Question,
  onEnd: (end: End) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* await gateway.stream('/api/v1/sql', {
      method: 'POST',
      body: { sql: statement, ...(limit === undefined ? {} : { limit }), timeoutMs },
      accept: HISTORY_MEDIA_TYPES[format].split(';')[0] ?? '',
      signal,
      onTrailers: (trailers) =>
        onEnd({ gaps: Number(trailers[GAPS_TRAILER] ?? 0), more: trailers[MORE_TRAILER] === 'true' }),
    });
  } finally {
    gateway.close();
  }
}

/** An answer in JSON as columns for people. */
async function* asTable(answer: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const parts: Uint8Array[] = [];
  for await (const part of answer) parts.push(part);
  // Integers beyond 2^53 keep their digits.
  const { columns, rows } = JSON.parse(Buffer.concat(parts).toString(), keepDigits) as {
    readonly columns: readonly { readonly name: string }[];
    readonly rows: readonly (readonly unknown[])[];
  };
  const cells = rows.map((row) => row.map(cellText));
  yield table(
    columns.map(({ name }) => name),
    cells,
  );
}

function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) && Number.isInteger(value)
    ? (context?.source ?? value)
    : value;
}

function cellText(cell: unknown): string {
  if (cell === null) return '';
  // One line a row.
  if (typeof cell === 'string') return cell.replaceAll(/[\r\n\t]+/g, ' ');
  return JSON.stringify(cell);
}

function tell({ gaps, more }: End, limit: number): void {
  if (more)
    process.stderr.write(
      `millrace: these are the first ${limit.toLocaleString('en')} rows; there are more (--limit, up to ${MAX_SQL_ROWS.toLocaleString('en')})\n`,
    );
  process.stderr.write(gapsNote(gaps));
}

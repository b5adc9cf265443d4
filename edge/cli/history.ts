import path from 'node:path';
import { Command, Option } from 'commander';
import type { Span } from '../../historian/queries/buckets.ts';
import { pathsOf } from '../api/historian-pages.ts';
import { historyAnswer, type HistoryWish, parseWish, spanOf as askedSpan } from '../api/history-answer.ts';
import { type AnswerFormat, GAPS_TRAILER, HISTORY_MEDIA_TYPES } from '../api/history-text.ts';
import type { Config } from '../config/schema.ts';
import { realDisk } from '../core/disk.ts';
import { Fault } from '../core/fault.ts';
import { type GatewayClient, gatewayAt } from '../lock/gateway-client.ts';
import { TagDictionary } from '../tags/dictionary.ts';
import { exportFile, gapsNote } from './export-file.ts';
import { withProgress } from './history-progress.ts';
import { type HistoryParameters, historyParametersOf, withHistoryOptions } from './history-options.ts';
import { openStoredHistory } from './stored-history.ts';
import { type ConfigOption, configOption, findConfig, withExample } from './options.ts';
import { writeOutput } from './output.ts';
import { untilEnded } from './signals.ts';

/** What the route takes, and what fits into the head of a request beside the rest. */
const MAX_TAGS = 1000;
const MAX_REQUEST_BYTES = 63 * 1024;

interface HistoryOptions extends ConfigOption, HistoryParameters {
  readonly from?: string;
  readonly to?: string;
  readonly source?: 'questdb';
  readonly format: AnswerFormat | 'parquet';
  readonly output?: string;
}

/** `millrace history` */
export function historyCommand(): Command {
  const command = new Command('history')
    .description(
      'Prints the samples of tags, their aggregates, values at times or what counters counted, from the running gateway or, without one, from its files.',
    )
    .argument('<tag...>', 'absolute tag paths')
    .addOption(configOption())
    .option('--from <time>', 'first time, ISO 8601 with a zone (default: from the beginning)')
    .option('--to <time>', 'first time that is no longer wanted (default: to the end)');
  withHistoryOptions(command)
    .addOption(new Option('--source <store>', 'ask the QuestDB of the configuration instead').choices(['questdb']))
    .addOption(new Option('--format <format>', 'format').choices(['csv', 'json', 'arrow', 'parquet']).default('csv'))
    .option('-o, --output <file>', 'file to write, which appears when it is whole (default: standard output)')
    .action(history);
  return withExample(
    command,
    'millrace history plant/loop/pressure --from 2026-03-01T00:00:00Z --to 2026-03-02T00:00:00+01:00 -o pressure.csv',
    'millrace history plant/loop/pressure --from 2026-03-01T00:00:00+01:00 --interval day --aggregate TimeAverage2,PercentGood',
    'millrace history plant/meters/energy --interval month --aggregate counted --rollover 4294967296',
    'millrace history plant/loop/pressure --format parquet -o pressure.parquet',
    'millrace history plant/a plant/b --from 2026-03-01T00:00:00Z --every 10s --layout wide',
  );
}

async function history(tags: readonly string[], options: HistoryOptions): Promise<void> {
  const { from, to, format, output } = options;
  // Said before anything is opened.
  const wish = parseWish(historyParametersOf(options), 'usage');
  const span = askedSpan(wish, from, to, 'usage');
  if (format === 'arrow' || format === 'parquet') checkBinary(format, wish, options);
  const { config } = await findConfig(options);
  if (format === 'parquet') {
    const written = await exportFile(config, { tags: knownTags(config, tags), ...span, file: output ?? '', format });
    process.stderr.write(gapsNote(written.gaps.length));
    return;
  }
  let gaps = 0;
  const onEnd = (count: number): void => void (gaps = count);
  const gateway = await gatewayAt(config.data);
  if (gateway === undefined) {
    if (options.source !== undefined)
      throw new Fault('gateway-not-running', `${config.data}; only a running gateway asks QuestDB.`);
    using stored = openStoredHistory(config);
    await untilEnded(async (signal) => {
      const answer = historyAnswer(format, stored, { tags, ...span, signal }, wish, onEnd);
      await writeOutput(output === undefined ? answer : withProgress(answer, span, tags.length), output, signal);
    });
  } else await askGateway(gateway, tags, { ...options, format }, span, onEnd);
  // CSV has no room for them, and its reader must not take it for complete.
  if (gaps > 0 && format !== 'json')
    process.stderr.write(
      `millrace: samples may be missing in ${gaps} ${gaps === 1 ? 'span' : 'spans'}; --format json says where and why\n`,
    );
}

/** What is not text is for a file or a program. */
function checkBinary(format: 'arrow' | 'parquet', wish: HistoryWish, { output, source }: HistoryOptions): void {
  if (output === undefined && (format === 'parquet' || process.stdout.isTTY))
    throw new Fault('usage', `--format ${format}: name a file with -o.`);
  if (format === 'parquet' && (wish.type !== 'samples' || source !== undefined))
    throw new Fault('usage', '--format parquet: has the samples of the historian alone; --format arrow has the rest.');
}

function knownTags({ data }: Config, tags: readonly string[]): string[] {
  const dictionary = new TagDictionary(realDisk, path.join(data, 'tags'));
  dictionary.openReadOnly();
  try {
    return pathsOf(dictionary, tags);
  } finally {
    dictionary.close();
  }
}

async function askGateway(
  gateway: GatewayClient,
  tags: readonly string[],
  { format, output, ...asked }: HistoryOptions & { readonly format: AnswerFormat },
  span: Span,
  onEnd: (gaps: number) => void,
): Promise<void> {
  try {
    const query = requestFor(tags, asked);
    const accept = HISTORY_MEDIA_TYPES[format].split(';')[0] ?? '';
    const answer = await gateway.stream(query, {
      accept,
      onTrailers: (trailers) => onEnd(Number(trailers[GAPS_TRAILER] ?? 0)),
    });
    // On a screen the rows themselves show it.
    await writeOutput(output === undefined ? answer : withProgress(answer, span, tags.length), output);
  } finally {
    gateway.close();
  }
}

/** Path and query of the route. Throws `usage` if the gateway does not take that much. */
function requestFor(tags: readonly string[], asked: Omit<HistoryOptions, 'format' | 'output'>): string {
  const query = new URLSearchParams();
  for (const tag of tags) query.append('tag', tag);
  const given = { from: asked.from, to: asked.to, source: asked.source, ...historyParametersOf(asked) };
  for (const [name, value] of Object.entries(given))
    for (const text of typeof value === 'string' ? [value] : (value ?? [])) query.append(name, text);
  // A slash needs no escape there, and tags have many.
  const request = `/api/v1/history?${query.toString().replaceAll('%2F', '/')}`;
  if (tags.length > MAX_TAGS || request.length > MAX_REQUEST_BYTES)
    throw new Fault(
      'usage',
      `A gateway takes ${MAX_TAGS} tags and ${MAX_REQUEST_BYTES} bytes. Ask for fewer tags at a time.`,
    );
  return request;
}

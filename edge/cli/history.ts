import { Command, Option } from 'commander';
import { AGGREGATES } from '../../historian/bucket-page.ts';
import { GAPS_TRAILER, HISTORY_MEDIA_TYPES, type HistoryFormat } from '../api/history-text.ts';
import { parseReduction } from '../api/reduction.ts';
import { parseSpan } from '../api/time-text.ts';
import { Fault } from '../core/fault.ts';
import { type GatewayClient, gatewayAt } from '../lock/gateway-client.ts';
import { storedHistory } from './stored-history.ts';
import { type ConfigOption, configOption, findConfig, withExample } from './options.ts';
import { writeOutput } from './output.ts';

/** What the route takes, and what fits into the head of a request beside the rest. */
const MAX_TAGS = 1000;
const MAX_REQUEST_BYTES = 63 * 1024;

interface HistoryOptions extends ConfigOption {
  readonly from?: string;
  readonly to?: string;
  readonly interval?: string;
  readonly aggregate?: string;
  readonly format: HistoryFormat;
  readonly output?: string;
}

/** `millrace history` */
export function historyCommand(): Command {
  const command = new Command('history')
    .description(
      'Prints the samples of tags or their aggregates, from the running gateway or, without one, from its files.',
    )
    .argument('<tag...>', 'absolute tag paths')
    .addOption(configOption())
    .option('--from <time>', 'first time, ISO 8601 with a zone (default: from the beginning)')
    .option('--to <time>', 'first time that is no longer wanted (default: to the end)')
    .option('--interval <time>', 'aggregates of each interval such as 1m, counted from the epoch in UTC')
    .option('--aggregate <names>', `some of ${AGGREGATES.join(',')}, of the values of quality Good`)
    .addOption(new Option('--format <format>', 'format').choices(['csv', 'json']).default('csv'))
    .option('-o, --output <file>', 'file to write, which appears when it is whole (default: standard output)')
    .action(history);
  return withExample(
    command,
    'millrace history plant/loop/pressure --from 2026-03-01T00:00:00Z --to 2026-03-02T00:00:00+01:00 -o pressure.csv',
  );
}

async function history(tags: readonly string[], options: HistoryOptions): Promise<void> {
  const { from, to, format, output, interval, aggregate } = options;
  // Said before anything is opened.
  parseSpan(from, to);
  const reduction = parseReduction({ interval, aggregate }, 'usage');
  const { config } = await findConfig(options);
  let gaps = 0;
  const onEnd = (count: number): void => void (gaps = count);
  const gateway = await gatewayAt(config.data);
  if (gateway === undefined)
    await writeOutput(storedHistory(config.data, { tags, from, to, reduction, format, onEnd }), output);
  else await askGateway(gateway, tags, options, onEnd);
  // CSV has no room for them, and its reader must not take it for complete.
  if (gaps > 0 && format === 'csv')
    process.stderr.write(
      `millrace: samples may be missing in ${gaps} ${gaps === 1 ? 'span' : 'spans'}; --format json says where and why\n`,
    );
}

async function askGateway(
  gateway: GatewayClient,
  tags: readonly string[],
  { format, output, ...asked }: HistoryOptions,
  onEnd: (gaps: number) => void,
): Promise<void> {
  try {
    const query = requestFor(tags, asked);
    const accept = HISTORY_MEDIA_TYPES[format].split(';')[0] ?? '';
    const answer = await gateway.stream(query, {
      accept,
      onTrailers: (trailers) => onEnd(Number(trailers[GAPS_TRAILER] ?? 0)),
    });
    await writeOutput(answer, output);
  } finally {
    gateway.close();
  }
}

/** Path and query of the route. Throws `usage` if the gateway does not take that much. */
function requestFor(tags: readonly string[], asked: Omit<HistoryOptions, 'format' | 'output'>): string {
  const query = new URLSearchParams();
  for (const tag of tags) query.append('tag', tag);
  for (const name of ['from', 'to', 'interval', 'aggregate'] as const) {
    const value = asked[name];
    if (value !== undefined) query.set(name, value);
  }
  // A slash needs no escape there, and tags have many.
  const request = `/api/v1/history?${query.toString().replaceAll('%2F', '/')}`;
  if (tags.length > MAX_TAGS || request.length > MAX_REQUEST_BYTES)
    throw new Fault(
      'usage',
      `A gateway takes ${MAX_TAGS} tags and ${MAX_REQUEST_BYTES} bytes. Ask for fewer tags at a time.`,
    );
  return request;
}

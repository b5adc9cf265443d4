import { Command, Option } from 'commander';
import { HISTORY_MEDIA_TYPES, type HistoryFormat } from '../api/history-text.ts';
import { parseTime } from '../api/time-text.ts';
import { gatewayAt } from '../lock/gateway-client.ts';
import { storedHistory } from './stored-history.ts';
import { type ConfigOption, configOption, openConfig, withExample } from './options.ts';
import { writeOutput } from './output.ts';

interface HistoryOptions extends ConfigOption {
  readonly from?: string;
  readonly to?: string;
  readonly format: HistoryFormat;
  readonly output?: string;
}

/** `millrace history` */
export function historyCommand(): Command {
  const command = new Command('history')
    .description('Prints the samples of tags, from the running gateway or, without one, from its files.')
    .argument('<tag...>', 'absolute tag paths')
    .addOption(configOption())
    .option('--from <time>', 'first time, ISO 8601 with a zone (default: from the beginning)')
    .option('--to <time>', 'first time that is no longer wanted (default: to the end)')
    .addOption(new Option('--format <format>', 'format').choices(['csv', 'json']).default('csv'))
    .option('-o, --output <file>', 'file to write, which appears when it is whole (default: standard output)')
    .action(history);
  return withExample(
    command,
    'millrace history plant/loop/pressure --from 2026-03-01T00:00:00Z --to 2026-03-02T00:00:00+01:00 -o pressure.csv',
  );
}

async function history(tags: readonly string[], options: HistoryOptions): Promise<void> {
  const { from, to, format, output } = options;
  // Said before anything is opened.
  for (const time of [from, to]) if (time !== undefined) parseTime(time);
  const { config } = await openConfig(options);
  const gateway = await gatewayAt(config.data);
  if (gateway === undefined) return writeOutput(storedHistory(config.data, { tags, from, to, format }), output);
  try {
    const query = new URLSearchParams();
    for (const tag of tags) query.append('tag', tag);
    if (from !== undefined) query.set('from', from);
    if (to !== undefined) query.set('to', to);
    const accept = HISTORY_MEDIA_TYPES[format].split(';')[0] ?? '';
    const answer = await gateway.stream(`/api/v1/history?${query.toString()}`, { accept });
    await writeOutput(answer, output);
  } finally {
    gateway.close();
  }
}

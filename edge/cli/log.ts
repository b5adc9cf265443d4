import { Command } from 'commander';
import { formatBytes } from '../config/quantities.ts';
import { Fault } from '../core/fault.ts';
import type { Forecast } from '../api/services.ts';
import { gatewayAt } from '../lock/gateway-client.ts';
import { dump, tail } from './log-dump.ts';
import { exportLog } from './log-export.ts';
import { LogSource } from './log-source.ts';
import { verify } from './log-verify.ts';
import { type ConfigOption, configOption, jsonOption, findConfig, wholeNumber, withExample } from './options.ts';
import { jsonText, table } from './output.ts';

interface LogOptions extends ConfigOption {
  readonly json?: boolean;
}

/** `millrace log` */
export function logCommand(): Command {
  const topics = new Command('topics')
    .description('Prints the topics of the log with their durable offsets.')
    .addOption(configOption())
    .addOption(jsonOption())
    .action((options: LogOptions) => withLog(options, (log) => printTopics(log, options)));
  const dumpCommand = new Command('dump')
    .description('Prints records of a topic, one a line.')
    .argument('<topic>', 'topic of the log')
    .addOption(configOption())
    .option('--from <offset>', 'first offset (default: the oldest)', wholeNumber('--from'))
    .option('--to <offset>', 'first offset that is no longer wanted (default: the end)', wholeNumber('--to'))
    .option('-o, --output <file>', 'file to write, which appears when it is whole (default: standard output)')
    .addOption(jsonOption())
    .action((topic: string, options: LogOptions) => withLog(options, (log) => dump(log, topic, options)));
  const tailCommand = new Command('tail')
    .description('Prints the last records of a topic, and new ones as they become durable while a gateway runs.')
    .argument('<topic>', 'topic of the log')
    .addOption(configOption())
    .option('-n, --lines <count>', 'records to begin with', wholeNumber('--lines'), 10)
    .addOption(jsonOption())
    .action((topic: string, options: LogOptions & { lines: number }) =>
      withLog(options, (log) => tail(log, topic, options)),
    );
  const verifyCommand = new Command('verify')
    .description('Checks every checksum, record and index of the log. Exit code 1 if anything is damaged.')
    .argument('[topic...]', 'topics (default: all)')
    .addOption(configOption())
    .addOption(jsonOption())
    .action((names: string[], options: LogOptions) => withLog(options, (log) => verify(log, names, options)));
  const exportCommand = new Command('export')
    .description(
      "Copies the log into a new folder that Kafka's tools read: whole, indexed, nothing behind the last record; also while a gateway runs.",
    )
    .argument('<folder>', 'folder to make, with a folder for each topic')
    .argument('[topic...]', 'topics (default: all)')
    .addOption(configOption())
    .option('--from <offset>', 'first offset (default: the oldest); its whole batch is copied', wholeNumber('--from'))
    .option('--to <offset>', 'first offset that is no longer wanted (default: the end)', wholeNumber('--to'))
    .addOption(jsonOption())
    .action((folder: string, names: string[], options: LogOptions) =>
      withLog(options, (log) => exportLog(log, folder, names, options)),
    );
  const confirmCommand = new Command('confirm-clock')
    .description(
      'Says that the clock of the running gateway is right, after it has jumped or the gateway was off for long: data is deleted by its age again.',
    )
    .addOption(configOption())
    .action(confirmClock);
  const command = new Command('log')
    .description('The durable log: list, print, follow, check, copy.')
    .addCommand(withExample(topics, 'millrace log topics'))
    .addCommand(withExample(dumpCommand, 'millrace log dump samples --from 1000 --to 2000 --json'))
    .addCommand(withExample(tailCommand, 'millrace log tail events'))
    .addCommand(withExample(verifyCommand, 'millrace log verify samples'))
    .addCommand(withExample(exportCommand, 'millrace log export ./copy samples'))
    .addCommand(withExample(confirmCommand, 'millrace log confirm-clock'));
  return withExample(command, 'millrace log topics', 'millrace log tail events');
}

async function confirmClock(options: ConfigOption): Promise<void> {
  const { config } = await findConfig(options);
  const gateway = await gatewayAt(config.data);
  if (gateway === undefined) throw new Fault('gateway-not-running', config.data);
  try {
    const { items } = (await gateway.json('/api/v1/forecast')) as { readonly items: readonly Forecast[] };
    const inDoubt = items.some((item) => 'clock' in item && !item.clock.confirmed);
    await gateway.json('/api/v1/log/confirm-clock', { method: 'POST' });
    process.stdout.write(
      inDoubt
        ? 'The clock is confirmed: data is deleted by its age again.\n'
        : 'The clock was not in doubt: there was nothing to confirm.\n',
    );
  } finally {
    gateway.close();
  }
}

async function withLog(options: LogOptions, work: (log: LogSource) => void | Promise<void>): Promise<void> {
  const { config } = await findConfig(options);
  const log = await LogSource.open(config.data);
  try {
    await work(log);
  } finally {
    log.close();
  }
}

function printTopics(log: LogSource, options: LogOptions): void {
  const items = log.topics();
  if (options.json === true) process.stdout.write(jsonText({ items }));
  else if (items.length === 0) process.stdout.write(`There is no log in ${log.folder}.\n`);
  else {
    const rows = items.map(({ topic, start, end, segments, bytes }) => [
      topic,
      start,
      end,
      segments,
      formatBytes(bytes),
    ]);
    process.stdout.write(table(['topic', 'start', 'end', 'segments', 'size'], rows));
  }
}

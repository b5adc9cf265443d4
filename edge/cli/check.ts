import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { formatBytes, formatDuration } from '../config/quantities.ts';
import { type Config, configJsonSchema } from '../config/schema.ts';
import { expectedLoad } from './expected-load.ts';
import { ConfigFailure, Failure } from './failure.ts';
import { CONFIG_FILE, type ConfigOption, ownConfigOption, jsonOption, withExample } from './options.ts';
import { jsonText } from './output.ts';

interface CheckOptions extends ConfigOption {
  readonly schema?: boolean;
  readonly json?: boolean;
}

/** `millrace check` */
export function checkCommand(): Command {
  const command = new Command('check')
    .description(
      'Prints every error of a configuration: file:line:column  path  what is wrong  what was expected. Exit code 2 on errors.',
    )
    .addOption(ownConfigOption())
    .option('--schema', 'print the JSON Schema of the configuration, for editors')
    .addOption(jsonOption())
    .action(check);
  return withExample(command, 'millrace check -c millrace.yaml', 'millrace check --schema > millrace.schema.json');
}

async function check(options: CheckOptions): Promise<void> {
  if (options.schema === true) {
    process.stdout.write(jsonText(configJsonSchema()));
    return;
  }
  const file = options.config ?? CONFIG_FILE;
  const checked = await loadConfig(file);
  if (options.json === true) {
    process.stdout.write(jsonText({ file, problems: checked.problems ?? [] }));
    if (checked.problems !== undefined) throw new Failure(2);
    return;
  }
  if (checked.problems !== undefined) throw new ConfigFailure(checked.problems);
  process.stdout.write(`${file}: no errors\n${summary(checked.config)}`);
}

/** Bytes that a sample takes in the log, measured: few come in batches of about 10, many in batches of 1,000. */
const SPARSE_BYTES = 30;
const DENSE_BYTES = 13.5;
const DENSE_FROM_PER_SECOND = 10_000;

function summary(config: Config): string {
  const { site, data, connectors, links } = config;
  const lines = [
    `site ${site.name}, data ${data}${existsSync(data) ? '' : ' (made at the first start)'}`,
    `${count(connectors.length, 'connector')}, ${count(links.length, 'link')}`,
    ...budgetLines(config),
  ];
  return `${lines.map((line) => `  ${line}`).join('\n')}\n`;
}

/** How long the disk budget lasts for the configured tags, and what was assumed. */
function budgetLines(config: Config): string[] {
  const { log } = config;
  const { tags, samplesPerSecond, assumedTags, uncounted } = expectedLoad(config);
  const budget = `log.budget ${formatBytes(log.budget)}`;
  const others =
    uncounted.length === 0
      ? []
      : [`not counted: tags of ${uncounted.join(', ')}, whose number is not known before they come`];
  const lasts = (rate: number): string => formatDuration(lastsMs(log.budget, rate));
  if (samplesPerSecond === 0) {
    return [`${budget} lasts ${lasts(1000)} at 1,000 samples/s and ${lasts(10_000)} at 10,000 samples/s`, ...others];
  }
  const rate = `${samplesPerSecond.toLocaleString('en', { maximumFractionDigits: 1 })} samples/s`;
  const assumed = assumedTags === 0 ? [] : [`assumed: one sample a second of each of ${count(assumedTags, 'tag')}`];
  const tooLong = Object.entries(log.topics).flatMap(([topic, limit]) => {
    const kept = limit?.retention ?? 0;
    if (kept <= lastsMs(log.budget, samplesPerSecond)) return [];
    return [`log.topics.${topic}.retention ${formatDuration(kept)} is longer than that: the budget wins`];
  });
  return [
    `${budget} lasts ${lasts(samplesPerSecond)} for ${count(tags, 'configured tag')} at ${rate}`,
    ...assumed,
    ...others,
    ...tooLong,
  ];
}

function lastsMs(budgetBytes: number, samplesPerSecond: number): number {
  const bytes = samplesPerSecond < DENSE_FROM_PER_SECOND ? SPARSE_BYTES : DENSE_BYTES;
  return (budgetBytes / (samplesPerSecond * bytes)) * 1000;
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? '' : 's'}`;
}

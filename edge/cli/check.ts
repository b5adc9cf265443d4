import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { formatBytes, formatDuration } from '../config/quantities.ts';
import { type Config, configJsonSchema } from '../config/schema.ts';
import { HISTORY_TOPICS } from '../core/topics.ts';
import { historianRetention, historianRollups } from '../log/log-settings.ts';
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
    ...historianLines(config),
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

/** Bytes that a sample takes in the historian, measured on a mix of signals (docs/performance.md). */
const STORED_BYTES = 2.9;

/** How long samples are kept, and what that takes for the configured tags. */
function historianLines(config: Config): string[] {
  const { log } = config;
  const { samplesPerSecond } = expectedLoad(config);
  const kept = historianRetention(config);
  const rate = samplesPerSecond === 0 ? 1000 : samplesPerSecond;
  const at = samplesPerSecond === 0 ? ' at 1,000 samples/s' : ' for the configured tags';
  const bytes = (ms: number): string => formatBytes(Math.round((rate * ms * STORED_BYTES) / 1000));
  const { retention } = config.historian;
  const others = HISTORY_TOPICS.flatMap((topic) => {
    const ms = kept[topic] ?? Infinity;
    return ms === retention ? [] : [`historian.topics.${topic}.retention ${durationOrEver(ms)}`];
  });
  const short = HISTORY_TOPICS.flatMap((topic) => {
    const inLog = log.topics[topic]?.retention ?? 0;
    return inLog <= (kept[topic] ?? Infinity)
      ? []
      : [`log.topics.${topic}.retention ${formatDuration(inLog)} is longer than the historian keeps them`];
  });
  const takes = Number.isFinite(retention)
    ? `takes about ${bytes(retention)}${at}`
    : `grows by about ${bytes(86_400_000)} a day${at}`;
  return [`historian.retention ${durationOrEver(retention)} ${takes}`, ...rollupLines(config), ...others, ...short];
}

/** Bytes that a roll-up takes: of the values of two decimal places that most signals have. */
const ROLLUP_BYTES = 20;
/** As many samples as are as long as a roll-up of them: what has fewer keeps them instead. */
const ROLLUP_SAMPLES = ROLLUP_BYTES / STORED_BYTES;

/** How long roll-ups are kept, and what that takes beside the samples. */
function rollupLines(config: Config): string[] {
  const [minute, hour, day] = historianRollups(config);
  const { retention } = config.historian;
  if (minute === undefined || hour === undefined || day === undefined) return ['historian.rollups none'];
  if (!Number.isFinite(retention)) return [];
  const load = expectedLoad(config);
  const isCounted = load.samplesPerSecond > 0;
  const tags = isCounted ? load.tags : 1000;
  const perMs = isCounted ? load.samplesPerSecond / tags / 1000 : 1 / 1000;
  const rows =
    rowsOf(minute - retention, 60_000, perMs) +
    rowsOf(hour - minute, 3_600_000, perMs) +
    rowsOf(day - hour, 86_400_000, perMs);
  const times = `minute ${durationOrEver(minute)}, hour ${durationOrEver(hour)}, day ${durationOrEver(day)}`;
  const takes = `take about ${formatBytes(Math.round(tags * rows * ROLLUP_BYTES))} beside that`;
  return [`historian.rollups ${times} ${takes} ${isCounted ? 'for the configured tags' : 'at 1,000 tags'}`];
}

/** Roll-ups of a tag in a time; those that are kept for ever come to next to nothing. */
function rowsOf(spanMs: number, unitMs: number, samplesPerMs: number): number {
  return Number.isFinite(spanMs) ? spanMs * Math.min(1 / unitMs, samplesPerMs / ROLLUP_SAMPLES) : 0;
}

function durationOrEver(ms: number): string {
  return Number.isFinite(ms) ? formatDuration(ms) : 'forever';
}

function lastsMs(budgetBytes: number, samplesPerSecond: number): number {
  const bytes = samplesPerSecond < DENSE_FROM_PER_SECOND ? SPARSE_BYTES : DENSE_BYTES;
  return (budgetBytes / (samplesPerSecond * bytes)) * 1000;
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? '' : 's'}`;
}

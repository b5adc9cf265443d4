import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { formatBytes, formatDuration } from '../config/quantities.ts';
import { type Config, configJsonSchema } from '../config/schema.ts';
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

/** Bytes that a sample takes in the log, measured: in batches of 1,000, 100 and 10 samples. */
const SAMPLE_BYTES = [13.5, 15.3, 30] as const;

function summary(config: Config): string {
  const { site, data, log, connectors, links } = config;
  const [dense, , sparse] = SAMPLE_BYTES;
  const lasts = (rate: number, bytes: number): string => formatDuration((log.budget / (rate * bytes)) * 1000);
  const lines = [
    `site ${site.name}, data ${data}${existsSync(data) ? '' : ' (made at the first start)'}`,
    `${count(connectors.length, 'connector')}, ${count(links.length, 'link')}`,
    `log.budget ${formatBytes(log.budget)} lasts ${lasts(1000, sparse)} at 1,000 samples/s and ${lasts(10_000, dense)} at 10,000 samples/s`,
  ];
  return `${lines.map((line) => `  ${line}`).join('\n')}\n`;
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? '' : 's'}`;
}

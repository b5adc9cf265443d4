import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Command, Option } from 'commander';
import { Fault } from '../core/fault.ts';
import { DEFAULT_CONFIG_FILE, loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { ConfigFailure } from './failure.ts';

/** The configuration file that is taken from the working folder where none is named. */
export const CONFIG_FILE = 'millrace.yaml';

/** Option of every command that needs to know the gateway. */
export interface ConfigOption {
  readonly config?: string;
}

export function configOption(): Option {
  return new Option('-c, --config <file>', `configuration file (default: ${CONFIG_FILE} in this folder)`);
}

export function jsonOption(): Option {
  return new Option('--json', 'print JSON');
}

/** Adds an example to a command's help. */
export function withExample(command: Command, ...lines: readonly string[]): Command {
  const title = lines.length === 1 ? 'Example:' : 'Examples:';
  return command.addHelpText('after', `\n${title}\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

/** A configuration and where it came from. */
export interface OpenedConfig {
  readonly config: Config;
  /** Null: the built-in one. */
  readonly file: string | null;
}

/**
 * The configuration that was named, else `millrace.yaml` of the working folder, else the built-in one with its data in the working folder, and a line that says so.
 * Throws a `ConfigFailure` with everything that is wrong with it, or `config-missing`.
 */
export async function openConfig(options: ConfigOption): Promise<OpenedConfig> {
  const file = options.config ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : null);
  const checked =
    file === null
      ? await loadConfig(DEFAULT_CONFIG_FILE, { folder: process.cwd(), name: 'built-in configuration' })
      : await loadConfig(file);
  if (checked.problems !== undefined) throw new ConfigFailure(checked.problems);
  const { config } = checked;
  if (file === null) {
    const data = path.relative('', config.data);
    process.stderr.write(
      `millrace: no ${CONFIG_FILE} here, so the built-in configuration is used (site ${config.site.name}, data ./${data})\n`,
    );
  }
  return { config, file };
}

/** A whole number from 0 on out of an argument. Throws `usage`. */
export function wholeNumber(option: string): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value))
      throw new Fault('usage', `${option}: ${JSON.stringify(text)} is no whole number.`);
    return value;
  };
}

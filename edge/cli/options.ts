import { statSync } from 'node:fs';
import path from 'node:path';
import { type Command, Option } from 'commander';
import { errnoOf, Fault } from '../core/fault.ts';
import { DEFAULT_CONFIG_FILE, loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { gatewayAt } from '../lock/gateway-client.ts';
import { ConfigFailure } from './failure.ts';

/** The configuration file that is taken from the working folder where none is named. */
export const CONFIG_FILE = 'millrace.yaml';

/** Data folder of `millrace demo`, unless told. */
export const DEMO_DATA = './data-demo';
/** Where the demo then leaves its configuration. */
export const DEMO_FILE = path.join(DEMO_DATA, CONFIG_FILE);
/** What a gateway with the built-in configuration has made. */
const BUILT_IN_DATA = './data';

/** Option of every command that needs to know the gateway. */
export interface ConfigOption {
  readonly config?: string;
}

/** Of commands that ask a gateway, see `findConfig`. */
export function configOption(): Option {
  return new Option('-c, --config <file>', `configuration file (default: ${CONFIG_FILE} here, else ${DEMO_FILE})`);
}

/** Of commands that are about a configuration of one's own. */
export function ownConfigOption(): Option {
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
 * The configuration to run: the one that was named, else `millrace.yaml` of the working folder, else the built-in one with its data in the working folder, and a line that says so.
 * Throws a `ConfigFailure` with everything that is wrong with it, or `config-missing`.
 */
export function openConfig(options: ConfigOption): Promise<OpenedConfig> {
  return opened(options.config ?? (isThere(CONFIG_FILE) ? CONFIG_FILE : null));
}

/**
 * The configuration of the gateway that is meant: the one that was named, else `millrace.yaml` of the working folder, else that of the demo or the built-in one, whichever has data in the
 * working folder, and a line that says so. Where both have, it is the demo's unless only the other gateway runs. Throws like `openConfig`; `config-missing` also where there is nothing.
 */
export async function findConfig(options: ConfigOption): Promise<OpenedConfig> {
  if (options.config !== undefined || isThere(CONFIG_FILE)) return openConfig(options);
  const demo = isThere(DEMO_FILE);
  const builtIn = isThere(path.join(BUILT_IN_DATA, 'log'));
  if (!demo && !builtIn) throw new Fault('config-missing', `There is no ${CONFIG_FILE} here, and no ${DEMO_FILE}.`);
  if (!demo || (builtIn && (await runs(BUILT_IN_DATA)) && !(await runs(DEMO_DATA)))) return opened(null);
  process.stderr.write(`millrace: no ${CONFIG_FILE} here, so the demo's is used (${DEMO_FILE})\n`);
  return opened(DEMO_FILE);
}

function isThere(file: string): boolean {
  try {
    statSync(file);
    return true;
  } catch (error) {
    // What cannot be looked at is there: who reads it says why not.
    return errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR';
  }
}

async function runs(dataFolder: string): Promise<boolean> {
  const gateway = await gatewayAt(dataFolder);
  gateway?.close();
  return gateway !== undefined;
}

/** Null: the built-in one. */
async function opened(file: string | null): Promise<OpenedConfig> {
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

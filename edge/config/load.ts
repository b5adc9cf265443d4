import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Fault, messageOf } from '../core/fault.ts';
import { type Checked, checkWithFiles } from './check.ts';
import type { ConfigProblem } from './problem.ts';
import { MAX_FILE_BYTES } from './yaml-source.ts';

/** The configuration that is used where there is no `millrace.yaml`. */
export const DEFAULT_CONFIG_FILE = path.join(import.meta.dirname, 'default.yaml');

/**
 * Reads and checks a configuration file. Relative paths in it count from its own folder, or from `folder`. `name` is what messages call it.
 * Throws `config-missing` if the file cannot be read at all.
 */
export async function loadConfig(file: string, options: { folder?: string; name?: string } = {}): Promise<Checked> {
  const { folder = path.dirname(path.resolve(file)), name = file } = options;
  const text = await readConfigFile(file, name);
  return typeof text === 'string' ? checkWithFiles(text, name, folder) : { problems: [text] };
}

/** The text of a configuration file, or why it can be none. `name` is what messages call it. Throws `config-missing` if it cannot be read at all. */
export async function readConfigFile(file: string, name = file): Promise<string | ConfigProblem> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new Fault('config-missing', `${name}: ${messageOf(error)}`, { cause: error });
  }
  if (bytes.length > MAX_FILE_BYTES) return refused(name, `has ${bytes.length} bytes`, `at most ${MAX_FILE_BYTES}`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refused(name, 'is not UTF-8', 'text in UTF-8');
  }
}

function refused(file: string, wrong: string, expected: string): ConfigProblem {
  return { file, line: 1, column: 1, path: '', wrong, expected };
}

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where installed services lie, outside the checkout: `MILLRACE_SERVICES`, else a folder in the user's cache. */
export function cacheFolder(): string {
  const named = process.env['MILLRACE_SERVICES'];
  return named === undefined || named === '' ? join(homedir(), '.cache', 'millrace', 'services') : resolve(named);
}

/** The folder of one service. Its name ends with a hash of the pins, so that a changed pin is another folder. */
export function serviceFolder(name: string, pins: readonly string[]): string {
  return join(cacheFolder(), `${name}-${createHash('sha256').update(pins.join('\n')).digest('hex').slice(0, 8)}`);
}

/** How a folder comes to be. */
export interface Recipe {
  readonly folder: string;
  readonly build: (temporary: string) => Promise<void>;
  /** Whether an existing folder is still as it was built (system upgrades and cache cleaners reach in); if not, it is built again. */
  readonly whole: (folder: string) => boolean | Promise<boolean>;
}

/** Half-built folders are named like this, beside the finished ones. */
const buildPrefix = '.building-';

/**
 * Makes a folder whole or not at all: it is built as a temporary folder beside it, which then takes the name in one step.
 * Where another process was quicker, its folder stays and ours goes. Returns whether this call built it.
 */
export async function installFolder(recipe: Recipe): Promise<boolean> {
  const { folder, build, whole } = recipe;
  if (existsSync(folder)) {
    if (await whole(folder)) return false;
    rmSync(folder, { recursive: true });
  }
  const parent = resolve(folder, '..');
  mkdirSync(parent, { recursive: true });
  removeAbandoned(parent);
  const temporary = mkdtempSync(join(parent, buildPrefix));
  try {
    await build(temporary);
    renameSync(temporary, folder);
    return true;
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    if (existsSync(folder)) return false;
    throw error;
  }
}

/** Builds that were killed: nothing takes a day. */
function removeAbandoned(parent: string): void {
  const yesterday = Date.now() - 24 * 3600 * 1000;
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    const modified = name.startsWith(buildPrefix) ? statSync(path, { throwIfNoEntry: false })?.mtimeMs : undefined;
    if (modified !== undefined && modified < yesterday) rmSync(path, { recursive: true, force: true });
  }
}

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { pinsHash } from './pins.ts';

/** Half-built folders are named like this, beside the finished ones. */
const buildPrefix = '.building-';
const dayMs = 24 * 3600 * 1000;

/** Where native builds lie, outside the checkout: `MILLRACE_NATIVE`, else a folder in the user's cache. A changed pin is another folder. */
export function nativeFolder(): string {
  const named = process.env['MILLRACE_NATIVE'];
  const parent =
    named === undefined || named === '' ? path.join(homedir(), '.cache', 'millrace', 'native') : path.resolve(named);
  return path.join(parent, `tensorflow-${pinsHash()}`);
}

/** The package in a build. */
export function packageIn(folder: string): string {
  return path.join(folder, 'node_modules', '@tensorflow', 'tfjs-node');
}

/**
 * Makes a folder whole or not at all: it is built as a temporary folder beside it, which then takes the name in one step. Where another process was quicker, its folder
 * stays and ours goes. One that is there and not whole (cache cleaners reach in) is built again.
 *
 * @returns whether this call built it
 */
export async function ensureFolder(
  folder: string,
  build: (temporary: string) => Promise<void>,
  whole: (folder: string) => Promise<boolean>,
): Promise<boolean> {
  if (existsSync(folder)) {
    if (await whole(folder)) return false;
    rmSync(folder, { recursive: true });
  }
  const parent = path.dirname(folder);
  mkdirSync(parent, { recursive: true });
  removeAbandoned(parent);
  const temporary = mkdtempSync(path.join(parent, buildPrefix));
  try {
    // Temporary folders are for their user alone; the gateway often runs as another.
    chmodSync(temporary, 0o755);
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
  for (const name of readdirSync(parent)) {
    const full = path.join(parent, name);
    const modified = name.startsWith(buildPrefix) ? statSync(full, { throwIfNoEntry: false })?.mtimeMs : undefined;
    if (modified !== undefined && modified < Date.now() - dayMs) rmSync(full, { recursive: true, force: true });
  }
}

import { lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { packageIn } from './folder.ts';

/**
 * Makes a build the installation's `@tensorflow/tfjs-node`, by a symbolic link in its `node_modules`; `package.json`, the lock and every other package stay as they are.
 * `npm ci` takes the link away, not the build.
 *
 * @returns whether there was something to do
 * @throws Error where the package is there by other means
 */
export function linkInto(root: string, folder: string): boolean {
  const target = packageIn(folder);
  const link = path.join(root, 'node_modules', '@tensorflow', 'tfjs-node');
  const there = lstatSync(link, { throwIfNoEntry: false });
  if (there?.isSymbolicLink() === true) {
    if (readlinkSync(link) === target) return false;
    rmSync(link);
  } else if (there !== undefined) {
    throw new Error(`${link} was installed by other means: remove that folder, then run this again`);
  }
  mkdirSync(path.dirname(link), { recursive: true });
  symlinkSync(target, link, 'dir');
  return true;
}

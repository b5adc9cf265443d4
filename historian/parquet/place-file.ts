import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Disk } from '../../edge/core/disk.ts';
import { Fault, messageOf } from '../../edge/core/fault.ts';

/** Gives a whole file its name: synced, renamed, folder synced. Throws `file-unwritable`. */
export function placeFile(disk: Disk, from: string, to: string): void {
  try {
    const fd = disk.open(from, 'r+');
    try {
      disk.sync(fd);
    } finally {
      disk.close(fd);
    }
    disk.rename(from, to);
    disk.syncFolder(path.dirname(to));
  } catch (error) {
    throw new Fault('file-unwritable', `${to}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Begins a file beside one that it is to replace, if there is one: empty, and nobody else may read it. Returns what gives it the permissions of that one, when it has its place. Throws `file-unwritable`.
 */
export function beginReplacement(beside: string, file: string): () => void {
  try {
    const there = statSync(file, { throwIfNoEntry: false });
    if (there?.isFile() !== true) return () => undefined;
    closeSync(openSync(beside, 'w', 0o600));
    return () => chmodSync(file, there.mode & 0o777);
  } catch (error) {
    throw new Fault('file-unwritable', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

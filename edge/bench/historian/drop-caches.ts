import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { errnoOf } from '../../core/fault.ts';

/** Has Linux forget what it has read of all files; false: this user or this machine may not do that. */
export function dropCaches(): boolean {
  try {
    // Only what is on the disk already can be dropped.
    spawnSync('sync');
    writeFileSync('/proc/sys/vm/drop_caches', '1\n');
    return true;
  } catch (error) {
    if (['EACCES', 'EPERM', 'ENOENT', 'EROFS'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

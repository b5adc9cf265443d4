import type { Disk } from './disk.ts';
import { errnoOf } from './fault.ts';

/** A full disk is tried again this often. */
const RETRY_MS = 1000;

export interface PatientDiskOptions {
  readonly disk: Disk;
  /** Told when the disk is full, and when a call has succeeded again. */
  readonly onFull: (full: boolean) => void;
  /** Called before each wait: deletes what is not needed, and returns whether there was any; then the call is tried again at once. */
  readonly makeRoom?: () => boolean;
  /** Called before a wait of what `makeRoom` itself writes: gives up space that was put aside, and returns whether there was any. */
  readonly giveSpare?: () => boolean;
  /** One number, 0. Set it to 1 and notify: what waits gives up and throws what the system said. */
  readonly stop: Int32Array;
  readonly retryMs?: number;
}

/**
 * A disk that waits when there is no space: the sender is slowed, nothing is acknowledged, and the writer goes on when there is space again. Blocks its thread. A sync is
 * never tried again, whatever it says: nobody knows what it lost.
 */
export function patientDisk(options: PatientDiskOptions): Disk {
  const { disk, onFull, makeRoom = () => false, giveSpare = () => false, stop, retryMs = RETRY_MS } = options;
  let makesRoom = false;

  /** Making room writes too: where there is no space for that, what was put aside is. */
  function hasMadeRoom(): boolean {
    if (makesRoom) return giveSpare();
    makesRoom = true;
    try {
      return makeRoom();
    } finally {
      makesRoom = false;
    }
  }

  function patiently<T>(call: () => T): T {
    for (let full = false; ;) {
      try {
        const result = call();
        if (full) onFull(false);
        return result;
      } catch (error) {
        const code = errnoOf(error);
        if ((code !== 'ENOSPC' && code !== 'EDQUOT') || Atomics.load(stop, 0) !== 0) throw error;
        if (!full) onFull(true);
        full = true;
        if (!hasMadeRoom()) Atomics.wait(stop, 0, 0, retryMs);
      }
    }
  }

  return {
    open: (file, flags) => patiently(() => disk.open(file, flags)),
    close: (fd) => disk.close(fd),
    size: (fd) => disk.size(fd),
    read: (fd, into, position) => disk.read(fd, into, position),
    write: (fd, parts, position) => patiently(() => disk.write(fd, parts, position)),
    sync: (fd) => disk.sync(fd),
    truncate: (fd, size) => disk.truncate(fd, size),
    rename: (from, to) => patiently(() => disk.rename(from, to)),
    unlink: (file) => disk.unlink(file),
    makeFolder: (folder) => patiently(() => disk.makeFolder(folder)),
    list: (folder) => disk.list(folder),
    syncFolder: (folder) => disk.syncFolder(folder),
  };
}

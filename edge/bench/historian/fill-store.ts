import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '../../core/clock.ts';
import type { Fault } from '../../core/fault.ts';
import { openEnds } from '../../core/reader.ts';
import { Follower } from '../../../historian/follow/follower.ts';
import { SharedProgress } from '../../../historian/follow/shared-progress.ts';
import { Store } from '../../../historian/store/store.ts';
import { TOPIC } from './fill-log.ts';

/** The log that the measured historians are filled from. */
const LOG = { logId: '6d1f0000-0000-4000-8000-00000000be9c', epoch: 0 };

/** Files of a historian beside the log that they are made from. */
export interface Folders {
  readonly log: string;
  readonly historian: string;
}

/** Where both lie in a folder. */
export function foldersIn(folder: string): Folders {
  return { log: path.join(folder, 'log'), historian: path.join(folder, 'historian') };
}

/** Opens the store that belongs to the log; a fault that it reports ends the bench. */
export function openStore(
  folder: string,
  memtableBytes?: number,
): { readonly store: Store; readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  const store = new Store({
    folder,
    log: LOG,
    report: (fault) => faults.push(fault),
    ...(memtableBytes === undefined ? {} : { memtableBytes }),
  });
  store.open();
  return { store, faults };
}

/** Brings the whole log into the store, as the gateway's worker does, and writes it out. */
export async function follow(store: Store, { log }: Folders, signal: AbortSignal): Promise<void> {
  const ends = openEnds(log);
  const shared = SharedProgress.create([TOPIC]);
  const follower = new Follower({ store, logFolder: log, ends, topics: [TOPIC], clock: systemClock(), shared });
  follower.open();
  while (await follower.step()) {
    // Merges have their turns.
    await nextTurn();
    signal.throwIfAborted();
  }
  await follower.flush();
  // A run that is to end at once closes what it reads from.
  await follower.run(AbortSignal.abort());
}

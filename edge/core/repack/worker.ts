import os from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { realDisk } from '../disk.ts';
import { DurableEnds, type SharedEnds } from '../durable-ends.ts';
import { assert } from '../fault.ts';
import { repackLog, type Settled, type SettledOffsets } from './log.ts';
import { RepackPace } from './pace.ts';

/** What the worker is started with. */
export interface RepackWorkerData {
  readonly logFolder: string;
  readonly ends: SharedEnds;
  readonly settled: SettledOffsets;
}

/** `go-on`: what it told last is done with. `look`: there may be more to do; these have had their turn. */
export type RepackCommand =
  | { readonly type: 'go-on' }
  | { readonly type: 'look'; readonly settled: SettledOffsets }
  | { readonly type: 'stop' };

/** `settled`: a segment has had its turn; it waits until that is done with. `done`: there is nothing to do any more; it waits for `look`. */
export type RepackNotice = ({ readonly type: 'settled' } & Settled) | { readonly type: 'done' };

const LOWEST_PRIORITY = 19;

const parent = parentPort;
assert(parent !== null, 'the repacking runs as a worker thread');
const { logFolder, ends, settled: settledBefore } = workerData as RepackWorkerData;
const stop = new AbortController();
const { signal } = stop;
let goOn: (() => void) | undefined;

function notify(notice: RepackNotice): void {
  parent?.postMessage(notice);
}

/** Repacks what there is, with rests. */
async function run(settled: SettledOffsets): Promise<void> {
  const pace = new RepackPace(new DurableEnds(ends), performance.now());
  const steps = repackLog(realDisk, logFolder, settled, ends.topics);
  try {
    while (!signal.aborted) {
      const before = process.threadCpuUsage();
      const step = steps.next();
      const { user, system } = process.threadCpuUsage(before);
      if (step.done === true) return notify({ type: 'done' });
      const restMs = pace.rest((user + system) / 1000, performance.now());
      if (step.value !== undefined) await tell(step.value);
      await delay(restMs, undefined, { signal }).catch(() => undefined); // told to stop
    }
  } finally {
    // What is half done is deleted.
    steps.return();
  }
}

function tell(what: Settled): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  goOn = resolve;
  notify({ type: 'settled', ...what });
  return promise;
}

parent.on('message', (command: RepackCommand) => {
  if (command.type === 'look') return void run(command.settled);
  goOn?.();
  if (command.type === 'go-on') return;
  stop.abort();
  parent.close();
});
// Linux has a priority for each thread; elsewhere this would be that of the whole process.
if (process.platform === 'linux') os.setPriority(LOWEST_PRIORITY);
await run(settledBefore);

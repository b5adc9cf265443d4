import os from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { realDisk } from '../disk.ts';
import { DurableEnds, type SharedEnds } from '../durable-ends.ts';
import { assert, Fault, type FaultMessage, toFaultMessage } from '../fault.ts';
import { eraseLog, type EraseStep, type LogErased } from './erase-log.ts';
import type { LogErasure } from './erased-records.ts';
import { repackLog, type Settled, type SettledOffsets } from './log.ts';
import { ERASE_SHARE, REPACK_SHARE, RepackPace } from './pace.ts';

/** What the worker is started with. */
export interface RepackWorkerData {
  readonly logFolder: string;
  readonly ends: SharedEnds;
}

/** `look`: there may be segments to be repacked; these have had their turn. `erase`: all of these, in one pass, before anything is repacked. `go-on`: what it told or asked for last is done with, or was refused. */
export type RepackCommand =
  | { readonly type: 'look'; readonly settled: SettledOffsets }
  | { readonly type: 'erase'; readonly erasures: readonly LogErasure[] }
  | { readonly type: 'go-on'; readonly isDone: boolean }
  | { readonly type: 'stop' };

/** `settled`: a segment has had its turn; it waits until that is done with, as for `swap` and `roll` (`EraseStep`). `done`: there is nothing to do any more; it waits for more. */
export type RepackNotice =
  | ({ readonly type: 'settled' } & Settled)
  | EraseStep
  | ({ readonly type: 'erased' } & LogErased)
  | { readonly type: 'erase-failed'; readonly fault: FaultMessage }
  | { readonly type: 'done' };

const LOWEST_PRIORITY = 19;

const parent = parentPort;
assert(parent !== null, 'the repacking runs as a worker thread');
const { logFolder, ends: sharedEnds } = workerData as RepackWorkerData;
const ends = new DurableEnds(sharedEnds);
const stop = new AbortController();
const { signal } = stop;
/** What it was told to do and has not begun. Only one job makes files beside segments at a time: both are done here. */
let erasures: readonly LogErasure[] | undefined;
let settled: SettledOffsets | undefined;
/** Resolves what is waited for: an answer, or work. */
let answer: ((isDone: boolean) => void) | undefined;
let work = Promise.withResolvers<void>();

function notify(notice: RepackNotice): void {
  parent?.postMessage(notice);
}

/** Works until it is told to stop. */
async function run(): Promise<void> {
  while (!signal.aborted) {
    work = Promise.withResolvers();
    if (erasures !== undefined) await erase(erasures);
    else if (settled !== undefined) await repack(settled);
    else {
      notify({ type: 'done' });
      await work.promise;
    }
  }
}

/** Does the steps with rests, until they end, or until `isOver`; what is half done is deleted then. Undefined: not to the end. */
async function pacedly<Step, Result>(
  steps: Generator<Step | undefined, Result, boolean | undefined>,
  share: number,
  tell: (step: Step) => Promise<boolean> | undefined,
  isOver: () => boolean,
): Promise<Result | undefined> {
  const pace = new RepackPace(ends, share, performance.now());
  let isDone: boolean | undefined;
  try {
    while (!isOver()) {
      const before = process.threadCpuUsage();
      const step = steps.next(isDone);
      const { user, system } = process.threadCpuUsage(before);
      if (step.done === true) return step.value;
      const restMs = pace.rest((user + system) / 1000, performance.now());
      isDone = step.value === undefined ? undefined : await tell(step.value);
      await delay(restMs, undefined, { signal }).catch(() => undefined); // told to stop
    }
    return undefined;
  } finally {
    steps.return(undefined as Result);
  }
}

/** Repacks what there is; what is to be erased comes first. */
async function repack(before: SettledOffsets): Promise<void> {
  const known = { ...before };
  settled = undefined;
  const tell = (step: Settled): Promise<boolean> => {
    known[step.topic] = step.endOffset;
    return ask({ type: 'settled', ...step });
  };
  await pacedly(
    repackLog(realDisk, logFolder, known, ends.topics),
    REPACK_SHARE,
    tell,
    () => signal.aborted || erasures !== undefined,
  );
  if (erasures !== undefined) settled ??= known;
}

async function erase(these: readonly LogErasure[]): Promise<void> {
  erasures = undefined;
  try {
    const erased = await pacedly(
      eraseLog(realDisk, logFolder, these),
      ERASE_SHARE,
      tellEraseStep,
      () => signal.aborted,
    );
    if (erased !== undefined) notify({ type: 'erased', ...erased });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    notify({ type: 'erase-failed', fault: toFaultMessage(error) });
  }
}

function tellEraseStep(step: EraseStep): Promise<boolean> | undefined {
  if (step.type !== 'progress') return ask(step);
  notify(step);
  return undefined;
}

/** Resolves when that is done with: false if it was refused. */
function ask(notice: RepackNotice): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  answer = resolve;
  notify(notice);
  return promise;
}

parent.on('message', (command: RepackCommand) => {
  if (command.type === 'look') ({ settled } = command);
  else if (command.type === 'erase') ({ erasures } = command);
  else if (command.type === 'stop') {
    stop.abort();
    parent.close();
  }
  if (command.type === 'go-on') answer?.(command.isDone);
  else if (command.type === 'stop') answer?.(false);
  work.resolve();
});
// Linux has a priority for each thread; elsewhere this would be that of the whole process.
if (process.platform === 'linux') os.setPriority(LOWEST_PRIORITY);
// Whoever starts it has something for it to do.
await work.promise;
await run();

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Log } from '../../core/log.ts';
import type { LogLoadData, LogLoadNotice, LogLoadResult } from '../log-load.ts';
import type { Place } from '../scenario.ts';
import type { Load, LoadResult, LogSystem } from './system.ts';

/** Name of our own in results. */
export const MILLRACE = 'millrace';

const PROMISES = 'synced to the disk (fdatasync)';

/** Millrace's log: each producer is a thread that encodes its batches out of columns, the writer another one. */
export function millrace(producers: number): LogSystem {
  return {
    name: MILLRACE,
    promises: PROMISES,
    load: (load, place) => withLog(place, {}, (log) => loadLog(log, producers, load, place.signal)),
  };
}

/** Of a log that is as large as it may become. */
const BUDGET_BYTES = 512 * 1024 ** 2;
const FILL: Load = { batch: 1000, rate: 0, seconds: 0.5 };

/**
 * The same with a log that has reached its budget, as a gateway's has after its first days: it deletes a segment for each that it fills, and repacks beside that. One that
 * grows for the first time measures the memory of a virtual machine whose host takes back what is free: 10 µs a page, 0.4 GB/s.
 */
export function millraceAtBudget(producers: number): LogSystem {
  return {
    name: MILLRACE,
    promises: PROMISES,
    load: (load, place) =>
      withLog(place, { budgetBytes: BUDGET_BYTES }, async (log) => {
        // Nobody needs what is there: it may go.
        log.hold({});
        while (log.ends.start('samples') === 0) await loadLog(log, producers, FILL, place.signal);
        return loadLog(log, producers, load, place.signal);
      }),
  };
}

/** Opens a log in the folder, does, closes it. A log that stops writing meanwhile ends the bench. */
export async function withLog<T>(
  { folder }: Place,
  options: { readonly budgetBytes?: number; readonly segmentBytes?: number },
  work: (log: Log) => Promise<T>,
): Promise<T> {
  const log = new Log({ budgetBytes: 1e12, ...options, dataFolder: folder, nowMs: Date.now() });
  const failed = Promise.withResolvers<never>();
  await log.open((fault) => failed.reject(fault));
  try {
    return await Promise.race([work(log), failed.promise]);
  } finally {
    await log.close();
  }
}

/** Else the garbage of a producer at full rate takes 30 to 150 MB, and nobody could tell what a log takes. */
const PRODUCER_LIMITS = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 64 };

/** Runs so many producers at once, to the last acknowledgement. */
export async function loadLog(log: Log, producers: number, load: Load, signal: AbortSignal): Promise<LoadResult> {
  const workers = Array.from({ length: producers }, () => {
    const port = log.producerPort();
    const data: LogLoadData = { ...load, rate: load.rate / producers, port };
    const script = new URL('../log-load.ts', import.meta.url);
    return new Worker(script, { workerData: data, transferList: [port.life], resourceLimits: PRODUCER_LIMITS });
  });
  try {
    await Promise.all(workers.map((worker) => once(worker, 'message', { signal })));
    const results = workers.map((worker) => resultOf(worker, signal));
    for (const worker of workers) worker.postMessage('go');
    return joined(await Promise.all(results));
  } finally {
    for (const worker of workers) await worker.terminate();
  }
}

async function resultOf(worker: Worker, signal: AbortSignal): Promise<LogLoadResult> {
  const [notice] = (await once(worker, 'message', { signal })) as [LogLoadNotice];
  if (notice === 'ready') throw new Error('a producer was ready twice');
  return notice;
}

function joined(results: readonly LogLoadResult[]): LoadResult {
  const sum = (of: (result: LogLoadResult) => number): number => results.reduce((total, each) => total + of(each), 0);
  const latenciesMs = new Float64Array(sum((result) => result.latenciesMs.length));
  let at = 0;
  for (const result of results) {
    latenciesMs.set(result.latenciesMs, at);
    at += result.latenciesMs.length;
  }
  return {
    samples: sum(({ samples }) => samples),
    seconds: Math.max(...results.map(({ seconds }) => seconds)),
    latenciesMs,
    producersCpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
  };
}

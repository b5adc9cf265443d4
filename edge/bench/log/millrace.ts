import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Log } from '../../core/log.ts';
import type { LogLoadData, LogLoadNotice, LogLoadResult } from '../log-load.ts';
import type { Load, LoadResult, LogSystem, Place } from './system.ts';

/** Name of our own in results. */
export const MILLRACE = 'millrace';

/** Millrace's log: each producer is a thread that encodes its batches out of columns, the writer another one. */
export function millrace(producers: number): LogSystem {
  return {
    name: MILLRACE,
    promises: 'synced to the disk (fdatasync)',
    load: (load, place) => withLog(place, {}, (log) => loadLog(log, producers, load, place.signal)),
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

/** Runs so many producers at once, to the last acknowledgement. */
export async function loadLog(log: Log, producers: number, load: Load, signal: AbortSignal): Promise<LoadResult> {
  const workers = Array.from({ length: producers }, () => {
    const port = log.producerPort();
    const data: LogLoadData = { ...load, rate: load.rate / producers, port };
    return new Worker(new URL('../log-load.ts', import.meta.url), { workerData: data, transferList: [port.life] });
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

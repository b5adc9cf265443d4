import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Log } from '../../core/log.ts';
import type { Reading } from './reading.ts';
import type { ReadingThreadData } from './reading-thread.ts';

/** Starts a thread that decodes `samples` of a log from its start on while `reading` says so; before that it has not looked at the log. */
export async function startReading(log: Log, reading: Reading, signal: AbortSignal): Promise<Worker> {
  const data: ReadingThreadData = { logFolder: log.folder, ends: log.ends.shared, reading: reading.memory };
  const worker = new Worker(new URL('./reading-thread.ts', import.meta.url), { workerData: data });
  try {
    await once(worker, 'message', { signal });
    return worker;
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}

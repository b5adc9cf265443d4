import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const WORKERS = 6;

/** A process of its own: idle worker threads, and how much memory that takes. */
const workers = Array.from({ length: WORKERS }, () => new Worker(new URL('./idle-worker.ts', import.meta.url)));
await Promise.all(workers.map((worker) => once(worker, 'message')));
process.stdout.write(JSON.stringify({ memoryMb: process.memoryUsage.rss() / 1e6 }));
for (const worker of workers) await worker.terminate();

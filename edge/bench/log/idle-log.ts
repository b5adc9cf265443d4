import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Log } from '../../core/log.ts';
import type { IdleUserData } from './idle-user.ts';

const USERS = 5;

/** A process of its own: a log with its writer and others that use it, all idle, and how much memory that takes. Argument: data folder. */
const [dataFolder = ''] = process.argv.slice(2);
const log = new Log({ dataFolder, budgetBytes: 1e12, nowMs: Date.now() });
await log.open((fault) => {
  throw fault;
});
const users = Array.from({ length: USERS }, () => {
  const port = log.producerPort();
  const data: IdleUserData = { port, logFolder: log.folder, ends: log.ends.shared };
  return new Worker(new URL('./idle-user.ts', import.meta.url), { workerData: data, transferList: [port.life] });
});
await Promise.all(users.map((user) => once(user, 'message')));
process.stdout.write(JSON.stringify({ memoryMb: process.memoryUsage.rss() / 1e6 }));
for (const user of users) await user.terminate();
await log.close();

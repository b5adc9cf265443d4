import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { DurableEnds } from '../../core/durable-ends.ts';
import type { Scenario } from '../scenario.ts';
import { MILLRACE } from './millrace.ts';
import type { WakingData } from './waking-threads.ts';

/** From the publishing of a durable end to the reader in another thread that goes on, which waited for it: the writer's and the reader's threads, without a log between them. */
export const waking: Scenario = {
  title: `${MILLRACE}: wake-up of a reader`,
  async measure({ figures, quick, signal }) {
    const shared = {
      ends: DurableEnds.create(['samples']).shared,
      turn: new Int32Array(new SharedArrayBuffer(4)),
      publishedNs: new BigInt64Array(new SharedArrayBuffer(8)),
      times: quick ? 600 : 3000,
    };
    const script = new URL('./waking-threads.ts', import.meta.url);
    const threads = (['reader', 'writer'] as const).map(
      (role) => new Worker(script, { workerData: { ...shared, role } satisfies WakingData }),
    );
    try {
      const notices = await Promise.all(threads.map((thread) => once(thread, 'message', { signal })));
      for (const [latenciesUs] of notices)
        if (latenciesUs instanceof Float64Array) figures.noteTimes(MILLRACE, 'wake.us', 'µs', latenciesUs);
    } finally {
      for (const thread of threads) await thread.terminate();
    }
  },
};

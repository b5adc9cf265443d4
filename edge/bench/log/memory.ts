import path from 'node:path';
import { z } from 'zod';
import { runAlone } from '../child.ts';
import type { Scenario } from '../scenario.ts';
import { makeLargeLog } from './large-log.ts';
import { MILLRACE } from './millrace.ts';

// Each process runs twice: the first one fills the compile cache, with which a gateway starts every time but the first.

/** Tags of the large log: as many as the largest profile has. */
const TAGS = 100_000;

const idleSchema = z.object({ memoryMb: z.number() });
const openedSchema = z.object({ openMs: z.number(), readMb: z.number(), writtenMb: z.number() });

/** Worker threads that have loaded nothing yet: what a gateway's six cost before any library. */
export const idleWorkers = idleProcess(
  new URL('./idle-workers.ts', import.meta.url),
  'six idle workers',
  'idle_workers_6',
);

/** The threads of a gateway with what the log gives them and nothing else: its writer, and five that have a producer and follow a topic. */
export const idleLog = idleProcess(
  new URL('./idle-log.ts', import.meta.url),
  'an idle log with its writer and five users',
  'idle_log',
);

function idleProcess(script: URL, title: string, name: string): Scenario {
  return {
    title: `${MILLRACE}: memory of ${title}`,
    once: true,
    async measure({ folder, figures, signal }) {
      await runAlone(script, [path.join(folder, 'first')], signal);
      const printed = await runAlone(script, [path.join(folder, 'second')], signal);
      figures.note(MILLRACE, `${name}.memory_mb`, 'MB', idleSchema.parse(printed).memoryMb);
    },
  };
}

/** A log of this size with the samples of 100,000 tags: how long it takes to open, and the memory of its process when a reader has met every tag, and when a producer has written to each. */
export function largeLog(gib: number): Scenario {
  return {
    title: `${MILLRACE}: a log of ${gib} GiB with ${TAGS.toLocaleString('en')} tags`,
    once: true,
    async measure({ folder, figures, signal }) {
      await opened(path.join(folder, 'first'), 1, signal);
      const { openMs, readMb, writtenMb } = await opened(path.join(folder, 'second'), gib * 1024 ** 3, signal);
      figures.note(MILLRACE, `log_${gib}_gib.open_ms`, 'ms', openMs);
      figures.note(MILLRACE, `log_${gib}_gib.memory_mb`, 'MB', readMb);
      figures.note(MILLRACE, `log_${gib}_gib.writing_memory_mb`, 'MB', writtenMb);
    },
  };
}

/** Makes a log of at least so many bytes, and has a process open it. */
async function opened(dataFolder: string, bytes: number, signal: AbortSignal): Promise<z.infer<typeof openedSchema>> {
  await makeLargeLog(path.join(dataFolder, 'log'), bytes, TAGS, signal);
  const args = [dataFolder, String(TAGS)];
  return openedSchema.parse(await runAlone(new URL('./open-log.ts', import.meta.url), args, signal));
}

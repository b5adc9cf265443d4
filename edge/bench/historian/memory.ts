import { z } from 'zod';
import type { Figures } from '../figures.ts';
import { runAlone } from '../child.ts';
import type { Scenario } from '../scenario.ts';
import { fillLog } from './fill-log.ts';
import { foldersIn } from './fill-store.ts';
import { MILLRACE } from './millrace.ts';
import { wideSet } from './studies.ts';

const followedSchema = z.object({ memoryMb: z.number(), mostMb: z.number() });
const openedSchema = z.object({ openMs: z.number(), memoryMb: z.number() });

/** Memory of a historian with as many tags as the largest profile has: in a process of its own that takes their samples out of the log, and in another one that opens what the first has made. */
export function manyTags(periods: number): Scenario {
  return {
    title: `${MILLRACE}: memory with 100,000 tags`,
    once: true,
    async measure({ folder, figures, signal }) {
      const { log, historian } = foldersIn(folder);
      await fillLog(log, wideSet(periods), signal);
      const printed = await runAlone(new URL('./follow-log.ts', import.meta.url), [folder], signal);
      const { memoryMb, mostMb } = followedSchema.parse(printed);
      figures.note(MILLRACE, 'tags_100000.memory_mb', 'MB', memoryMb);
      figures.note(MILLRACE, 'tags_100000.most_memory_mb', 'MB', mostMb);
      await noteStart(figures, 'tags_100000', historian, signal);
    },
  };
}

/** How long a start takes, and the memory of the process behind it. The first process fills the compile cache, and the page cache too: a start behind a restart of the gateway, not of the machine. */
export async function noteStart(figures: Figures, name: string, folder: string, signal: AbortSignal): Promise<void> {
  const script = new URL('./open-history.ts', import.meta.url);
  await runAlone(script, [folder], signal);
  const { openMs, memoryMb } = openedSchema.parse(await runAlone(script, [folder], signal));
  figures.note(MILLRACE, `${name}.start_ms`, 'ms', openMs);
  figures.note(MILLRACE, `${name}.start_memory_mb`, 'MB', memoryMb);
}

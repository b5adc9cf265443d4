import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../core/log.ts';
import { median } from '../figures.ts';
import type { Scenario } from '../scenario.ts';
import { loadLog, MILLRACE, withLog } from './millrace.ts';
import { Reading } from './reading.ts';
import { startReading } from './start-reading.ts';

/** Large enough that the producers' own garbage does not drown what is looked for. */
const BATCH = 100;
const PRODUCERS = 2;
/** The log keeps so much: the disk need not hold two minutes of full load. */
const BUDGET_BYTES = 2 * 1024 ** 3;
/** What the reader reads before it stops. */
const READ_MS = 500;
/** Until the log has its size and the threads their memory; before the reader begins and after it is gone; while it stands. */
const LONG = { warmUpMs: 45_000, besideMs: 30_000, stoppedMs: 60_000 };
const QUICK = { warmUpMs: 2000, besideMs: 2500, stoppedMs: 10_000 };
const LOOK_EVERY_MS = 50;
/** The load lasts a little longer than what is looked at. */
const SPARE_MS = 2000;

/** What was seen in a stretch of time. */
interface Stretch {
  readonly samplesPerS: number;
  readonly memoryMb: number;
}

/**
 * What it costs the writer that a reader stands still: one that has begun to read and then hears nothing for 60 s (quick: 10 s), while two producers give all they can. Compared with the time
 * before it has begun (its thread is there already) and, for the rate, after it is gone. Memory is that of the process.
 */
export const stoppedReader: Scenario = {
  title: `${MILLRACE}: a reader that stands still`,
  once: true,
  async measure({ figures, quick, ...place }) {
    const { signal } = place;
    const { warmUpMs, besideMs, stoppedMs } = quick ? QUICK : LONG;
    const seconds = (warmUpMs + besideMs + READ_MS + stoppedMs + besideMs + SPARE_MS) / 1000;
    await withLog(place, { budgetBytes: BUDGET_BYTES }, async (log) => {
      // Nobody needs what is there: it may go.
      log.hold({});
      const reading = new Reading();
      const reader = await startReading(log, reading, signal);
      const watch = async (): Promise<void> => {
        await delay(warmUpMs, undefined, { signal });
        const before = await stretch(log, besideMs, signal);
        reading.reads = true;
        await delay(READ_MS, undefined, { signal });
        reading.reads = false;
        const stopped = await stretch(log, stoppedMs, signal);
        await reader.terminate();
        const after = await stretch(log, besideMs, signal);
        const rate = (before.samplesPerS + after.samplesPerS) / 2;
        figures.note(MILLRACE, 'stopped_reader.cost_percent', '%', (1 - stopped.samplesPerS / rate) * 100);
        figures.note(MILLRACE, 'stopped_reader.cost_mb', 'MB', stopped.memoryMb - before.memoryMb);
      };
      try {
        await Promise.all([loadLog(log, PRODUCERS, { batch: BATCH, rate: 0, seconds }, signal), watch()]);
      } finally {
        await reader.terminate();
      }
    });
  },
};

async function stretch(log: Log, tookMs: number, signal: AbortSignal): Promise<Stretch> {
  const startMs = performance.now();
  const first = log.ends.end('samples');
  const memory: number[] = [];
  while (performance.now() - startMs < tookMs) {
    await delay(LOOK_EVERY_MS, undefined, { signal });
    memory.push(process.memoryUsage.rss() / 1e6);
  }
  const samples = log.ends.end('samples') - first;
  return { samplesPerS: samples / ((performance.now() - startMs) / 1000), memoryMb: median(memory) };
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Load, type LoadResult, nap, Times, WARM_UP_MS } from './system.ts';

/** So often a load that never waits lets others have their turn. */
const BREATHE_EVERY_MS = 50;

/**
 * Hands batches to a rival out of this thread: one whenever it is due, never more than `inFlight` without an acknowledgement. A time begins when a batch is sent, not when it
 * was due: what is measured is the rival, neither a timer nor a queue before it.
 */
export async function drive(
  { batch, rate, seconds }: Load,
  inFlight: number,
  signal: AbortSignal,
  send: () => Promise<void>,
): Promise<LoadResult> {
  const times = new Times();
  const everyMs = rate === 0 ? 0 : (batch / rate) * 1000;
  const cpuBefore = process.threadCpuUsage();
  const startMs = performance.now();
  const untilMs = startMs + seconds * 1000;
  let nextDueMs = startMs;
  let breathedMs = startMs;
  let samples = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < untilMs && nextDueMs < untilMs) {
      const dueMs = nextDueMs;
      nextDueMs += everyMs;
      while (performance.now() < dueMs) {
        nap();
        await nextTurn();
      }
      const sentMs = performance.now();
      await send();
      const nowMs = performance.now();
      if (sentMs - startMs >= WARM_UP_MS) times.add(nowMs - sentMs);
      samples += batch;
      if (nowMs - breathedMs < BREATHE_EVERY_MS) continue;
      breathedMs = nowMs;
      await nextTurn();
      signal.throwIfAborted();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const took = (performance.now() - startMs) / 1000;
  const { user, system } = process.threadCpuUsage(cpuBefore);
  return { samples, seconds: took, latenciesMs: times.all(), producersCpuSeconds: (user + system) / 1e6 };
}

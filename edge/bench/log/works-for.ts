import { setImmediate as nextTurn } from 'node:timers/promises';
import { WARM_UP_MS } from './system.ts';

/** Works for so long, in pieces that say how much they did; between them a signal is heard. Returns how much was done a second, without the first moments. */
export async function worksFor(seconds: number, signal: AbortSignal, piece: () => number): Promise<number> {
  await pieces(WARM_UP_MS, signal, piece);
  const { done, tookMs } = await pieces(seconds * 1000, signal, piece);
  return done / (tookMs / 1000);
}

async function pieces(
  ms: number,
  signal: AbortSignal,
  piece: () => number,
): Promise<{ readonly done: number; readonly tookMs: number }> {
  const startMs = performance.now();
  let done = 0;
  let tookMs = 0;
  while (tookMs < ms) {
    done += piece();
    await nextTurn();
    signal.throwIfAborted();
    tookMs = performance.now() - startMs;
  }
  return { done, tookMs };
}

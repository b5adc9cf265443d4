import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Figures } from '../figures.ts';
import { type Place, WARM_UP_MS } from './system.ts';

/** A run of a scenario: where it measures, for how long, and where its figures go. */
interface Run extends Place {
  readonly figures: Figures;
  /** How long one load takes. */
  readonly seconds: number;
  /** Ends soon, with what it has by then. */
  readonly quick: boolean;
}

/** One line of the table of what is measured. */
export interface Scenario {
  /** For people who wait. */
  readonly title: string;
  /** In the first run only: it takes long, and what it measures does not change from run to run. */
  readonly once?: true;
  readonly measure: (run: Run) => Promise<void>;
}

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

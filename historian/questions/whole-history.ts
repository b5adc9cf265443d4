import type { SampleHistory } from '../queries/history.ts';

/** Samples of a store and of what is behind it: a cold tier. */
export interface WholeHistory extends Pick<SampleHistory, 'page'> {
  /** From this time on, µs, what has expired in the store is there. -Infinity: nobody has looked yet. */
  readonly beginUs: number;
  /** Another number whenever something else may lie there. */
  readonly changes: number;
  /** Looks if nobody has, and gives `beginUs`. Throws what keeps it from being read. */
  open(): Promise<number>;
}

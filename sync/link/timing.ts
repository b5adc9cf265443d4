/** The times of a link, in ms; a test makes them short. */
export interface Timing {
  /** A look at the destination's id, settings and end, to notice what no answer to a write tells. */
  readonly checkMs: number;
  /** A link goes on with its predecessor's producer so long before it writes with its own (see `writer.ts`). */
  readonly successionMs: number;
  /** A new producer id at least so often: a broker forgets one that is not asked for within 7 days. */
  readonly sessionMs: number;
  /** A topic that is known must be missing so long before it counts as deleted: a broker that starts may not know it yet. */
  readonly missingMs: number;
  /** What is in flight gets so long at a stop or pause. */
  readonly drainMs: number;
  /** One call to the cluster. */
  readonly callMs: number;
}

export const defaultTiming: Timing = {
  checkMs: 30_000,
  successionMs: 5_000,
  sessionMs: 24 * 3600 * 1000,
  missingMs: 10_000,
  drainMs: 3_000,
  callMs: 30_000,
};

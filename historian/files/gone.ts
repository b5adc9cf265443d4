/** What there was of a series in a file and is there no more: replaced by a correction, erased, expired or lost to damage. It stays counted, so that what was stored is known for ever. */
export interface Gone {
  /** All of them. */
  readonly samples: number;
  /** Those that have expired, and the first and last effective time of them, µs; without any: the infinities. */
  readonly expired: number;
  readonly firstUs: number;
  readonly lastUs: number;
}

/** No sample, at no time. */
export const NOTHING_GONE: Gone = {
  samples: 0,
  expired: 0,
  firstUs: Number.POSITIVE_INFINITY,
  lastUs: Number.NEGATIVE_INFINITY,
};

/** Both together. */
export function goneTogether(a: Gone, b: Gone): Gone {
  return {
    samples: a.samples + b.samples,
    expired: a.expired + b.expired,
    firstUs: Math.min(a.firstUs, b.firstUs),
    lastUs: Math.max(a.lastUs, b.lastUs),
  };
}

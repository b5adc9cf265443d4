/**
 * Another place that has copies of samples, such as a cold tier or a QuestDB: `millrace erase` reaches it through this. What it is asked stays on record with the gateway until it is done, over
 * restarts, and is asked again where it failed: twice is harmless.
 */
export interface Eraser {
  /** One word, such as `tier`; it stands on record. */
  readonly name: string;
  /**
   * Removes for ever the samples of these tags with `fromUs` ≤ effective time < `toUs`, µs. `upTo`: by topic, only those with a log offset below; what came later is kept where the place knows
   * offsets. Resolves when nobody can be given any of it there any more, nor will be out of what the place has still to read of the log below these offsets. Rejects with the Fault of what
   * keeps it from that; aborted when the gateway stops.
   */
  erase(
    tags: readonly string[],
    fromUs: number,
    toUs: number,
    upTo: Readonly<Record<string, number>>,
    signal: AbortSignal,
  ): Promise<void>;
}

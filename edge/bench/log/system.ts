import type { Place } from '../scenario.ts';

/** How a log is loaded. */
export interface Load {
  /** Samples of a batch. */
  readonly batch: number;
  /** Samples a second of all producers together, or 0: as many as it takes. */
  readonly rate: number;
  readonly seconds: number;
}

/** What is done in the first moments says nothing about latencies and speed: it is code that was never run. */
export const WARM_UP_MS = 200;

/** What came of it. */
export interface LoadResult {
  /** Samples acknowledged. */
  readonly samples: number;
  /** From the start to the last acknowledgement. */
  readonly seconds: number;
  /** From handing a batch over to its acknowledgement, in the thread that produces it, ms. */
  readonly latenciesMs: Float64Array;
  /** CPU time of the threads that produce. */
  readonly producersCpuSeconds: number;
}

const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Lets the thread sleep as short as it can (0.08 ms): a load that spins until a batch is due would take a core from the log, which a device does not. */
export function nap(): void {
  Atomics.wait(nobody, 0, 0, 0.02);
}

/** A log that takes samples in and acknowledges batches: Millrace's, or a rival. */
export interface LogSystem {
  readonly name: string;
  /** What it has done when it acknowledges. */
  readonly promises: string;
  /** Loads a new, empty log in the folder. */
  readonly load: (load: Load, place: Place) => Promise<LoadResult>;
}

/** Gathers times without an object for each. */
export class Times {
  private values = new Float64Array(65_536);
  private count = 0;

  add(value: number): void {
    if (this.count === this.values.length) {
      const larger = new Float64Array(this.values.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.count++] = value;
  }

  all(): Float64Array {
    return this.values.slice(0, this.count);
  }
}

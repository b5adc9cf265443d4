import { Fault } from '../../edge/core/fault.ts';

/** How long a call may take and what ends it early. */
export interface Call {
  /** Of the whole call with its look-ups; beyond it `kafka-timeout` is thrown. */
  readonly timeoutMs: number;
  /** Aborted: the call ends at once and throws the signal's reason. What was sent may still have taken effect. */
  readonly signal: AbortSignal;
}

/** A call that has begun: the time that is left for its steps. */
export class Deadline {
  readonly signal: AbortSignal;
  private readonly what: string;
  private readonly endMs: number;

  constructor(call: Call, what: string) {
    this.signal = call.signal;
    this.what = what;
    this.endMs = performance.now() + call.timeoutMs;
  }

  /** ms left, at least 1. Throws once there are none, or when the signal was aborted. */
  leftMs(): number {
    this.signal.throwIfAborted();
    const left = Math.ceil(this.endMs - performance.now());
    if (left <= 0) throw new Fault('kafka-timeout', `Gave up: ${this.what}.`);
    return left;
  }

  /** What is left for one step, in the form that the step wants; never above `mostMs`. */
  step(mostMs = Number.POSITIVE_INFINITY): Call {
    return { signal: this.signal, timeoutMs: Math.min(this.leftMs(), mostMs) };
  }

  /** Waits for work that others wait for too: it goes on when this call gives up. */
  async wait<T>(shared: Promise<T>): Promise<T> {
    shared.catch(() => undefined); // it may fail later, when this call has long given up
    const fault = (): Fault => new Fault('kafka-timeout', `Gave up: ${this.what}.`);
    return ended(shared, this.signal, { afterMs: this.leftMs(), fault });
  }
}

/** `promise`, or the signal's reason, or the fault of the time limit: whichever comes first. */
export function ended<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  limit?: { afterMs: number; fault: () => Fault },
): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => undefined);
    return Promise.reject(reasonOf(signal));
  }
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(reasonOf(signal));
    const timer = limit === undefined ? undefined : setTimeout(() => reject(limit.fault()), limit.afterMs);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    });
  });
}

/** Why a signal was aborted, as an Error. */
export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}

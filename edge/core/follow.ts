import { setImmediate as nextTurn } from 'node:timers/promises';
import { ArrivalOrder, type ArrivalOrderOptions } from './arrival-order.ts';

/**
 * Follows topics up to their durable ends and on, until the signal is aborted; between topics in the order of arrival. Rejects with what `visit` throws, and with what keeps the
 * log from being read.
 */
export async function follow(options: ArrivalOrderOptions, signal: AbortSignal): Promise<void> {
  const { ends } = options;
  const records = new ArrivalOrder(options);
  const wake = (): void => ends.wake();
  signal.addEventListener('abort', wake);
  try {
    while (!signal.aborted) {
      const seen = ends.current();
      await (records.step() ? nextTurn() : ends.changed(seen, signal));
    }
  } finally {
    signal.removeEventListener('abort', wake);
    records.close();
  }
}

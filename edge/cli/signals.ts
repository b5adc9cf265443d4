import os from 'node:os';
import type { Logger } from 'pino';
import { Failure } from './failure.ts';

/** A gateway that was told to end is given this long. */
const CLOSE_LIMIT_MS = 10_000;
/** Ctrl-C on a terminal reaches a process twice: from the terminal, and from the launcher. */
const SAME_SIGNAL_MS = 1000;
/** Work that was told to end is given this long, unless told. */
const END_LIMIT_MS = 1000;

const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** A signal that is aborted by SIGTERM, SIGINT or SIGHUP. A second one, a second or more later, ends the process at once; so does a close that takes too long. */
export function endOnSignals(log: Logger): AbortSignal {
  const ending = new AbortController();
  let firstMs = 0;
  const end = (name: NodeJS.Signals): void => {
    if (!ending.signal.aborted) {
      firstMs = performance.now();
      log.info({ signal: name }, 'stopping');
      ending.abort();
      setTimeout(() => {
        log.error(`not closed within ${CLOSE_LIMIT_MS / 1000} s; ended`);
        process.exit(1);
      }, CLOSE_LIMIT_MS).unref();
    } else if (performance.now() - firstMs >= SAME_SIGNAL_MS) {
      log.warn({ signal: name }, 'ended by a second signal, before all was closed');
      process.exit(128 + os.constants.signals[name]);
    }
  };
  for (const name of ENDING) process.on(name, end);
  return ending.signal;
}

/**
 * Does work that Ctrl-C, SIGTERM and SIGHUP end. It is told by its signal; what it then throws is a `Failure` with the exit code that a shell expects, 128 and the number of the signal. Where it
 * has not ended after `limitMs`, or at a second signal a second or more later, the process ends.
 */
export async function untilEnded<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { limitMs = END_LIMIT_MS }: { readonly limitMs?: number } = {},
): Promise<T> {
  const ending = new AbortController();
  let firstMs = 0;
  const end = (name: NodeJS.Signals): void => {
    const exitCode = 128 + os.constants.signals[name];
    if (!ending.signal.aborted) {
      firstMs = performance.now();
      ending.abort(new Failure(exitCode));
      if (Number.isFinite(limitMs)) setTimeout(() => process.exit(exitCode), limitMs).unref();
    } else if (performance.now() - firstMs >= SAME_SIGNAL_MS) process.exit(exitCode);
  };
  for (const name of ENDING) process.on(name, end);
  try {
    const done = await work(ending.signal);
    ending.signal.throwIfAborted();
    return done;
  } catch (error) {
    throw ending.signal.aborted ? ending.signal.reason : error;
  } finally {
    for (const name of ENDING) process.off(name, end);
  }
}

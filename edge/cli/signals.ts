import os from 'node:os';
import type { Logger } from 'pino';

/** A gateway that was told to end is given this long. */
const CLOSE_LIMIT_MS = 10_000;
/** Ctrl-C on a terminal reaches a process twice: from the terminal, and from the launcher. */
const SAME_SIGNAL_MS = 1000;

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
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, end);
  return ending.signal;
}

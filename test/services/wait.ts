import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks again and again until the condition holds. An error that the condition throws counts as "not yet" and is the cause of the final one.
 * Rejects when it does not hold within the limit (ms). It is asked once more after the limit, so that a machine that stood still does not decide.
 */
export async function waitFor(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  let lastError: unknown;
  for (let late = false; !late;) {
    late = performance.now() >= end;
    try {
      if (await condition()) return;
      lastError = undefined;
    } catch (error) {
      if (error instanceof GiveUp) throw error;
      lastError = error;
    }
    if (!late) await pause(20);
  }
  throw new Error(`not within ${limitMs} ms: ${what}`, { cause: lastError });
}

/** Thrown by a condition that can no longer come true: ends the waiting at once. */
export class GiveUp extends Error {
  override readonly name = 'GiveUp';
}

/** Below the range from which the system gives ports to outgoing connections, so that a port stays free while its owner is being restarted. */
const lowestPort = 15_000;
const highestPort = 32_000;
const given = new Set<number>();

/** A loopback port that nobody listens on; never the same one twice from one process. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = lowestPort + Math.floor(Math.random() * (highestPort - lowestPort));
    if (given.has(port)) continue;
    const server = createServer();
    if (!(await listens(server, port))) continue;
    server.close();
    await once(server, 'close');
    given.add(port);
    return port;
  }
  throw new Error('no free port found in 200 attempts');
}

function listens(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
}

import { createServer } from 'node:net';

export const loopback = '127.0.0.1';

/** Below the range from which systems give ports to outgoing connections, so that a port stays free while its server is stopped. */
const lowestPort = 15_000;
const highestPort = 32_000;
const attempts = 200;

/** A port that nobody listens on now, for servers that cannot be told to take any. Throws when 200 attempts found none. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = lowestPort + Math.floor(Math.random() * (highestPort - lowestPort));
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port found in ${attempts} attempts`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(port, loopback, () => server.close(() => resolve(true)));
  });
}

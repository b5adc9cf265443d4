import { once } from 'node:events';
import net from 'node:net';

/** A system that takes MQTT in. */
export interface Target {
  readonly system: string;
  readonly port: number;
  /** Processes whose CPU time and memory count. */
  readonly pids: readonly number[];
  /** Resolves when this many messages since its start can be read back. */
  readonly queryable: (messages: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

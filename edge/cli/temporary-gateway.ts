import { pino } from 'pino';
import type { Config } from '../config/schema.ts';
import { assert } from '../core/fault.ts';
import { type GatewayClient, gatewayAt } from '../lock/gateway-client.ts';

/**
 * Gives the running gateway to `work`; without one, a gateway of this process that has no connectors, listens on its socket and a free port of loopback alone, and ends afterwards: so the data folder is
 * locked, links and retention work as ever, and there is one way into the log. Throws what keeps it from starting.
 */
export async function withGateway<T>(config: Config, work: (gateway: GatewayClient) => Promise<T>): Promise<T> {
  const running = await gatewayAt(config.data);
  if (running !== undefined) return await closing(running, work);
  const ending = new AbortController();
  const started = Promise.withResolvers<void>();
  const { runGateway } = await import('../gateway.ts');
  const life = runGateway({
    config: { ...config, connectors: [], http: { ...config.http, listen: { host: '127.0.0.1', port: 0 } } },
    configFile: null,
    signal: ending.signal,
    log: pino({ level: 'error' }, pino.destination({ dest: 2, sync: true })),
    onStarted: () => started.resolve(),
  });
  try {
    await Promise.race([started.promise, life]);
    const own = await gatewayAt(config.data);
    assert(own !== undefined, 'the gateway of this process listens');
    return await closing(own, work);
  } finally {
    ending.abort();
    await life;
  }
}

async function closing<T>(gateway: GatewayClient, work: (gateway: GatewayClient) => Promise<T>): Promise<T> {
  try {
    return await work(gateway);
  } finally {
    gateway.close();
  }
}

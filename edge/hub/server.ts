import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { checkHost } from '../api/host-check.ts';
import { type Address, formatAddress } from '../config/address.ts';
import { Fault, messageOf } from '../core/fault.ts';
import { version } from '../version.ts';
import type { Hub, HubState } from './hub.ts';

/** Connections at once: probes and a Prometheus. */
const MAX_CONNECTIONS = 64;

/** What can be asked of a hub over HTTP: `/healthz` (alive), `/readyz` (it follows its topics, or why not), `/metrics`. */
export class HubServer {
  private readonly hub: Hub;
  private readonly address: Address;
  private readonly registry: Registry;
  private server: Server | undefined;

  constructor(hub: Hub, address: Address) {
    this.hub = hub;
    this.address = address;
    this.registry = registryOf(() => hub.status());
  }

  /** Listens and returns where, with the real port where 0 was asked for. Throws `listen-failed`. */
  async listen(): Promise<Address> {
    const { host, port } = this.address;
    const server = createServer((request, response) => void this.answer(request, response));
    server.maxConnections = MAX_CONNECTIONS;
    this.server = server;
    try {
      server.listen(port, host);
      await once(server, 'listening');
    } catch (error) {
      throw new Fault('listen-failed', `${formatAddress(this.address)}: ${messageOf(error)}`, { cause: error });
    }
    const bound = server.address();
    return { host, port: typeof bound === 'object' && bound !== null ? bound.port : port };
  }

  /** Stops listening; requests under way are cut off. */
  async close(): Promise<void> {
    const { server } = this;
    if (server?.listening !== true) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body } = await this.answerTo(request);
    response.writeHead(status, {
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    response.end(body);
  }

  private async answerTo({ method, url, headers }: IncomingMessage): Promise<Answer> {
    try {
      checkHost(headers.host, headers.origin, this.address.host);
    } catch (error) {
      return json(403, { error: messageOf(error) });
    }
    if (method !== 'GET' && method !== 'HEAD') return json(405, { error: 'Only GET.' });
    switch (url?.split('?')[0] ?? '') {
      case '/healthz':
        return json(200, { status: 'ok', pid: process.pid, version, uptimeSeconds: process.uptime() });
      case '/readyz':
        return readiness(this.hub.status());
      case '/metrics':
        return { status: 200, type: this.registry.contentType, body: await this.registry.metrics() };
      default:
        return json(404, { error: 'There are /healthz, /readyz and /metrics.' });
    }
  }
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` };
}

function readiness({ problem, ...state }: HubState): Answer {
  const ready = state.state === 'following';
  return json(ready ? 200 : 503, {
    ready,
    ...state,
    detail: problem === null ? null : `${problem.message} ${problem.todo}`,
  });
}

const STATES: readonly HubState['state'][] = ['starting', 'following', 'waiting'];

function registryOf(state: () => HubState): Registry {
  const registry = new Registry();
  const counters = [
    ['rows', 'rows', 'Rows sent to QuestDB since the start, again ones too.'],
    [
      'foreign',
      'foreign',
      'Records since the start whose tag is not of the site whose topic they stand in: not stored.',
    ],
    ['malformed', 'malformed', 'Records since the start that are no samples: not stored.'],
    ['lost', 'lost', 'Records since the start that Kafka had deleted before they were taken: a gap in the table.'],
    ['refused', 'refused', 'Rows since the start that QuestDB could not take.'],
    ['erased', 'erased', 'Records since the start that were erased before they came: not stored.'],
    ['erasures', 'erasures', 'Erasures of the sites that were carried out since the start.'],
    [
      'erasures_refused',
      'erasuresRefused',
      'Erasures since the start that no gateway of their site writes, or too many: not carried out.',
    ],
    ['erased_rows', 'erasedRows', 'Rows since the start whose contents were removed.'],
  ] as const;
  for (const [name, field, help] of counters)
    registry.registerMetric(
      new Counter({
        name: `millrace_hub_${name}_total`,
        help,
        registers: [],
        collect() {
          this.reset();
          this.inc(state()[field]);
        },
      }),
    );
  const gauges = [
    ['partitions', 'partitions', 'Partitions that are this member’s.'],
    ['lag_records', 'lagRecords', 'Records of its partitions that are not known to be in the table.'],
    ['erasures_open', 'erasuresOpen', 'Erasures of the sites that were read and are not carried out yet.'],
  ] as const;
  for (const [name, field, help] of gauges)
    registry.registerMetric(
      new Gauge({
        name: `millrace_hub_${name}`,
        help,
        registers: [],
        collect() {
          this.set(state()[field]);
        },
      }),
    );
  registry.registerMetric(
    new Gauge({
      name: 'millrace_hub_state',
      help: '1 for the state that the hub is in.',
      labelNames: ['state'],
      registers: [],
      collect() {
        const now = state().state;
        for (const each of STATES) this.set({ state: each }, each === now ? 1 : 0);
      },
    }),
  );
  collectDefaultMetrics({ register: registry });
  return registry;
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Batch, Connector } from '../../connectors/contract.ts';
import { messageOf } from '../core/fault.ts';
import type { Intake } from './intake.ts';

/** State of a connector as `status` shows it. */
export interface ConnectorState {
  readonly state: 'starting' | 'up' | 'down' | 'stopped';
  /** Why it is down. */
  readonly detail: string;
}

/** What a host works with. */
export interface HostOptions {
  readonly name: string;
  readonly kind: string;
  readonly create: () => Connector;
  readonly intake: Intake;
  readonly onState: (state: ConnectorState) => void;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;
const HEARTBEAT_MS = 10_000;

/** The life of one connector: opened, read, and opened again with growing pauses when it fails. The one owner of retries. */
export class ConnectorHost {
  private readonly options: HostOptions;
  private state: ConnectorState = { state: 'starting', detail: '' };

  constructor(options: HostOptions) {
    this.options = options;
  }

  /** Runs until the signal ends it; what was read is then durable and acknowledged before the connector is closed. */
  async run(signal: AbortSignal): Promise<void> {
    const heartbeat = setInterval(() => this.heartbeat(), HEARTBEAT_MS);
    let pauseMs = FIRST_RETRY_MS;
    try {
      while (!signal.aborted) {
        const startMs = performance.now();
        const problem = await this.live(signal);
        if (signal.aborted) break;
        this.enter({ state: 'down', detail: messageOf(problem) });
        if (performance.now() - startMs > LAST_RETRY_MS) pauseMs = FIRST_RETRY_MS;
        // Half of the pause is random, so that many connectors do not knock at once.
        await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, LAST_RETRY_MS);
      }
    } finally {
      clearInterval(heartbeat);
      this.enter({ state: 'stopped', detail: '' });
    }
  }

  /** One connection, from open to close. Returns why it ended. */
  private async live(signal: AbortSignal): Promise<unknown> {
    const connector = this.options.create();
    const { intake } = this.options;
    try {
      await connector.open(signal);
      this.enter({ state: 'up', detail: '' });
      while (!signal.aborted) {
        const batch = await readUntil(connector, signal);
        if (batch !== undefined) await intake.process(batch);
      }
      await intake.drained();
      return undefined;
    } catch (error) {
      return error;
    } finally {
      await connector.close();
    }
  }

  private enter(state: ConnectorState): void {
    this.state = state;
    this.options.onState(state);
    this.heartbeat();
  }

  private heartbeat(): void {
    const { kind, intake } = this.options;
    const { state, detail } = this.state;
    intake.event('heartbeat', detail === '' ? { kind, state } : { kind, state, detail });
  }
}

/** The next batch, or undefined when the signal comes first: what was read before can then still be acknowledged. */
function readUntil(connector: Connector, signal: AbortSignal): Promise<Batch | undefined> {
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve(undefined);
    signal.addEventListener('abort', stop, { once: true });
    connector
      .read()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}

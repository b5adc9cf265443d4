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
  /** Left out: the time of this machine. */
  readonly time?: HostTime;
}

/** Time and chance, injected. */
export interface HostTime {
  /** Never goes back, ms. */
  monotonicMs(): number;
  /** Resolves after so long, or when the signal comes. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls the task every so often, until the function that is returned is called. */
  every(ms: number, task: () => void): () => void;
  /** 0 to 1. */
  random(): number;
}

const realTime: HostTime = {
  monotonicMs: () => performance.now(),
  pause: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
  every(ms, task) {
    const timer = setInterval(task, ms);
    return () => clearInterval(timer);
  },
  random: () => Math.random(),
};

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;
const HEARTBEAT_MS = 10_000;

/** The life of one connector: opened, read, and opened again with growing pauses when it fails. The one owner of retries. */
export class ConnectorHost {
  private readonly options: HostOptions;
  private readonly time: HostTime;
  private state: ConnectorState = { state: 'starting', detail: '' };

  constructor(options: HostOptions) {
    this.options = options;
    this.time = options.time ?? realTime;
  }

  /** Runs until the signal ends it; what was read is then durable and acknowledged before the connector is closed. */
  async run(signal: AbortSignal): Promise<void> {
    const { time } = this;
    const stopHeartbeats = time.every(HEARTBEAT_MS, () => this.heartbeat());
    let pauseMs = FIRST_RETRY_MS;
    let problem: unknown;
    while (!signal.aborted) {
      const startMs = time.monotonicMs();
      problem = await this.live(signal);
      if (signal.aborted) break;
      this.enter({ state: 'down', detail: messageOf(problem) });
      if (time.monotonicMs() - startMs > LAST_RETRY_MS) pauseMs = FIRST_RETRY_MS;
      // Half of the pause is random, so that many connectors do not knock at once.
      await time.pause(pauseMs * (0.5 + time.random() / 2), signal);
      pauseMs = Math.min(pauseMs * 2, LAST_RETRY_MS);
      problem = undefined;
    }
    stopHeartbeats();
    this.enter({ state: 'stopped', detail: problem === undefined ? '' : messageOf(problem) });
  }

  /** One connection, from open to close. Returns why it ended, undefined if it was told to and all went well. */
  private async live(signal: AbortSignal): Promise<unknown> {
    const { intake } = this.options;
    const connector = this.options.create();
    const problems: unknown[] = [];
    try {
      await connector.open(signal);
      this.enter({ state: 'up', detail: '' });
      while (!signal.aborted) {
        const batch = await readUntil(connector, signal);
        if (batch !== undefined) await intake.process(batch);
      }
      await intake.drained();
    } catch (error) {
      // The signal also ends an `open` that is under way.
      if (!signal.aborted || !isAbort(error)) problems.push(error);
    }
    try {
      await connector.close();
    } catch (error) {
      problems.push(error);
    }
    if (!signal.aborted) intake.connectionLost();
    return problems[0];
  }

  private enter(state: ConnectorState): void {
    this.state = state;
    this.options.onState(state);
    this.heartbeat();
  }

  private heartbeat(): void {
    const { kind, intake } = this.options;
    const { state, detail } = this.state;
    intake.heartbeat(detail === '' ? { kind, state } : { kind, state, detail });
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

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

import { assert, Fault } from '../../edge/core/fault.ts';
import type { Batch, Connector } from '../contract.ts';
import { abortError } from '../inbox.ts';
import type { LeftOut } from './browse.ts';
import type { OpcuaConfig } from './config.ts';
import { connect, type Connection, lineOf, type Session } from './connect.ts';
import { readNotificationsExactly } from './exact-notification.ts';
import { listItems, monitor, type Refusal } from './items.ts';
import { OPCUA_LIMITS, type OpcuaLimits } from './limits.ts';
import { Publishing } from './publishing.ts';
import { silenceLibrary } from './quiet.ts';
import { toRefusedMessage } from './reading.ts';
import { askWhetherAlive, readServerFacts } from './server-facts.ts';

/** The parts of an open client. */
interface Open {
  readonly connection: Connection;
  readonly publishing: Publishing;
  /** Ends the asking whether the server is there, and the listening on the signal. */
  readonly forget: () => void;
}

/** An OPC UA client: connects, subscribes, reads. A lost connection rejects `read`; the host opens anew, and subscriptions are made anew with it. */
export class OpcuaClient implements Connector {
  private readonly config: OpcuaConfig;
  private readonly limits: OpcuaLimits;
  private parts: Open | undefined;

  constructor(config: OpcuaConfig, limits: OpcuaLimits = OPCUA_LIMITS) {
    this.config = config;
    this.limits = limits;
  }

  /** Bytes of notifications that the host has not acknowledged; at most `heldBytes`, and the answers to questions that were under way when it was reached. */
  get heldBytes(): number {
    return this.parts?.publishing.heldBytes ?? 0;
  }

  /**
   * Throws `opcua-unreachable`, `opcua-endpoint-missing`, `opcua-certificate-untrusted`, `opcua-certificate-invalid`, `opcua-refused`, `opcua-password-unprotected`,
   * `opcua-lost`, `secret-missing`. When the signal aborts nothing is read any more; what was read can be acknowledged until `close`.
   */
  async open(signal: AbortSignal): Promise<void> {
    assert(this.parts === undefined, 'opened once');
    if (signal.aborted) throw abortError('aborted before it was opened');
    silenceLibrary();
    readNotificationsExactly();
    const connection = await connect(this.config, this.limits, signal);
    // Requests that wait end with the connection.
    const giveUp = (): void => void connection.close();
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      const publishing = await this.prepare(connection);
      if (signal.aborted) throw abortError('aborted while it was opened');
      this.parts = { connection, publishing, forget: this.watch(connection, publishing, signal) };
      publishing.start();
    } catch (error) {
      await connection.close();
      if (signal.aborted) throw abortError('aborted while it was opened');
      if (error instanceof Fault) throw error;
      throw new Fault('opcua-lost', `${connection.endpoint}: ${lineOf(error)}.`, { cause: error });
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  read(): Promise<Batch> {
    if (this.parts === undefined) return Promise.reject(abortError('not open'));
    return this.parts.publishing.inbox.read();
  }

  async close(): Promise<void> {
    const { parts } = this;
    if (parts === undefined) return;
    this.parts = undefined;
    parts.forget();
    parts.publishing.finish(abortError('closed'));
    parts.publishing.inbox.close(abortError('closed'));
    await parts.connection.close();
  }

  /** Finds the nodes and subscribes to them. */
  private async prepare({ session, endpoint }: Connection): Promise<Publishing> {
    const { config, limits } = this;
    const facts = await readServerFacts(session);
    const { items, leftOut } = await listItems(session, config, facts, limits);
    const { subscriptions, refusals } = await monitor(session, items, config, facts, limits);
    const publishing = new Publishing({ session, source: endpoint, items, subscriptions, limits });
    publishing.tell({ type: 'event', event: 'connected', source: endpoint });
    report(publishing, endpoint, refusals, leftOut);
    return publishing;
  }

  private watch({ session, lost, endpoint }: Connection, publishing: Publishing, signal: AbortSignal): () => void {
    void lost.then((fault) => publishing.finish(fault));
    const stop = (): void => publishing.inbox.end(abortError('aborted'));
    signal.addEventListener('abort', stop, { once: true });
    const timer = setInterval(() => void this.checkAlive(session, endpoint, publishing), this.limits.keepAliveMs);
    return () => {
      clearInterval(timer);
      signal.removeEventListener('abort', stop);
    };
  }

  /** A connection whose other end has gone without a word is found so; and the session lives on while nothing is asked. */
  private async checkAlive(session: Session, endpoint: string, publishing: Publishing): Promise<void> {
    try {
      await askWhetherAlive(session);
    } catch (error) {
      publishing.finish(new Fault('opcua-lost', `${endpoint}: ${lineOf(error)}.`, { cause: error }));
    }
  }
}

/** Once per open: what will not be read, each with its reason; a refused node's tag gets a null sample with the reason as its quality. */
function report(
  publishing: Publishing,
  source: string,
  refusals: readonly Refusal[],
  leftOut: readonly LeftOut[],
): void {
  for (const refusal of refusals) {
    const { item, reason } = refusal;
    publishing.tell({ type: 'event', event: 'problem', source, address: item.address, reason });
    publishing.tell(toRefusedMessage(source, refusal));
  }
  for (const { address, reason } of leftOut) {
    publishing.tell({ type: 'event', event: 'problem', source, address, reason });
  }
}

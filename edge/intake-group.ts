import type { Logger } from 'pino';
import type { ConnectorConfig } from '../connectors/registry.ts';
import { messageOf } from './core/fault.ts';
import type { Log } from './core/log.ts';
import { IntakeClient, type IntakeClientOptions } from './intake/client.ts';
import type { ConnectorState } from './intake/host.ts';
import type { IntakeReport } from './intake/messages.ts';
import type { LedgerBook } from './ledger/book.ts';
import type { GatewayMetrics } from './metrics.ts';
import { Supervisor } from './supervise.ts';
import type { TagRegistrar } from './tags/registrar.ts';

/** What the intake workers are started with. */
export interface IntakeGroupOptions {
  readonly site: string;
  readonly connectors: readonly ConnectorConfig[];
  readonly aheadMs: number;
  readonly log: Log;
  readonly registrar: TagRegistrar;
  readonly book: LedgerBook;
  readonly logger: Logger;
  readonly metrics: () => GatewayMetrics;
}

/** All connectors: a worker for each kind, each under a supervisor. */
export class IntakeGroup {
  private readonly options: IntakeGroupOptions;
  private readonly clients: IntakeClient[] = [];
  private readonly supervisors: Supervisor[] = [];
  private readonly states = new Map<string, ConnectorState>();
  private readonly whenSettled = Promise.withResolvers<void>();
  private readonly sourceCounts = new Map<string, number>();

  constructor(options: IntakeGroupOptions) {
    this.options = options;
  }

  start(): void {
    for (const [name, connectors] of this.byWorker) this.supervise(name, connectors);
  }

  /** Names of the workers. */
  get workers(): string[] {
    return [...this.byWorker.keys()];
  }

  private get byWorker(): Map<string, ConnectorConfig[]> {
    return Map.groupBy(this.options.connectors, ({ kind }) => `intake/${kind}`);
  }

  private supervise(name: string, connectors: readonly ConnectorConfig[]): void {
    const { site, aheadMs, log, registrar, logger, metrics } = this.options;
    const client = new IntakeClient({
      site,
      connectors,
      aheadMs,
      log,
      registrar,
      onReport: (report) => this.report(report),
      onNotice: (notice) => this.note(name, notice),
    });
    this.clients.push(client);
    const onRestart = (error: unknown, pauseMs: number): void => {
      for (const connector of connectors) {
        this.states.set(connector.name, { state: 'down', detail: messageOf(error) });
        this.sourceCounts.set(connector.name, 0);
      }
      this.checkSettled();
      metrics().workerRestarts.inc({ worker: name });
      logger.error({ worker: name, pauseMs }, messageOf(error));
    };
    this.supervisors.push(new Supervisor({ name, part: client, onRestart }).start());
  }

  private report(report: IntakeReport): void {
    const { book, metrics } = this.options;
    book.apply(report.changes, report.ranges);
    for (const [connector, sources] of Object.entries(report.sources)) this.sourceCounts.set(connector, sources);
    const { quarantined, appendSeconds, clockOffset } = metrics();
    for (const [device, seconds] of Object.entries(report.clockOffsets)) clockOffset.set({ device }, seconds);
    for (const [reason, count] of Object.entries(report.quarantined)) quarantined.inc({ reason }, count);
    for (const seconds of report.appendSeconds) appendSeconds.observe(seconds);
  }

  private note(worker: string, notice: Parameters<IntakeClientOptions['onNotice']>[0]): void {
    const { logger } = this.options;
    if (notice.type === 'state') {
      const { connector, state } = notice;
      this.states.set(connector, state);
      this.checkSettled();
      if (state.state === 'down') logger.warn({ connector }, `down: ${state.detail}`);
      else logger.info({ connector }, state.state);
    } else if (notice.type === 'problem') logger.warn({ connector: notice.connector }, notice.reason);
    else if (notice.type === 'failed') logger.fatal({ worker }, notice.fault.detail);
    else if (notice.type === 'ready')
      logger.info({ worker, rememberedSamples: notice.rememberedSamples, tookMs: notice.tookMs }, 'ready');
  }

  /** Resolves when each connector is up or has failed once, at the latest after `limitMs`. */
  async settled(limitMs: number): Promise<void> {
    const limit = setTimeout(() => this.whenSettled.resolve(), limitMs);
    this.checkSettled();
    await this.whenSettled.promise;
    clearTimeout(limit);
  }

  private checkSettled(): void {
    if (this.options.connectors.every(({ name }) => this.state(name).state !== 'starting')) this.whenSettled.resolve();
  }

  /** State of a connector. */
  state(connector: string): ConnectorState {
    return this.states.get(connector) ?? { state: 'starting', detail: '' };
  }

  /** Sources that are connected to a connector now. */
  sources(connector: string): number {
    return this.sourceCounts.get(connector) ?? 0;
  }

  /** Has every worker report what it has counted. */
  async flush(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.flush()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.supervisors.map((supervisor) => supervisor.stop()));
  }
}

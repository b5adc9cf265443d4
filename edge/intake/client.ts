import { MessageChannel, Worker } from 'node:worker_threads';
import type { ConnectorConfig } from '../../connectors/registry.ts';
import { Fault } from '../core/fault.ts';
import type { Log } from '../core/log.ts';
import type { TagRegistrar } from '../tags/registrar.ts';
import type { IntakeCommand, IntakeNotice, IntakeReport, IntakeWorkerData } from './messages.ts';

/** What an intake worker is started with. */
export interface IntakeClientOptions {
  readonly site: string;
  readonly connectors: readonly ConnectorConfig[];
  readonly aheadMs: number;
  readonly log: Log;
  readonly registrar: TagRegistrar;
  readonly onReport: (report: IntakeReport) => void;
  readonly onNotice: (notice: Exclude<IntakeNotice, IntakeReport | { readonly type: 'flushed' }>) => void;
}

/** Connectors get so long to acknowledge what they have read. */
const STOP_LIMIT_MS = 8000;

/** The main thread's handle of one intake worker: connectors of one kind. */
export class IntakeClient {
  private readonly options: IntakeClientOptions;
  private worker: Worker | undefined;
  private stopping = false;
  private readonly flushed: (() => void)[] = [];

  constructor(options: IntakeClientOptions) {
    this.options = options;
  }

  /** Starts the worker. Settles when it ends: rejects with `worker-failed` if it was not told to. */
  run(): Promise<void> {
    const { log, registrar, site, connectors, aheadMs } = this.options;
    const producer = log.producerPort();
    const tags = new MessageChannel();
    registrar.serve(tags.port1);
    const data: IntakeWorkerData = {
      site,
      connectors,
      aheadMs,
      logFolder: log.folder,
      ends: log.ends.shared,
      producer,
      tags: tags.port2,
    };
    const name = `intake ${connectors[0]?.kind ?? ''}`;
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: data,
      transferList: [producer, tags.port2],
      name,
    });
    this.worker = worker;
    return new Promise((resolve, reject) => {
      let cause: Error | undefined;
      worker.on('message', (notice: IntakeNotice) => this.note(notice));
      worker.on('error', (error: Error) => {
        cause = error;
      });
      worker.on('exit', (code) => {
        this.worker = undefined;
        tags.port1.close();
        this.wake();
        if (this.stopping && cause === undefined) resolve();
        else reject(new Fault('worker-failed', `${name}: ${cause?.stack ?? `exit code ${code}`}`, { cause }));
      });
    });
  }

  private note(notice: IntakeNotice): void {
    if (notice.type === 'report') this.options.onReport(notice);
    else if (notice.type === 'flushed') this.flushed.shift()?.();
    else this.options.onNotice(notice);
  }

  /** Asks for a report now; resolves when it was given to `onReport`, or when the worker has ended. */
  flush(): Promise<void> {
    if (this.worker === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.flushed.push(resolve);
      this.post({ type: 'flush' });
    });
  }

  private wake(): void {
    for (const resolve of this.flushed.splice(0)) resolve();
  }

  /** Stops reading, acknowledges what is durable, closes the connectors, ends the worker. */
  async stop(): Promise<void> {
    const { worker } = this;
    this.stopping = true;
    if (worker === undefined) return;
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    this.post({ type: 'stop' });
    const limit = setTimeout(() => void worker.terminate(), STOP_LIMIT_MS);
    await exited;
    clearTimeout(limit);
  }

  private post(command: IntakeCommand): void {
    this.worker?.postMessage(command);
  }
}

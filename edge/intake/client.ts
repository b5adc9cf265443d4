import { MessageChannel } from 'node:worker_threads';
import type { ConnectorConfig } from '../../connectors/registry.ts';
import type { Log } from '../core/log.ts';
import { Thread } from '../core/thread.ts';
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
  private readonly thread: Thread<IntakeCommand, IntakeNotice>;
  private readonly flushed: (() => void)[] = [];

  constructor(options: IntakeClientOptions) {
    this.options = options;
    this.thread = new Thread({
      name: `intake ${options.connectors[0]?.kind ?? ''}`,
      script: new URL('./worker.ts', import.meta.url),
      onNotice: (notice) => this.note(notice),
    });
  }

  /** Starts the worker. Settles when it ends: rejects with `worker-failed` if it was not told to. */
  async run(): Promise<void> {
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
    try {
      await this.thread.run(data, [producer.life, tags.port2]);
    } finally {
      tags.port1.close();
      for (const resolve of this.flushed.splice(0)) resolve();
    }
  }

  private note(notice: IntakeNotice): void {
    if (notice.type === 'report') this.options.onReport(notice);
    else if (notice.type === 'flushed') this.flushed.shift()?.();
    else this.options.onNotice(notice);
  }

  /** Asks for a report now; resolves when it was given to `onReport`, or when the worker has ended. */
  flush(): Promise<void> {
    if (!this.thread.running) return Promise.resolve();
    return new Promise((resolve) => {
      this.flushed.push(resolve);
      this.thread.post({ type: 'flush' });
    });
  }

  /** Stops reading, acknowledges what is durable, closes the connectors, ends the worker. */
  stop(): Promise<void> {
    return this.thread.stop({ type: 'stop' }, STOP_LIMIT_MS);
  }
}

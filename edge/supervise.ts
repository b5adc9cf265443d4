import { setTimeout as delay } from 'node:timers/promises';

/** A part that runs until it is stopped: `run` settles when it ends, rejecting if nobody asked it to. */
export interface Part {
  run(): Promise<void>;
  stop(): Promise<void>;
}

/** What the supervisor tells. */
export interface SupervisorOptions {
  readonly name: string;
  readonly part: Part;
  /** The part ended unexpectedly and is started again after the pause. */
  readonly onRestart: (error: unknown, pauseMs: number) => void;
  readonly firstPauseMs?: number;
}

const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 30_000;

/** Keeps one part running: starts it again with growing pauses when it ends unexpectedly. */
export class Supervisor {
  private readonly options: SupervisorOptions;
  private readonly stopping = new AbortController();
  private loop: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.options = options;
  }

  get name(): string {
    return this.options.name;
  }

  start(): this {
    this.loop = this.supervise();
    return this;
  }

  private async supervise(): Promise<void> {
    const { part, onRestart, firstPauseMs = FIRST_PAUSE_MS } = this.options;
    const { signal } = this.stopping;
    let pauseMs = firstPauseMs;
    while (!signal.aborted) {
      const startMs = performance.now();
      try {
        await part.run();
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (performance.now() - startMs > LAST_PAUSE_MS) pauseMs = firstPauseMs;
        onRestart(error, pauseMs);
        await delay(pauseMs, undefined, { signal }).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS);
      }
    }
  }

  /** Stops the part and the watch over it. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.options.part.stop();
    await this.loop;
  }
}

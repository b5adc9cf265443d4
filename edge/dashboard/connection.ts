import type { Items, Sample } from './api-types.ts';
import { pauseBefore } from './back-off.ts';

/** State of the connection to the gateway. */
export type ConnectionState =
  | { readonly name: 'connecting' }
  | { readonly name: 'live' }
  /** `retryAtMs`: when it is tried again. */
  | { readonly name: 'lost'; readonly retryAtMs: number }
  /** The page is hidden: nothing is asked for. */
  | { readonly name: 'resting' };

export interface ConnectionHooks {
  readonly onState: (state: ConnectionState) => void;
  readonly onSamples: (samples: readonly Sample[]) => void;
}

/** The gateway says something at least every 15 s. */
const SILENCE_MS = 40_000;
/** A hidden page gives its stream back: browsers allow only six of one address. */
const REST_AFTER_MS = 60_000;

/** The live stream of all tags. Connects again by itself, with growing pauses. */
export class Connection {
  private readonly hooks: ConnectionHooks;
  private source: EventSource | undefined;
  private attempts = 0;
  private retry: number | undefined;
  private silence: number | undefined;
  private rest: number | undefined;

  constructor(hooks: ConnectionHooks) {
    this.hooks = hooks;
  }

  start(): void {
    document.addEventListener('visibilitychange', () => this.visibilityChanged());
    window.addEventListener('online', () => this.tryNow());
    this.connect();
  }

  /** Tries at once instead of when the pause is over. */
  tryNow(): void {
    if (this.source !== undefined) return;
    this.attempts = 0;
    this.connect();
  }

  private connect(): void {
    this.close();
    this.hooks.onState({ name: 'connecting' });
    const source = new EventSource('/api/v1/live?tag=**');
    this.source = source;
    this.expectSomething();
    source.addEventListener('open', () => {
      this.attempts = 0;
      this.expectSomething();
      this.hooks.onState({ name: 'live' });
    });
    source.addEventListener('ping', () => this.expectSomething());
    source.addEventListener('sample', ({ data }: MessageEvent<string>) => {
      this.expectSomething();
      this.hooks.onSamples((JSON.parse(data) as Items<Sample>).items);
    });
    source.addEventListener('error', () => this.lost());
  }

  private expectSomething(): void {
    window.clearTimeout(this.silence);
    this.silence = window.setTimeout(() => this.lost(), SILENCE_MS);
  }

  private lost(): void {
    this.close();
    const pauseMs = pauseBefore(this.attempts++);
    this.hooks.onState({ name: 'lost', retryAtMs: Date.now() + pauseMs });
    this.retry = window.setTimeout(() => this.connect(), pauseMs);
  }

  private visibilityChanged(): void {
    window.clearTimeout(this.rest);
    if (!document.hidden) {
      if (this.source === undefined) this.tryNow();
      return;
    }
    this.rest = window.setTimeout(() => {
      this.close();
      this.hooks.onState({ name: 'resting' });
    }, REST_AFTER_MS);
  }

  private close(): void {
    this.source?.close();
    this.source = undefined;
    window.clearTimeout(this.retry);
    window.clearTimeout(this.silence);
  }
}

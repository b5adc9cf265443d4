import { assert } from '../edge/core/fault.ts';
import type { Batch, Reading } from './contract.ts';

/** What an inbox does with what arrives. */
export interface InboxOptions<T> {
  /** Makes the reading when it is asked for, not when it arrives. */
  readonly toReading: (item: T) => Reading;
  readonly bytesOf: (item: T) => number;
  /** Told once for each item of a batch that the host acknowledged, in order. */
  readonly onAcknowledged: (item: T) => void;
  /** Told if one of the functions above throws: the inbox is then of no use any more, and `read` rejects. */
  readonly onFailed: (error: unknown) => void;
}

/** While earlier batches wait for their acknowledgement a batch is filled until one of these is reached: a commit then has more to carry. */
const COLLECT_MS = 5;
const COLLECT_BYTES = 64 * 1024;
const COLLECT_ITEMS = 1_000;
/** A batch is not larger than this; a single item may be. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const MAX_BATCH_ITEMS = 10_000;

interface Reader {
  readonly resolve: (batch: Batch) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What arrives by itself, made into batches. When nothing waits for an acknowledgement, a batch is what came in one turn of the event loop. Does not bound what it holds:
 * who fills it stops its sources in time.
 */
export class Inbox<T> {
  private readonly options: InboxOptions<T>;
  private items: T[] = [];
  private bytes = 0;
  private firstMs = 0;
  private unacknowledged = 0;
  private reader: Reader | undefined;
  private timer: NodeJS.Timeout | undefined;
  private immediate: NodeJS.Immediate | undefined;
  private ended: { readonly error: unknown } | undefined;
  private closed = false;

  constructor(options: InboxOptions<T>) {
    this.options = options;
  }

  /** Something arrived. Once the inbox has ended it is dropped: nobody was told that it is safe. */
  add(item: T): void {
    if (this.ended !== undefined) return;
    if (this.items.length === 0) this.firstMs = performance.now();
    this.items.push(item);
    this.bytes += this.options.bytesOf(item);
    this.schedule();
  }

  /** The next batch, as `Connector.read`. One at a time. */
  read(): Promise<Batch> {
    assert(this.reader === undefined, 'one read at a time');
    return new Promise((resolve, reject) => {
      if (this.ended !== undefined) return reject(this.ended.error);
      this.reader = { resolve, reject };
      this.schedule();
    });
  }

  /** Nothing more is read: what was not is dropped, `read` rejects. Batches that were read can still be acknowledged. */
  end(error: unknown): void {
    if (this.ended !== undefined) return;
    this.ended = { error };
    this.cancel();
    this.items = [];
    this.bytes = 0;
    const { reader } = this;
    this.reader = undefined;
    reader?.reject(error);
  }

  /** As `end`, and nothing is acknowledged any more. */
  close(error: unknown): void {
    this.closed = true;
    this.end(error);
  }

  private schedule(): void {
    if (this.reader === undefined || this.items.length === 0 || this.immediate !== undefined) return;
    const enough = this.items.length >= COLLECT_ITEMS || this.bytes >= COLLECT_BYTES;
    const waitMs = this.unacknowledged === 0 || enough ? 0 : COLLECT_MS - (performance.now() - this.firstMs);
    if (waitMs <= 0) this.immediate = setImmediate(() => this.deliver());
    else this.timer ??= setTimeout(() => this.deliver(), waitMs);
  }

  private cancel(): void {
    clearTimeout(this.timer);
    clearImmediate(this.immediate);
    this.timer = undefined;
    this.immediate = undefined;
  }

  private deliver(): void {
    this.cancel();
    const { reader } = this;
    if (reader === undefined || this.items.length === 0) return;
    const taken = this.take();
    let readings: Reading[];
    try {
      readings = taken.map(this.options.toReading);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.reader = undefined;
    this.unacknowledged++;
    reader.resolve({ readings, acknowledge: () => this.acknowledge(taken) });
  }

  private take(): T[] {
    let bytes = 0;
    let count = 0;
    for (const item of this.items) {
      bytes += this.options.bytesOf(item);
      if (count === MAX_BATCH_ITEMS || (count > 0 && bytes > MAX_BATCH_BYTES)) break;
      this.bytes -= this.options.bytesOf(item);
      count++;
    }
    if (count === this.items.length) {
      const all = this.items;
      this.items = [];
      return all;
    }
    return this.items.splice(0, count);
  }

  /** Empties the list: a second call tells nobody a second time. */
  private acknowledge(taken: T[]): void {
    const items = taken.splice(0);
    if (this.closed || items.length === 0) return;
    this.unacknowledged--;
    try {
      for (const item of items) this.options.onAcknowledged(item);
    } catch (error) {
      this.fail(error);
    }
    if (this.unacknowledged === 0) this.schedule();
  }

  private fail(error: unknown): void {
    this.end(error);
    this.options.onFailed(error);
  }
}

/** What a waiting `read` is rejected with when its connector is closed or its signal aborts. */
export function abortError(message: string): Error {
  const error = new Error(message);
  error.name = 'AbortError';
  return error;
}

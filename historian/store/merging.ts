import type { Clock } from '../../edge/core/clock.ts';
import { Fault, messageOf } from '../../edge/core/fault.ts';
import type { Rewrite } from './upkeep.ts';
import type { StoredFile } from '../files/file.ts';
import type { FileSet } from './file-set.ts';
import { mergeFiles } from './merge.ts';
import { Pace } from './pace.ts';
import type { DamagedBlock } from '../reading/scan.ts';

/** A block that a rewrite has left out because it cannot be read. */
export interface LeftOut {
  readonly series: number;
  readonly damage: DamagedBlock;
}

/** What rewriting needs of the store. */
export interface MergeHost {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly set: Pick<FileSet, 'series' | 'topics' | 'leaveOut' | 'write'>;
  /** The next rewrite; undefined: there is nothing to do. */
  next(): Rewrite | undefined;
  /** Merging is so far behind that it is not to rest. */
  isBehind(): boolean;
  /** Names the new file instead of the inputs. Where that fails the manifest on the disk may name it all the same. */
  replace(inputs: readonly StoredFile[], written: StoredFile, leftOut: readonly LeftOut[]): void;
  /** A rewrite failed; it is tried again after the next flush. */
  failed(fault: Fault): void;
}

/** Rewrites files in the background, between other work of the thread: small ones into one, and those of which something is to go. */
export class Merging {
  private readonly host: MergeHost;
  private readonly ending = new AbortController();
  private underWay: Promise<void> | undefined;
  private waiting = 0;

  constructor(host: MergeHost) {
    this.host = host;
  }

  /** Begins if there is something to be rewritten and nothing is under way. */
  start(): void {
    if (this.underWay !== undefined || this.ending.signal.aborted || this.host.next() === undefined) return;
    this.underWay = this.run();
  }

  /** Whether something is under way. */
  get active(): boolean {
    return this.underWay !== undefined;
  }

  /** Resolves when nothing is under way. While somebody waits it does not rest. */
  async settled(): Promise<void> {
    this.waiting++;
    try {
      await this.underWay;
    } finally {
      this.waiting--;
    }
  }

  /** Does something during which no file may be rewritten. The signal is aborted when it is to end. */
  async exclusively<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    while (this.underWay !== undefined) await this.settled();
    this.ending.signal.throwIfAborted();
    const working = work(this.ending.signal);
    const ended = working.then(
      () => undefined,
      () => undefined,
    );
    this.underWay = ended;
    try {
      return await working;
    } finally {
      this.underWay = undefined;
      this.start();
    }
  }

  /** Gives up what is under way; nothing will be begun. */
  async stop(): Promise<void> {
    this.ending.abort();
    await this.underWay;
  }

  private async run(): Promise<void> {
    let failure: Fault | undefined;
    while (failure === undefined && !this.ending.signal.aborted) {
      const next = this.host.next();
      if (next === undefined) break;
      failure = await this.rewrite(next);
    }
    // Who begins to wait from here on begins anew; who waits now is told.
    this.underWay = undefined;
    if (failure !== undefined && !this.ending.signal.aborted) this.host.failed(failure);
  }

  /** Why it is of no use to try another one now. */
  private async rewrite(rewrite: Rewrite): Promise<Fault | undefined> {
    const { host, ending } = this;
    const { set } = host;
    const { inputs, why } = rewrite;
    for (const input of inputs) input.retain();
    try {
      const pace = new Pace(host.clock, () => this.waiting > 0 || host.isBehind());
      const leftOut: LeftOut[] = [];
      const written = await set.write((writer) =>
        mergeFiles({
          ...set.leaveOut(),
          inputs,
          writer,
          series: set.series,
          topics: set.topics.names,
          // What is to be erased goes, whatever else of the file cannot be read.
          onDamage: why === 'erase' ? (series, damage) => leftOut.push({ series, damage }) : undefined,
          breathe: () => pace.breathe(ending.signal),
        }),
      );
      host.replace(inputs, written, leftOut);
      return undefined;
    } catch (error) {
      // What was found to be damaged has been told of, and is left out from now on: the others can be merged.
      return why !== 'erase' && inputs.some((input) => input.damaged) ? undefined : rewriteFault('Merge', error);
    } finally {
      for (const input of inputs) input.release();
    }
  }
}

/** What went wrong while files were written again, and in which work. */
export function rewriteFault(work: 'Merge' | 'Repair', error: unknown): Fault {
  if (error instanceof Fault) return error;
  return new Fault('historian-write-failed', `${work}: ${messageOf(error)}`, { cause: error });
}

import type { SharedEnds } from '../durable-ends.ts';
import { Fault, type FaultMessage, fromFaultMessage, toFaultMessage } from '../fault.ts';
import { Thread } from '../thread.ts';
import type { LogErased } from './erase-log.ts';
import type { LogErasure } from './erased-records.ts';
import type { RepackedSegment, Settled } from './log.ts';
import type { RepackCommand, RepackNotice, RepackWorkerData } from './worker.ts';

/** What has become of the repacking of complete segments since the log was opened. */
export interface RepackState {
  /** Segments that were replaced, and by how many bytes the log became smaller. */
  segments: number;
  savedBytes: number;
  /** Segments that the system cannot read, or beside which it cannot write: they are left as they are. */
  failed: number;
  /** Why the worker ended last, if that was none of its business; it is started again when a segment is completed. */
  fault: FaultMessage | undefined;
}

export interface RepackingOptions {
  readonly logFolder: string;
  readonly ends: SharedEnds;
  /** Has the log's writer swap in a segment; it answers with `swapped`. */
  readonly swap: (segment: RepackedSegment) => void;
  /** Has it complete the segment of a topic that it writes to, if that begins below this offset; it answers with `rolled`. */
  readonly roll: (topic: string, below: number) => void;
  /** So long the worker waits for more when it has nothing to do; a minute if left out. */
  readonly lingerMs?: number;
}

/** Starting a thread takes a core from those who append: not once a segment where one is completed every few seconds. */
const LINGER_MS = 60_000;

/** An erasure, and who waits for it. */
interface EraseJob {
  readonly erasure: LogErasure;
  readonly onProgress: (segments: number, of: number) => void;
  readonly resolve: (erased: LogErased) => void;
  readonly reject: (fault: Fault) => void;
}

/**
 * The main thread's handle of the worker that writes complete segments anew: to make them smaller, and to remove what is to be erased. The worker lives only while there is something to do, and a
 * little longer: on a quiet gateway it would be 15 MB for a millisecond a day.
 */
export class Repacking {
  readonly state: RepackState = { segments: 0, savedBytes: 0, failed: 0, fault: undefined };
  private readonly options: RepackingOptions;
  private readonly thread = new Thread<RepackCommand, RepackNotice>({
    name: 'repack',
    script: new URL('./worker.ts', import.meta.url),
    onNotice: (notice) => this.note(notice),
  });
  /** Below these offsets, by topic, segments have had their turn. */
  private readonly settled: Record<string, number> = {};
  private wanted = false;
  private stopped = false;
  /** Ends a worker that has nothing to do. */
  private lingering: NodeJS.Timeout | undefined;
  /** What the worker was told to erase, in one pass, and what waits for the next. */
  private erasing: readonly EraseJob[] = [];
  private readonly toErase: EraseJob[] = [];

  constructor(options: RepackingOptions) {
    this.options = options;
  }

  /** Whether there is a worker. */
  get isRunning(): boolean {
    return this.thread.running;
  }

  /** Whether it has something to do. */
  get isWorking(): boolean {
    return this.thread.running && this.lingering === undefined;
  }

  /** There may be a complete segment that has not had its turn. */
  wake(): void {
    this.wanted = true;
    if (this.stopped) return;
    if (this.lingering !== undefined) this.look();
    else if (!this.thread.running) void this.work();
  }

  /**
   * Removes samples from the segments of the log (`eraseLog`), before anything more is repacked; with those of others that wait. Resolves when no segment holds their values any more, but where that
   * says so. Rejects with `erase-failed`, `worker-failed`, and `not-ready` when it is stopped: it is to be asked again then, in the next life too.
   */
  erase(erasure: LogErasure, onProgress: EraseJob['onProgress'] = () => undefined): Promise<LogErased> {
    const { promise, resolve, reject } = Promise.withResolvers<LogErased>();
    this.toErase.push({ erasure, onProgress, resolve, reject });
    if (this.stopped) this.refuse(new Fault('not-ready', 'The log is closed.'));
    else if (!this.thread.running) void this.work();
    else this.beginErasing();
    return promise;
  }

  private beginErasing(): void {
    if (this.erasing.length > 0 || this.toErase.length === 0) return;
    this.forgetLingering();
    this.erasing = this.toErase.splice(0);
    this.thread.post({ type: 'erase', erasures: this.erasing.map(({ erasure }) => erasure) });
  }

  private look(): void {
    this.forgetLingering();
    this.wanted = false;
    this.thread.post({ type: 'look', settled: this.settled });
  }

  private linger(): void {
    // It was told so before it was told of what is to be erased: it says it again.
    if (this.erasing.length > 0) return;
    // A segment was completed while the worker looked for the last time.
    if (this.wanted) return this.look();
    const end = (): void => {
      this.lingering = undefined;
      void this.thread.stop({ type: 'stop' });
    };
    this.lingering = setTimeout(end, this.options.lingerMs ?? LINGER_MS).unref();
  }

  private async work(): Promise<void> {
    const { logFolder, ends } = this.options;
    try {
      const ended = this.thread.run({ logFolder, ends } satisfies RepackWorkerData);
      if (this.wanted) this.look();
      this.beginErasing();
      await ended;
      // There came more while the worker was about to end.
      this.toErase.unshift(...this.erasing);
      this.erasing = [];
      if (!this.stopped && (this.wanted || this.toErase.length > 0)) void this.work();
    } catch (error) {
      this.forgetLingering();
      this.state.fault = toFaultMessage(error);
      this.refuse(fromFaultMessage(this.state.fault));
    }
  }

  private forgetLingering(): void {
    clearTimeout(this.lingering);
    this.lingering = undefined;
  }

  private note(notice: RepackNotice): void {
    if (notice.type === 'done') this.linger();
    else if (notice.type === 'settled') this.settle(notice);
    else if (notice.type === 'swap') this.options.swap(notice.segment);
    else if (notice.type === 'roll') this.options.roll(notice.topic, notice.below);
    else if (notice.type === 'progress')
      for (const { onProgress } of this.erasing) onProgress(notice.done, notice.total);
    else this.answerErasing(notice);
  }

  private answerErasing(notice: Extract<RepackNotice, { type: 'erased' | 'erase-failed' }>): void {
    for (const { resolve, reject } of this.erasing) {
      if (notice.type === 'erased') resolve(notice);
      else reject(fromFaultMessage(notice.fault));
    }
    this.erasing = [];
    this.beginErasing();
  }

  /** All who wait for an erasure learn that it is not done now. */
  private refuse(fault: Fault): void {
    for (const { reject } of [...this.erasing, ...this.toErase.splice(0)]) reject(fault);
    this.erasing = [];
  }

  private settle({ topic, baseOffset, endOffset, outcome }: Settled): void {
    this.settled[topic] = endOffset;
    if (outcome === 'failed') this.state.failed++;
    if (outcome === 'ready') this.options.swap({ topic, baseOffset, endOffset });
    else this.goOn();
  }

  /** What the writer answers to `swap`: the bytes that were saved, undefined if it did not want the segment any more. `isErased`: as the segment said. */
  swapped(savedBytes: number | undefined, isErased = false): void {
    if (savedBytes !== undefined && !isErased) {
      this.state.segments++;
      this.state.savedBytes += savedBytes;
    }
    this.goOn(savedBytes !== undefined);
  }

  /** The writer has done what `roll` asked for. */
  rolled(): void {
    this.goOn();
  }

  private goOn(isDone = true): void {
    this.thread.post({ type: 'go-on', isDone });
  }

  /** Ends the work; what is half done is deleted. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.forgetLingering();
    await this.thread.stop({ type: 'stop' });
    this.refuse(new Fault('not-ready', 'The log was closed: it is gone on with at the next start.'));
  }
}

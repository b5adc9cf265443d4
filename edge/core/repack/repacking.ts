import type { SharedEnds } from '../durable-ends.ts';
import { type FaultMessage, toFaultMessage } from '../fault.ts';
import type { RepackedSegment, Settled } from './log.ts';
import type { RepackCommand, RepackNotice, RepackWorkerData } from './worker.ts';
import { Thread } from '../thread.ts';

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
  /** So long the worker waits for more when it has nothing to do; a minute if left out. */
  readonly lingerMs?: number;
}

/** Starting a thread takes a core from those who append: not once a segment where one is completed every few seconds. */
const LINGER_MS = 60_000;

/** The main thread's handle of the worker that repacks complete segments. The worker lives only while there is something to do, and a little longer: on a quiet gateway it would be 15 MB for a millisecond a day. */
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

  private look(): void {
    this.forgetLingering();
    this.wanted = false;
    this.thread.post({ type: 'look', settled: this.settled });
  }

  private linger(): void {
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
    this.wanted = false;
    try {
      await this.thread.run({ logFolder, ends, settled: this.settled } satisfies RepackWorkerData);
      // A segment was completed while the worker was about to end.
      if (this.wanted) this.wake();
    } catch (error) {
      this.forgetLingering();
      this.state.fault = toFaultMessage(error);
    }
  }

  private forgetLingering(): void {
    clearTimeout(this.lingering);
    this.lingering = undefined;
  }

  private note(notice: RepackNotice): void {
    if (notice.type === 'done') this.linger();
    else this.settle(notice);
  }

  private settle({ topic, baseOffset, endOffset, outcome }: Settled): void {
    this.settled[topic] = endOffset;
    if (outcome === 'failed') this.state.failed++;
    if (outcome === 'ready') this.options.swap({ topic, baseOffset, endOffset });
    else this.thread.post({ type: 'go-on' });
  }

  /** What the writer answers to `swap`: the bytes that were saved, undefined if it did not want the segment any more. */
  swapped(savedBytes: number | undefined): void {
    if (savedBytes !== undefined) {
      this.state.segments++;
      this.state.savedBytes += savedBytes;
    }
    this.thread.post({ type: 'go-on' });
  }

  /** Ends the work; what is half done is deleted. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.forgetLingering();
    await this.thread.stop({ type: 'stop' });
  }
}

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
}

/** The main thread's handle of the worker that repacks complete segments. The worker lives only while there is something to do: on a quiet gateway it would be 15 MB for a millisecond a day. */
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

  constructor(options: RepackingOptions) {
    this.options = options;
  }

  get isRunning(): boolean {
    return this.thread.running;
  }

  /** There may be a complete segment that has not had its turn. */
  wake(): void {
    this.wanted = true;
    if (!this.thread.running && !this.stopped) void this.work();
  }

  private async work(): Promise<void> {
    const { logFolder, ends } = this.options;
    this.wanted = false;
    try {
      await this.thread.run({ logFolder, ends, settled: this.settled } satisfies RepackWorkerData);
      // A segment was completed while the worker was about to end.
      if (this.wanted) this.wake();
    } catch (error) {
      this.state.fault = toFaultMessage(error);
    }
  }

  private note(notice: RepackNotice): void {
    if (notice.type === 'done') void this.thread.stop({ type: 'stop' });
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
    await this.thread.stop({ type: 'stop' });
  }
}

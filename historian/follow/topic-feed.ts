import type { LogReader, TopicGap } from '../../edge/core/reader.ts';
import { readBatchHeader } from '../../edge/core/record-batch.ts';
import { BatchApplier } from './apply.ts';
import type { SampleSink, TopicProgress } from './sink.ts';

/** Between two steps queries have their turn: about 20,000 samples. */
const READ_BYTES = 256 * 1024;

/** A reader of one topic, as far as a feed needs it. */
export type FeedReader = Pick<LogReader, 'read' | 'seek' | 'close'>;

/** Brings one topic of the log into a sink, from the topic's position on. */
export class TopicFeed {
  readonly progress: TopicProgress;
  private readonly sink: SampleSink;
  private readonly reader: FeedReader;
  private readonly applier: BatchApplier;
  private readonly onGap: (gap: TopicGap) => void;
  /** Batches that have been read and for which the sink has had no room. */
  private rest: Uint8Array | undefined;
  /** Records that are not to be had: when they ended is known as soon as there is a record behind them. */
  private hole: Omit<TopicGap, 'topic'> | undefined;

  /** `onGap`: told of records that the log does not have, when they are noted as lost. */
  constructor(sink: SampleSink, progress: TopicProgress, reader: FeedReader, onGap = (_gap: TopicGap): void => {}) {
    this.sink = sink;
    this.progress = progress;
    this.reader = reader;
    this.applier = new BatchApplier(sink, progress);
    this.onGap = onGap;
    reader.seek(progress.position);
  }

  /** Reads and applies once. `full`: have the sink written out, then call again. `end`: caught up with the durable end. */
  step(nowMs: number): 'moved' | 'full' | 'end' {
    if (this.rest !== undefined) return this.apply(this.rest);
    const result = this.reader.read(READ_BYTES);
    if (result.kind === 'data') {
      const { bytes } = result;
      this.closeHole(readBatchHeader(new DataView(bytes.buffer, bytes.byteOffset), 0).baseTimestampMs);
      return this.apply(bytes);
    }
    if (result.kind === 'end') return this.closeHole(nowMs) ? 'moved' : 'end';
    const first = Math.max(this.hole?.first ?? result.first, this.progress.position);
    this.hole = { first, last: result.last, reason: result.reason };
    return 'moved';
  }

  close(): void {
    this.reader.close();
  }

  private apply(bytes: Uint8Array): 'moved' | 'full' {
    const done = this.applier.apply(bytes);
    this.rest = done ? undefined : bytes;
    return done ? 'moved' : 'full';
  }

  /** Notes the hole, if there is one, which ended by `toMs`. */
  private closeHole(toMs: number): boolean {
    const { hole, progress } = this;
    if (hole === undefined) return false;
    this.hole = undefined;
    if (hole.last < progress.position) return false;
    const { topic, lastMs } = progress;
    this.sink.lose({ topic, ...hole, fromMs: lastMs === 0 ? toMs : lastMs, toMs });
    progress.position = hole.last + 1;
    this.onGap({ topic, ...hole });
    return true;
  }
}

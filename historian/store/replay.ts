import type { Sample } from '../../edge/core/sample.ts';
import type { StoredFile } from '../files/file.ts';
import type { FileSet } from './file-set.ts';
import { writeMemtable } from './flushing.ts';
import type { HiddenSpan } from '../reading/hidden.ts';
import { hiddenSpans, type Looking } from '../reading/hiding.ts';
import { MEMTABLE_BYTES } from '../limits.ts';
import type { LostRange, Manifest } from '../files/manifest.ts';
import { Memtable } from '../memory/memtable.ts';
import type { SeriesIndex } from '../files/series-index.ts';
import type { SampleSink, TopicProgress } from '../follow/sink.ts';
import { type FeedReader, TopicFeed } from '../follow/topic-feed.ts';

/** Where the log is read from again. */
export interface LogSource {
  /** Offset of the first record that a topic's log holds. */
  start(topic: string): number;
  /** A reader of its own for a topic; it is closed after use. */
  reader(topic: string): FeedReader;
}

/** Records `from` to, not including, `below` of a topic. */
export interface OffsetSpan {
  readonly topic: string;
  readonly from: number;
  readonly below: number;
}

/** What a replay needs. */
export interface ReplayOptions {
  readonly log: LogSource;
  readonly set: FileSet;
  readonly memtableBytes?: number;
  /** Whether what has expired comes back too, as long as roll-ups of it would be kept. */
  readonly looking: Looking;
  /** Whether a sample is wanted. */
  readonly accept: (series: number, timeUs: number, offset: number) => boolean;
  /** Lets others have the thread; throws when it is to end. */
  readonly breathe: () => Promise<void>;
}

/** Reads spans of the log again and writes what is wanted of them into new files, which no manifest names yet. What is erased or has expired is left out. */
export class Replay implements SampleSink {
  readonly series: SeriesIndex;
  readonly files: StoredFile[] = [];
  /** What the log did not have any more, or not as samples. */
  readonly holes: OffsetSpan[] = [];
  private readonly options: ReplayOptions;
  /** As it was when the replay began: what is erased later is so in its files too, which are written again then. */
  private readonly manifest: Manifest;
  private memtable: Memtable;
  private readonly hidden = new Map<number, readonly HiddenSpan[]>();
  private below = 0;

  constructor(options: ReplayOptions) {
    this.options = options;
    this.manifest = options.set.manifest;
    this.series = options.set.series;
    this.memtable = new Memtable(options.memtableBytes ?? MEMTABLE_BYTES);
  }

  get full(): boolean {
    return this.memtable.full;
  }

  append(series: number, timeUs: number, offset: number, sample: Sample, deviceTimeUs: number): void {
    if (offset >= this.below || this.isHidden(series, timeUs, offset)) return;
    if (this.options.accept(series, timeUs, offset)) this.memtable.append(series, timeUs, offset, sample, deviceTimeUs);
  }

  lose({ topic, first, last }: LostRange): void {
    this.holes.push({ topic, from: first, below: last + 1 });
  }

  /** Replays a span; `onStep` is told how far it has come. */
  async run({ topic, from, below }: OffsetSpan, onStep?: (position: number) => void): Promise<void> {
    const { log, set, breathe } = this.options;
    const progress = { topic, number: set.topics.get(topic).number, position: from, lastMs: 0, lost: 0 };
    this.below = below;
    const reader = log.reader(topic);
    try {
      const feed = new TopicFeed(this, progress, reader);
      while (progress.position < below) {
        const outcome = feed.step(0);
        if (outcome === 'full') await this.write(progress);
        if (outcome === 'end') break;
        onStep?.(progress.position);
        await breathe();
      }
    } finally {
      reader.close();
    }
    await this.write(progress);
    if (progress.position < below) this.holes.push({ topic, from: progress.position, below });
  }

  /** Removes what was written: it is not wanted after all. */
  discard(): void {
    this.options.set.drop(this.files.splice(0));
  }

  private isHidden(series: number, timeUs: number, offset: number): boolean {
    let spans = this.hidden.get(series);
    if (spans === undefined) {
      const { set, looking } = this.options;
      const topic = set.topicOf(series);
      spans = hiddenSpans(this.manifest, () => this.series.tag(series), topic, undefined, looking);
      this.hidden.set(series, spans);
    }
    return spans.some(({ fromUs, toUs, below }) => timeUs >= fromUs && timeUs < toUs && offset < below);
  }

  private async write({ lastMs }: TopicProgress): Promise<void> {
    const { set, breathe } = this.options;
    if (this.memtable.count === 0) return;
    const written = await set.write((writer) =>
      writeMemtable({
        memtable: this.memtable,
        writer,
        series: set.series,
        topics: set.topics.names,
        hiding: { erasures: [], expired: [] },
        // When the last of it came: it is to expire when it would have.
        facts: { sinceMs: lastMs, writtenMs: lastMs, erased: this.manifest.lastErasure },
        breathe,
      }),
    );
    this.files.push(written);
    this.memtable = this.memtable.successor(true);
  }
}

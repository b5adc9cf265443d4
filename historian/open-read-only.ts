import path from 'node:path';
import { type Clock, systemClock } from '../edge/core/clock.ts';
import { type Disk, readFile, realDisk } from '../edge/core/disk.ts';
import { assert, Fault, messageOf } from '../edge/core/fault.ts';
import { LogReader, openEnds } from '../edge/core/reader.ts';
import { HISTORY_TOPICS } from '../edge/core/topics.ts';
import { slice } from './answer.ts';
import { BucketPage, type BucketQuery } from './queries/bucket-page.ts';
import { queryBuckets } from './queries/bucket-query.ts';
import { bucketPagesOf, type HistoryPage, pagesOf, type RawQuery, type TagSummary } from './queries/history.ts';
import type { History } from './questions/history.ts';
import { LastSamples } from './files/last-samples.ts';
import type { Latest } from './queries/latest.ts';
import { latestPages } from './queries/latest-page.ts';
import { loadFiles, onDisk, Topics } from './store/loading.ts';
import { withLostRange } from './follow/lost-ranges.ts';
import { emptyManifest, listFiles, type LostRange, type Manifest, readManifest } from './files/manifest.ts';
import { Memtable } from './memory/memtable.ts';
import { queryPage, summariesOf, tagPage } from './queries/query.ts';
import type { AnalysisPage, AnalysisQuery } from './questions/analysis-query.ts';
import { queryAnalysis } from './questions/query-analysis.ts';
import { SeriesIndex } from './files/series-index.ts';
import { SeriesTotals } from './files/series-totals.ts';
import type { Arrivals } from './points/arrivals.ts';
import type { SampleSink } from './follow/sink.ts';
import { TopicFeed } from './follow/topic-feed.ts';
import { View } from './reading/view.ts';

/** Memory for what the log holds beyond the files: four times what a gateway ever leaves there. What is beyond it is a gap (`unread`) in every answer. */
const READ_ONLY_BYTES = 256 * 1024 * 1024;
/** A gateway may merge files while they are being opened: then the manifest is read again. */
const ATTEMPTS = 5;
const END_OF_TIME_MS = Math.floor(Number.MAX_SAFE_INTEGER / 1000) - 1;

/** Where history lies that is read without its gateway. */
export interface HistoryFolders {
  /** Of the historian. */
  readonly folder: string;
  /** The log, for what is not in the files yet. */
  readonly logFolder: string;
  /** Topics of samples; those of a gateway if left out; one that the log does not have is none. */
  readonly topics?: readonly string[];
}

/** How it is read. */
export interface ReadOnlyOptions extends HistoryFolders {
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly memoryBytes?: number;
}

/** Opens the historian of a gateway that does not run: its files, and in memory what the log holds beyond them. Writes nothing. Throws `historian-damaged`, `historian-log-differs`. */
export function openReadOnly(options: ReadOnlyOptions): ReadOnlyHistory {
  const history = new ReadOnlyHistory(options);
  history.open();
  return history;
}

/** History without a gateway; made by `openReadOnly`. */
export class ReadOnlyHistory implements History {
  private readonly options: ReadOnlyOptions;
  private readonly disk: Disk;
  private view: View | undefined;
  /** By topic, the offset behind the last record of the log that was looked at. */
  positions: Readonly<Record<string, number>> = {};

  constructor(options: ReadOnlyOptions) {
    this.options = options;
    this.disk = options.disk ?? realDisk;
  }

  open(): void {
    for (let attempt = 1; ; attempt++) {
      const manifest = this.manifest();
      const opened = new Opening(this.options, this.disk, manifest);
      const changed = opened.incomplete && this.manifest().next !== manifest.next;
      if (!changed || attempt === ATTEMPTS) {
        opened.replayLog();
        this.view = opened.view();
        this.positions = opened.positions();
        return;
      }
      opened.view().release();
    }
  }

  close(): void {
    this.view?.release();
    this.view = undefined;
  }

  /** One page, at once: the files are read synchronously. */
  pageNow(query: RawQuery): HistoryPage {
    return queryPage(this.opened, query);
  }

  /** Up to 5,000 tags behind `after`, at once. */
  tagsNow(after?: string): readonly TagSummary[] {
    return tagPage(this.opened, after);
  }

  // oxlint-disable-next-line require-await -- a fault is a rejection, as with the worker's client
  async page(query: RawQuery): Promise<HistoryPage> {
    return this.pageNow(query);
  }

  query(query: RawQuery, signal?: AbortSignal): AsyncIterable<HistoryPage> {
    return pagesOf(this, query, signal);
  }

  // oxlint-disable-next-line require-await -- a fault is a rejection, as with the worker's client
  async bucketPage(query: BucketQuery): Promise<BucketPage> {
    return new BucketPage(queryBuckets(this.opened, query, slice(this.options.clock)));
  }

  buckets(query: BucketQuery, signal?: AbortSignal): AsyncIterable<BucketPage> {
    return bucketPagesOf(this, query, signal);
  }

  // oxlint-disable-next-line require-await -- a fault is a rejection, as with the worker's client
  async analysisPage(query: AnalysisQuery): Promise<AnalysisPage> {
    return queryAnalysis(this.opened, query, slice(this.options.clock));
  }

  async *latest(tags: readonly string[] | null, elsewhereFromUs?: number): AsyncGenerator<Latest> {
    yield* latestPages(this.opened, tags, () => slice(this.options.clock), elsewhereFromUs);
  }

  // oxlint-disable-next-line require-await -- the interface is that of the worker's client
  async summaries(tags: readonly string[], elsewhereFromUs?: number): Promise<readonly TagSummary[]> {
    return summariesOf(this.opened, tags, elsewhereFromUs);
  }

  // oxlint-disable-next-line require-await -- the interface is that of the worker's client
  async *tags(): AsyncGenerator<readonly TagSummary[]> {
    for (let page = tagPage(this.opened); page.length > 0; page = tagPage(this.opened, page.at(-1)?.tag)) yield page;
  }

  /** What is read, until `close`. */
  get opened(): View {
    assert(this.view !== undefined, 'the history is open');
    return this.view;
  }

  private manifest(): Manifest {
    const { folder } = this.options;
    const manifest = onDisk('data-unreadable', folder, () => readManifest(this.disk, folder));
    if (manifest !== undefined) return manifest;
    if (listFiles(this.disk, folder).length > 0)
      throw new Fault('historian-damaged', `${folder} has files but no MANIFEST.`);
    return emptyManifest({ logId: '', epoch: 0 });
  }
}

/** One attempt: files, then the log's tail. */
class Opening implements SampleSink {
  readonly series = new SeriesIndex();
  private readonly totals = new SeriesTotals();
  private readonly last = new LastSamples();
  private readonly topics = new Topics();
  private readonly options: ReadOnlyOptions;
  private readonly disk: Disk;
  private readonly manifest: Manifest;
  private readonly memtable: Memtable;
  private readonly loaded: ReturnType<typeof loadFiles>;
  private lost: readonly LostRange[];

  constructor(options: ReadOnlyOptions, disk: Disk, manifest: Manifest) {
    this.options = options;
    this.disk = disk;
    this.manifest = manifest;
    this.memtable = new Memtable(options.memoryBytes ?? READ_ONLY_BYTES);
    this.lost = manifest.lost;
    this.topics.load(manifest);
    const { series, totals, last, topics } = this;
    this.loaded = loadFiles(disk, options.folder, manifest, { series, totals, last, topics });
  }

  /** Some files could not be opened. */
  get incomplete(): boolean {
    return this.loaded.damagedFiles.length > 0;
  }

  get full(): boolean {
    return this.memtable.full;
  }

  append(...sample: Parameters<Memtable['append']>): void {
    this.memtable.append(...sample);
  }

  take(arrivals: Arrivals): number {
    return this.memtable.take(arrivals);
  }

  lose(range: LostRange): void {
    this.lost = withLostRange(this.lost, range);
  }

  view(): View {
    const { series, totals, last, memtable, lost } = this;
    const { files, damagedFiles } = this.loaded;
    const { unreadable, erasures, expired } = this.manifest;
    const hiding = { erasures, expired };
    const topics = this.topics.names;
    const view = new View({ series, totals, last, topics, files, damagedFiles, memtable, lost, unreadable, hiding });
    for (const file of files) file.release();
    return view;
  }

  positions(): Record<string, number> {
    return Object.fromEntries(this.topics.positions().map(({ topic, position }) => [topic, position]));
  }

  replayLog(): void {
    const { logFolder, topics = HISTORY_TOPICS } = this.options;
    this.checkLog();
    const ends = openEnds(logFolder, this.disk);
    for (const topic of topics) {
      if (!ends.topics.includes(topic)) continue;
      const reader = new LogReader({ logFolder, topic, ends, disk: this.disk });
      try {
        this.replay(reader, topic, ends.end(topic));
      } finally {
        reader.close();
      }
    }
  }

  private replay(reader: LogReader, topic: string, end: number): void {
    const progress = this.topics.get(topic);
    const feed = new TopicFeed(this, progress, reader);
    const nowMs = (this.options.clock ?? systemClock()).nowMs();
    for (;;) {
      const outcome = feed.step(nowMs);
      if (outcome === 'end') return;
      if (outcome === 'moved') continue;
      const { position: first, lastMs: fromMs } = progress;
      this.lose({ topic, first, last: end - 1, reason: 'unread', fromMs, toMs: END_OF_TIME_MS });
      return;
    }
  }

  private checkLog(): void {
    const file = path.join(this.options.logFolder, 'millrace.json');
    const bytes = readFile(this.disk, file);
    if (bytes === undefined || this.manifest.logId === '') return;
    const { logId, epoch } = identityIn(bytes, file);
    if (logId !== this.manifest.logId || epoch !== this.manifest.epoch)
      throw new Fault('historian-log-differs', `Filled from ${this.manifest.logId}, ${file} names ${String(logId)}.`);
  }
}

function identityIn(bytes: Uint8Array, file: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(new TextDecoder().decode(bytes)) ?? {}) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new Fault('data-unreadable', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

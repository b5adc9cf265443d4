import path from 'node:path';
import { type Clock, systemClock } from '../edge/core/clock.ts';
import { type Disk, readFile, realDisk } from '../edge/core/disk.ts';
import { assert, Fault, messageOf } from '../edge/core/fault.ts';
import { LogReader, openEnds } from '../edge/core/reader.ts';
import { HISTORY_TOPICS } from '../edge/core/topics.ts';
import { slice } from './answer.ts';
import { BucketPage, type BucketQuery } from './bucket-page.ts';
import { queryBuckets } from './bucket-query.ts';
import {
  bucketPagesOf,
  type History,
  type HistoryPage,
  type Latest,
  pagesOf,
  type RawQuery,
  type TagSummary,
} from './history.ts';
import { loadFiles, Topics } from './loading.ts';
import { withLostRange } from './lost-ranges.ts';
import { listFiles, type LostRange, type Manifest, readManifest } from './manifest.ts';
import { Memtable } from './memtable.ts';
import { latestOf, queryPage, summariesOf, tagPage } from './query.ts';
import { SeriesIndex } from './series-index.ts';
import { SeriesTotals } from './series-totals.ts';
import type { SampleSink } from './sink.ts';
import { TopicFeed } from './topic-feed.ts';
import { View } from './view.ts';

/** Memory for what the log holds beyond the files: four times what a gateway ever leaves there. What is beyond it is a gap (`unread`) in every answer. */
const READ_ONLY_BYTES = 256 * 1024 * 1024;
/** A gateway may merge files while they are being opened: then the manifest is read again. */
const ATTEMPTS = 5;
const END_OF_TIME_MS = Math.floor(Number.MAX_SAFE_INTEGER / 1000) - 1;

/** Where history is read from. */
export interface ReadOnlyOptions {
  readonly folder: string;
  /** The log, for what is not in the files yet. */
  readonly logFolder: string;
  /** Those of a gateway if left out; one that the log does not have is none. */
  readonly topics?: readonly string[];
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
        return;
      }
      opened.view().release();
    }
  }

  close(): void {
    this.view?.release();
    this.view = undefined;
  }

  page(query: RawQuery): Promise<HistoryPage> {
    return Promise.resolve(queryPage(this.opened, query));
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

  async *latest(tags: readonly string[] | null): AsyncGenerator<Latest> {
    if (tags !== null) yield latestOf(this.opened, tags);
    else
      for await (const page of this.tags())
        yield latestOf(
          this.opened,
          page.map(({ tag }) => tag),
        );
  }

  // oxlint-disable-next-line require-await -- the interface is that of the worker's client
  async summaries(tags: readonly string[]): Promise<readonly TagSummary[]> {
    return summariesOf(this.opened, tags);
  }

  // oxlint-disable-next-line require-await -- the interface is that of the worker's client
  async *tags(): AsyncGenerator<readonly TagSummary[]> {
    for (let page = tagPage(this.opened); page.length > 0; page = tagPage(this.opened, page.at(-1)?.tag)) yield page;
  }

  private get opened(): View {
    assert(this.view !== undefined, 'the history is open');
    return this.view;
  }

  private manifest(): Manifest {
    const { folder } = this.options;
    const manifest = readManifest(this.disk, folder);
    if (manifest !== undefined) return manifest;
    if (listFiles(this.disk, folder).length > 0)
      throw new Fault('historian-damaged', `${folder} has files but no MANIFEST.`);
    return { logId: '', epoch: 0, next: 0, topics: [], files: [], lost: [] };
  }
}

/** One attempt: files, then the log's tail. */
class Opening implements SampleSink {
  readonly series = new SeriesIndex();
  private readonly totals = new SeriesTotals();
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
    const { series, totals, topics } = this;
    this.loaded = loadFiles(disk, options.folder, manifest, { series, totals, topics });
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
    this.totals.add(sample[0], sample[1]);
  }

  lose(range: LostRange): void {
    this.lost = withLostRange(this.lost, range);
  }

  view(): View {
    const { series, totals, memtable, lost } = this;
    const { files, damagedFiles } = this.loaded;
    const view = new View({ series, totals, topics: this.topics.names, files, damagedFiles, memtable, lost });
    for (const file of files) file.release();
    return view;
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

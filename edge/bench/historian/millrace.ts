import { numericAt } from '../../../historian/points/numeric.ts';
import { assert, type Fault } from '../../core/fault.ts';
import type { Aggregate, BucketPage } from '../../../historian/queries/bucket-page.ts';
import { intervalGrid } from '../../../historian/queries/buckets.ts';
import type { HistoryPage } from '../../../historian/queries/history.ts';
import type { Latest } from '../../../historian/queries/latest.ts';
import { openReadOnly, type ReadOnlyHistory } from '../../../historian/open-read-only.ts';
import type { Store } from '../../../historian/store/store.ts';
import type { DataSet } from './data.ts';
import { fillLog } from './fill-log.ts';
import { type Folders, foldersIn, follow, openStore } from './fill-store.ts';
import { folderBytes } from './folder-bytes.ts';
import type { Answer, Bucket, Chart, HistorySystem, LastValues, OpenHistory, Place, Samples, Span } from './system.ts';

/** Name of our own in results. */
export const MILLRACE = 'millrace';

/** What a chart asks of each bucket. */
const AGGREGATES = ['mean', 'min', 'max', 'count', 'first', 'last'] as const satisfies readonly Aggregate[];

/** The historian in this thread, out of a log that was filled before; asked through what reads its files without a gateway, in this thread too. */
export const millrace: HistorySystem = {
  name: MILLRACE,
  promises:
    'in files, synced, named by a synced manifest; lossless, quality, flags and place in the log kept; asked in its own thread',
  tolerance: 0,
  open: (set, place) => Promise.resolve(new MillraceHistory(set, place)),
};

/** Files of ours, and the questions to them. */
export class MillraceHistory implements OpenHistory {
  private readonly set: DataSet;
  private readonly folders: Folders;
  private readonly signal: AbortSignal;
  private store: Store | undefined;
  private history: ReadOnlyHistory | undefined;
  private faults: readonly Fault[] = [];

  /** With what `place.folder` holds already, if anything. */
  constructor(set: DataSet, { folder, signal }: Place) {
    this.set = set;
    this.folders = foldersIn(folder);
    this.signal = signal;
  }

  async prepare(): Promise<void> {
    await fillLog(this.folders.log, this.set, this.signal);
  }

  async load(): Promise<void> {
    const { store, faults } = openStore(this.folders.historian);
    this.store = store;
    this.faults = faults;
    await follow(store, this.folders, this.signal);
  }

  async settle(): Promise<void> {
    await this.store?.settled();
    await this.store?.close();
    this.store = undefined;
    const [fault] = this.faults;
    if (fault !== undefined) throw fault;
    await this.restart();
  }

  cpuSeconds(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }

  async points(): Promise<number> {
    let points = 0;
    for await (const page of this.opened.tags()) for (const { samples } of page) points += samples;
    return points;
  }

  bytes(): Promise<number> {
    return Promise.resolve(folderBytes(this.folders.historian));
  }

  restart(): Promise<boolean> {
    this.history?.close();
    this.history = openReadOnly({ folder: this.folders.historian, logFolder: this.folders.log });
    return Promise.resolve(true);
  }

  async raw(tag: number, { fromMs, toMs }: Span): Promise<Answer<Samples>> {
    const query = { tag: this.path(tag), fromUs: fromMs * 1000, toUs: toMs * 1000 };
    const pages: HistoryPage[] = [];
    for await (const page of this.opened.query(query)) pages.push(page);
    return () => samplesOf(pages);
  }

  async chart(tag: number, { fromMs, toMs, widthMs }: Chart): Promise<Answer<readonly Bucket[]>> {
    const span = { fromUs: fromMs * 1000, toUs: toMs * 1000 };
    const widthUs = widthMs * 1000;
    // On a grid of whole intervals where the span begins on one: as a chart that snaps asks.
    const grid =
      span.fromUs % widthUs === 0
        ? intervalGrid(span, widthUs)
        : { originUs: span.fromUs, widthUs, count: Math.ceil((toMs - fromMs) / widthMs) };
    const pages: BucketPage[] = [];
    const query = { tag: this.path(tag), ...span, grid, aggregates: AGGREGATES };
    for await (const page of this.opened.buckets(query)) pages.push(page);
    return () => pages.flatMap(bucketsOf);
  }

  async charts(tags: readonly number[], chart: Chart): Promise<Answer<readonly (readonly Bucket[])[]>> {
    const answers: Answer<readonly Bucket[]>[] = [];
    for (const tag of tags) answers.push(await this.chart(tag, chart));
    return () => answers.map((answer) => answer());
  }

  async latest(): Promise<Answer<LastValues>> {
    const parts: Latest[] = [];
    for await (const part of this.opened.latest(null)) parts.push(part);
    return () => lastValuesOf(parts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.history?.close();
    await this.store?.close();
  }

  private get opened(): ReadOnlyHistory {
    assert(this.history !== undefined, 'the historian was loaded');
    return this.history;
  }

  private path(tag: number): string {
    return this.set.tags[tag]?.path ?? '';
  }
}

function lastValuesOf(parts: readonly Latest[]): LastValues {
  let tags = 0;
  let sum = 0;
  for (const { points } of parts) {
    tags += points.count;
    for (let row = 0; row < points.count; row++) sum += Number(numericAt(points, row));
  }
  return { tags, sum };
}

function samplesOf(pages: readonly HistoryPage[]): Samples {
  const timesMs: number[] = [];
  const values: number[] = [];
  for (const { points } of pages) {
    for (let row = 0; row < points.count; row++) {
      timesMs.push((points.times[row] ?? 0) / 1000);
      values.push(Number(numericAt(points, row)));
    }
  }
  return { timesMs, values };
}

function bucketsOf(page: BucketPage): Bucket[] {
  return Array.from(page.times, (timeUs, row) => {
    const value = (aggregate: (typeof AGGREGATES)[number]): number =>
      Number(page.value(row, AGGREGATES.indexOf(aggregate)) ?? Number.NaN);
    return {
      fromMs: timeUs / 1000,
      count: value('count'),
      mean: value('mean'),
      min: value('min'),
      max: value('max'),
      first: value('first'),
      last: value('last'),
    };
  });
}

import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, systemClock } from '../edge/core/clock.ts';
import { type Disk, realDisk } from '../edge/core/disk.ts';
import { assert, Fault, messageOf } from '../edge/core/fault.ts';
import type { Sample } from '../edge/core/sample.ts';
import { StoredFile } from './file.ts';
import { type FileEntry, FileWriter } from './file-writer.ts';
import { BLOCK_POINTS, FLUSH_AFTER_MS, MEMTABLE_BYTES, SLICE_MS } from './limits.ts';
import { loadFiles, Topics } from './loading.ts';
import { withLostRange } from './lost-ranges.ts';
import {
  fileName,
  listFiles,
  type LogIdentity,
  type LostRange,
  type Manifest,
  readManifest,
  writeManifest,
} from './manifest.ts';
import { Memtable } from './memtable.ts';
import { Merging } from './merging.ts';
import { Points } from './points.ts';
import { SeriesIndex } from './series-index.ts';
import { SeriesTotals } from './series-totals.ts';
import type { SampleSink, TopicProgress } from './sink.ts';
import { type DamagedFile, View } from './view.ts';

/** How a historian is opened. */
export interface StoreOptions {
  readonly folder: string;
  /** The log that it is filled from. */
  readonly log: LogIdentity;
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly memtableBytes?: number;
  readonly flushAfterMs?: number;
  /** Told of what is wrong and does not stop it: damaged files, a merge that failed. */
  readonly report?: (fault: Fault) => void;
}

/**
 * The historian's files and memtable as their one writer owns them. `flush` writes the whole memtable as one new file, and a single replacement of the manifest names the file and moves
 * the position in the log: after a crash either both have happened or neither. After a failed write it takes nothing more: open it again.
 */
export class Store implements SampleSink {
  readonly series = new SeriesIndex();
  readonly totals = new SeriesTotals();
  private readonly folder: string;
  private readonly log: LogIdentity;
  private readonly disk: Disk;
  private readonly clock: Clock;
  private readonly flushAfterMs: number;
  private readonly report: (fault: Fault) => void;
  private readonly topics = new Topics();
  private memtable: Memtable;
  private files: StoredFile[] = [];
  private damagedFiles: DamagedFile[] = [];
  private lost: readonly LostRange[] = [];
  private saved: Manifest;
  private view: View | undefined;
  private nextFile = 1;
  private dirtySinceMs: number | undefined;
  private flushing = false;
  /** Lost ranges were added since the view was made. */
  private stale = false;
  private readonly merging: Merging;
  private failure: Fault | undefined;

  constructor(options: StoreOptions) {
    this.folder = options.folder;
    this.log = { logId: options.log.logId, epoch: options.log.epoch };
    this.disk = options.disk ?? realDisk;
    this.clock = options.clock ?? systemClock();
    this.flushAfterMs = options.flushAfterMs ?? FLUSH_AFTER_MS;
    this.report = options.report ?? (() => undefined);
    this.memtable = new Memtable(options.memtableBytes ?? MEMTABLE_BYTES);
    this.saved = { ...this.log, next: 1, topics: [], files: [], lost: [] };
    this.merging = new Merging({
      series: this.series,
      topicNames: this.topics.names,
      files: () => this.files,
      newFile: () => this.newFile(),
      openFile: (entry) => this.openFile(entry),
      replace: (inputs, merged) => this.replace(inputs, merged),
      discard: (file) => {
        file.close();
        this.remove(file.path);
      },
      breather: () => this.breather(),
      report: (fault) => this.report(fault),
    });
  }

  /** Opens the folder, makes it if need be, removes files that no manifest names. Throws `historian-damaged`, or `historian-log-differs` if it was filled from another log. */
  open(): void {
    this.disk.makeFolder(this.folder);
    const manifest = readManifest(this.disk, this.folder) ?? this.firstManifest();
    if (manifest.logId !== this.log.logId || manifest.epoch !== this.log.epoch) {
      const filled = `${manifest.logId} epoch ${manifest.epoch}`;
      throw new Fault(
        'historian-log-differs',
        `Filled from ${filled}, the log is ${this.log.logId} epoch ${this.log.epoch}.`,
      );
    }
    const named = new Set(manifest.files.map((file) => file.name));
    for (const name of listFiles(this.disk, this.folder))
      if (!named.has(name)) this.remove(path.join(this.folder, name));
    this.topics.load(manifest);
    const { series, totals, topics } = this;
    const { files, damagedFiles } = loadFiles(
      this.disk,
      this.folder,
      manifest,
      { series, totals, topics },
      this.report,
    );
    this.files = files;
    this.damagedFiles = damagedFiles;
    this.lost = manifest.lost;
    this.nextFile = manifest.next;
    this.saved = manifest;
    this.show();
    for (const { fault } of damagedFiles) this.report(fault);
  }

  /** A folder without a manifest is new, or has lost it: then its files are not ours to remove. */
  private firstManifest(): Manifest {
    if (listFiles(this.disk, this.folder).length > 0)
      throw new Fault('historian-damaged', `${this.folder} has files but no MANIFEST.`);
    writeManifest(this.disk, this.folder, this.saved);
    return this.saved;
  }

  /** How far a topic is in files and memory; whoever applies its batches moves it. */
  progress(topic: string): TopicProgress {
    return this.topics.get(topic);
  }

  /** Offset of the first record of a topic that is not durable in the historian: the log must keep it. */
  savedPosition(topic: string): number {
    return this.saved.topics.find((saved) => saved.topic === topic)?.position ?? 0;
  }

  /** What the manifest says now. */
  get manifest(): Manifest {
    return this.saved;
  }

  /** Memory that samples take. */
  get memory(): { samples: number; bytes: number } {
    return { samples: this.memtable.count, bytes: this.memtable.bytes };
  }

  /** Samples ever stored, in files and memory. */
  get samples(): number {
    return this.saved.files.reduce((sum, file) => sum + file.samples, this.memtable.count);
  }

  /** Records of the log that could not be had or could not be read, ever. */
  get lostRecords(): number {
    return this.topics.progress.reduce((sum, { lost }) => sum + lost, 0);
  }

  /** Files that are damaged as a whole or in part. */
  get damaged(): string[] {
    const inPart = this.files.filter((file) => file.damaged).map((file) => file.entry.name);
    return [...this.damagedFiles.map(({ entry }) => entry.name), ...inPart];
  }

  /** True: flush before the next sample. */
  get full(): boolean {
    return this.memtable.full;
  }

  /** Takes one sample into memory. */
  append(series: number, timeUs: number, offset: number, sample: Sample, deviceTimeUs: number): void {
    assert(!this.flushing, 'nothing is appended while the memtable is written out');
    this.memtable.append(series, timeUs, offset, sample, deviceTimeUs);
    this.totals.add(series, timeUs);
  }

  /** Notes records that are not to be had. */
  lose(range: LostRange): void {
    this.topics.get(range.topic).lost += range.last - range.first + 1;
    this.lost = withLostRange(this.lost, range);
    this.stale = true;
  }

  /** The current version, retained: release it. */
  pin(): View {
    assert(this.view !== undefined, 'the store is open');
    if (this.stale) this.show();
    return this.view.retain();
  }

  private show(): void {
    const { series, totals, files, damagedFiles, memtable, lost } = this;
    const before = this.view;
    this.stale = false;
    this.view = new View({
      series,
      totals,
      topics: this.topics.names,
      files: [...files],
      damagedFiles,
      memtable,
      lost,
    });
    before?.release();
  }

  private get moved(): boolean {
    return this.topics.progress.some(({ topic, position }) => position !== this.savedPosition(topic));
  }

  /** Whether something has waited for the files for 5 minutes. */
  flushDue(): boolean {
    if (!this.moved) {
      this.dirtySinceMs = undefined;
      return false;
    }
    const nowMs = this.clock.monotonicMs();
    this.dirtySinceMs ??= nowMs;
    return nowMs - this.dirtySinceMs >= this.flushAfterMs;
  }

  /** Writes the memtable out and moves the positions. Queries go on meanwhile, nothing may be appended. Throws `historian-write-failed`; then the store is of no use any more. */
  async flush(): Promise<void> {
    this.check();
    assert(!this.flushing, 'one flush at a time');
    if (this.memtable.count === 0 && !this.moved) return;
    this.flushing = true;
    try {
      const written = this.memtable.count > 0 ? await this.writeMemtable() : undefined;
      this.commit(written === undefined ? this.files : [...this.files, written]);
      if (written !== undefined) this.memtable = this.memtable.successor(this.view?.sole === true);
      this.dirtySinceMs = undefined;
      this.show();
    } catch (error) {
      throw this.fail(error);
    } finally {
      this.flushing = false;
    }
    this.merging.start();
  }

  /** Why the store takes nothing more, or undefined. */
  get failed(): Fault | undefined {
    return this.failure;
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  private fail(error: unknown): Fault {
    this.failure ??= new Fault('historian-write-failed', `${this.folder}: ${messageOf(error)}`, { cause: error });
    return this.failure;
  }

  private async writeMemtable(): Promise<StoredFile> {
    const { memtable, series } = this;
    const writer = this.newFile();
    const scratch = new Points(BLOCK_POINTS);
    try {
      const breathe = this.breather();
      for (const id of series.sorted()) {
        if (!memtable.has(id)) continue;
        const topic = series.topic(id);
        writer.beginSeries(series.key(id), topic);
        memtable.eachBlock(id, topic, scratch, (points) => writer.add(points));
        await breathe();
      }
      return this.openFile(writer.finish(this.topics.names, this.clock.nowMs()));
    } finally {
      writer.close();
    }
  }

  private newFile(): FileWriter {
    const writer = new FileWriter(this.disk, path.join(this.folder, fileName(this.nextFile++)));
    writer.open();
    return writer;
  }

  /** Opens what was just written: it is read back before the manifest names it. */
  private openFile(entry: FileEntry): StoredFile {
    const file = new StoredFile(this.disk, this.folder, entry, this.report);
    file.open(this.series, (topic) => this.topics.get(topic).number);
    return file;
  }

  /** Gives the thread to queries and others every 10 ms. */
  private breather(): () => Promise<void> {
    let sinceMs = this.clock.monotonicMs();
    return async () => {
      if (this.clock.monotonicMs() - sinceMs < SLICE_MS) return;
      await nextTurn();
      sinceMs = this.clock.monotonicMs();
    };
  }

  /** Makes these the files of the manifest. A flush moves the positions too; a merge leaves what a flush has not yet written where it is. */
  private commit(files: StoredFile[], merged = false): void {
    const topics = merged ? this.saved.topics : this.topics.positions();
    const entries = [...this.damagedFiles.map(({ entry }) => entry), ...files.map(({ entry }) => entry)];
    const lost = merged ? this.saved.lost : this.lost;
    const manifest: Manifest = { ...this.log, next: this.nextFile, topics, files: entries, lost };
    writeManifest(this.disk, this.folder, manifest);
    this.saved = manifest;
    this.files = files;
  }

  private replace(inputs: readonly StoredFile[], merged: StoredFile): void {
    const files = this.files.filter((file) => !inputs.includes(file));
    try {
      this.check();
      this.commit([...files, merged], true);
    } catch (error) {
      throw this.fail(error);
    }
    this.show();
    for (const input of inputs) {
      input.release();
      this.remove(input.path);
    }
  }

  /** Removes a file that the manifest does not name (any more). What stays is removed at the next open. */
  private remove(file: string): void {
    try {
      this.disk.unlink(file);
    } catch (error) {
      this.report(new Fault('data-unreadable', `${file} cannot be removed: ${messageOf(error)}`, { cause: error }));
    }
  }

  /** Resolves when no merge is under way. */
  async settled(): Promise<void> {
    await this.merging.settled();
  }

  /** Ends a merge that is under way and closes the files. What was not flushed is in the log. */
  async close(): Promise<void> {
    await this.merging.stop();
    for (const file of this.files) file.release();
    this.view?.release();
    this.view = undefined;
  }
}

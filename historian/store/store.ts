import { type Clock, systemClock } from '../../edge/core/clock.ts';
import { realDisk } from '../../edge/core/disk.ts';
import { assert, Fault, messageOf } from '../../edge/core/fault.ts';
import { diskSpace } from '../../edge/core/retention/disk-space.ts';
import type { Sample } from '../../edge/core/sample.ts';
import { backlogOf, chooseRewrite, HURRY_FILES, MAX_TIER_FILES, TIER_FILES, type Upkeep } from './upkeep.ts';
import type { Arrivals } from '../points/arrivals.ts';
import type { EraseRequest, Erasure } from '../files/erasures.ts';
import { Erasing } from './erasing.ts';
import type { StoredFile } from '../files/file.ts';
import { FileSet } from './file-set.ts';
import { writeMemtable } from './flushing.ts';
import { expiryAt, type Kept, keptMs } from '../reading/hiding.ts';
import { FLUSH_AFTER_MS, MAX_GAPS, MEMTABLE_BYTES } from '../limits.ts';
import type { Topics } from './loading.ts';
import { withLostRange } from '../follow/lost-ranges.ts';
import type { LostRange, Manifest } from '../files/manifest.ts';
import { Memtable } from '../memory/memtable.ts';
import { type LeftOut, type MergeHost, Merging } from './merging.ts';
import { Pace } from './pace.ts';
import { type RebuildOptions, type RebuiltTopic, rebuild } from './rebuild.ts';
import { repair, type RepairReport } from './repair.ts';
import type { LogSource } from './replay.ts';
import type { SeriesIndex } from '../files/series-index.ts';
import type { SampleSink, TopicProgress } from '../follow/sink.ts';
import type { StoreOptions } from './store-options.ts';
import { View } from '../reading/view.ts';

/**
 * The historian's files and memtable as their one writer owns them. `flush` writes the whole memtable as one new file, and a single replacement of the manifest names the file and moves
 * the position in the log: after a crash either both have happened or neither. After a failed write it takes nothing more: open it again.
 */
export class Store implements SampleSink {
  readonly series: SeriesIndex;
  private readonly folder: string;
  private readonly clock: Clock;
  private readonly flushAfterMs: number;
  private readonly kept: Kept;
  private readonly freeBytes: () => number;
  private readonly report: (fault: Fault) => void;
  private readonly memtableBytes: number;
  private readonly topics: Topics;
  private readonly set: FileSet;
  private memtable: Memtable;
  private lost: readonly LostRange[] = [];
  private view: View | undefined;
  private dirtySinceMs: number | undefined;
  private flushing = false;
  /** Lost ranges were added since the view was made. */
  private stale = false;
  private readonly merging: Merging;
  private failure: Fault | undefined;
  private readonly erasing: Erasing;
  /** There are files to be merged and no room to do it. */
  private crowded = false;

  constructor(options: StoreOptions) {
    const { folder, log, disk = realDisk } = options;
    this.folder = folder;
    this.clock = options.clock ?? systemClock();
    this.flushAfterMs = options.flushAfterMs ?? FLUSH_AFTER_MS;
    this.kept = { retentionMs: options.retentionMs ?? {}, rollupsMs: options.rollupsMs ?? [] };
    this.freeBytes = options.freeBytes ?? (() => (disk === realDisk ? diskSpace(folder).freeBytes : Infinity));
    this.report = options.report ?? (() => undefined);
    this.memtableBytes = options.memtableBytes ?? MEMTABLE_BYTES;
    this.memtable = new Memtable(this.memtableBytes);
    this.set = new FileSet({ disk, folder, log, report: (fault) => this.report(fault) });
    this.series = this.set.series;
    this.topics = this.set.topics;
    this.erasing = new Erasing(this.set);
    this.merging = new Merging(this.mergeHost());
  }

  private mergeHost(): MergeHost {
    const { clock, set } = this;
    return {
      clock,
      set,
      next: () => chooseRewrite(this.upkeep()),
      isBehind: () => backlogOf(this.upkeep()) >= HURRY_FILES,
      replace: (inputs, written, leftOut) => this.replace(inputs, written, leftOut),
      failed: (fault) => {
        this.report(fault);
        this.erasing.fail(fault);
      },
    };
  }

  private upkeep(): Upkeep {
    return {
      files: this.set.files,
      lastErasure: this.manifest.lastErasure,
      expired: this.manifest.expired,
      retentionMs: (topic, level) => keptMs(this.kept, topic, level),
      topicOf: (series) => this.set.topicOf(series),
      freeBytes: this.freeBytes,
    };
  }

  /** Opens the folder, makes it if need be, removes files that no manifest names. Throws `historian-damaged`, or `historian-log-differs` if it was filled from another log. */
  open(): void {
    this.set.open();
    this.lost = this.set.manifest.lost;
    this.erasing.written = this.manifest.lastErasure;
    this.show();
  }

  /** How far a topic is in files and memory; whoever applies its batches moves it. */
  progress(topic: string): TopicProgress {
    return this.topics.get(topic);
  }

  /** Offset of the first record of a topic that is not durable in the historian: the log must keep it. */
  savedPosition(topic: string): number {
    return this.manifest.topics.find((saved) => saved.topic === topic)?.position ?? 0;
  }

  /** What the manifest says now. */
  get manifest(): Manifest {
    return this.set.manifest;
  }

  /** Memory that samples take. */
  get memory(): { samples: number; bytes: number } {
    return { samples: this.memtable.count, bytes: this.memtable.bytes };
  }

  /** Samples ever stored, in files and memory, and those that are gone. */
  get samples(): number {
    return this.set.totals.all + this.memtable.count;
  }

  /** Records of the log that could not be had or could not be read, ever. */
  get lostRecords(): number {
    return this.topics.progress.reduce((sum, { lost }) => sum + lost, 0);
  }

  /** Files that are damaged as a whole or in part. */
  get damaged(): string[] {
    const inPart = this.set.files.filter((file) => file.damaged).map((file) => file.entry.name);
    return [...this.set.damagedFiles.map(({ entry }) => entry.name), ...inPart];
  }

  /** True: flush before the next sample. */
  get full(): boolean {
    return this.memtable.full;
  }

  /** Takes one sample into memory. */
  append(series: number, timeUs: number, offset: number, sample: Sample, deviceTimeUs: number): void {
    assert(!this.flushing, 'nothing is appended while the memtable is written out');
    this.memtable.append(series, timeUs, offset, sample, deviceTimeUs);
  }

  /** Takes samples into memory, up to where it is full; how many. */
  take(arrivals: Arrivals): number {
    assert(!this.flushing, 'nothing is appended while the memtable is written out');
    return this.memtable.take(arrivals);
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
    const { series, memtable, lost } = this;
    const { totals, last, files, damagedFiles, manifest } = this.set;
    const before = this.view;
    this.stale = false;
    const parts = { series, totals, last, topics: this.topics.names, files, damagedFiles, memtable, lost };
    this.view = new View({ ...parts, unreadable: manifest.unreadable, hiding: manifest });
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
    if (this.memtable.count === 0 && !this.moved) {
      this.erasing.written = this.manifest.lastErasure;
      this.erasing.tell();
      return;
    }
    this.flushing = true;
    try {
      const { lastErasure } = this.manifest;
      const written = this.memtable.count > 0 ? await this.writeMemtable() : undefined;
      this.set.commit(
        { topics: this.topics.positions(), lost: this.lost },
        { added: written === undefined ? [] : [this.erasing.admit(written)] },
      );
      if (written !== undefined) this.memtable = this.memtable.successor(this.view?.sole === true);
      this.dirtySinceMs = undefined;
      this.erasing.written = lastErasure;
      this.show();
    } catch (error) {
      throw this.fail(error);
    } finally {
      this.flushing = false;
    }
    this.erasing.tell();
    this.merging.start();
    this.reportRoom();
    // A tag's samples lie in a bounded number of files, whatever comes in.
    while (backlogOf(this.upkeep()) >= MAX_TIER_FILES && this.merging.active) await this.merging.settled();
  }

  /** Says so once when files are not merged because the disk has no room for it. */
  private reportRoom(): void {
    const behind = backlogOf(this.upkeep()) > TIER_FILES && !this.merging.active;
    if (behind && !this.crowded)
      this.report(new Fault('historian-write-failed', `Merge: ${this.freeBytes()} bytes free are too few.`));
    this.crowded = behind;
  }

  /** Why the store takes nothing more, or undefined. */
  get failed(): Fault | undefined {
    return this.failure;
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  /** What cannot be written ends the store; what was refused was not begun. */
  private orFail<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw error instanceof Fault && error.code === 'erase-refused' ? error : this.fail(error);
    }
  }

  private fail(error: unknown): Fault {
    this.failure ??= new Fault('historian-write-failed', `${this.folder}: ${messageOf(error)}`, { cause: error });
    this.erasing.fail(this.failure);
    return this.failure;
  }

  private writeMemtable(): Promise<StoredFile> {
    const { memtable, series, set } = this;
    const pace = new Pace(this.clock);
    const nowMs = this.clock.nowMs();
    return set.write((writer) =>
      writeMemtable({
        memtable,
        writer,
        series,
        topics: this.topics.names,
        hiding: set.manifest,
        facts: { sinceMs: nowMs, writtenMs: nowMs, erased: set.manifest.lastErasure },
        breathe: () => pace.breathe(),
      }),
    );
  }

  private replace(inputs: readonly StoredFile[], written: StoredFile, leftOut: readonly LeftOut[]): void {
    const { series, set } = this;
    const unreadable = leftOut.map(({ series: id, damage: { fault, ...damage } }) => {
      return { tag: series.tag(id), topic: set.topicOf(id), ...damage, detail: fault.detail };
    });
    this.orFail(() => {
      this.check();
      const all = [...this.manifest.unreadable, ...unreadable].slice(-MAX_GAPS);
      this.set.commit({ unreadable: all }, { added: [this.erasing.admit(written)], removed: inputs });
    });
    this.show();
    this.set.drop(inputs);
    this.erasing.tell();
  }

  /**
   * Takes an erasure on record and hides what it erases at once, for good: it is out of every answer when this returns, and a replay of the log does not bring it back. It is out of the files
   * when `erased` resolves, which needs a flush if the memory holds something. The log itself still holds the records until its retention lets go of them: what it serves to others, and
   * what was copied out of it, is the caller's to erase. The tag's path stays known, and so does how many samples were stored. Throws `erase-refused`, `historian-write-failed`.
   */
  erase(request: EraseRequest): Erasure {
    this.check();
    const erasure = this.orFail(() => this.erasing.record(request));
    if (this.memtable.count === 0 && !this.flushing) this.erasing.written = erasure.id;
    this.show();
    this.merging.start();
    return erasure;
  }

  /** Resolves when nothing of an erasure is in the files any more but in those that cannot be opened (`damaged`). Rejects when a file cannot be written again: it is tried again after each flush. */
  erased({ id }: Pick<Erasure, 'id'>): Promise<void> {
    const done = this.erasing.whenDone(id);
    if (this.failure !== undefined) this.erasing.fail(this.failure);
    this.merging.start();
    return done;
  }

  /** What is still to be done for an erasure: files to be written again, and whether the memory is to be written out. */
  eraseLeft({ id }: Pick<Erasure, 'id'>): { files: number; memory: boolean } {
    return this.erasing.left(id);
  }

  /** To be told now and then where the log begins: what it does not hold any more need not be kept on record as erased. Throws `historian-write-failed`. */
  logStartsAt(start: (topic: string) => number): void {
    this.check();
    this.orFail(() => this.erasing.logStartsAt(start));
  }

  /**
   * Gives up what is older than it is kept: it is out of every answer when this returns (of which roll-ups are kept: but aggregates), and goes out of the files in the background: files of which
   * half or more has expired, and what has expired of others when they are merged. Roll-ups take its place. Only to be called while the clock is trusted. Throws `historian-write-failed`.
   */
  expire(nowMs: number): void {
    this.check();
    const { set } = this;
    const expired = expiryAt(this.manifest.expired, this.manifest.files, this.kept, nowMs);
    if (expired === undefined) return;
    this.orFail(() => {
      set.commit({ expired });
      set.forgetExpired();
    });
    this.show();
    this.merging.start();
  }

  /** Rebuilds what turned out to be damaged, as far as the log still holds it (`repair.ts`). Readers and the follower go on meanwhile. `calmly`: with a share of the thread only. */
  repair(log: LogSource, calmly = false): Promise<RepairReport> {
    return this.merging.exclusively((signal) => repair(this.rebuilding(log, signal, !calmly), this.set.damagedFiles));
  }

  /** Fills the files again from the span that the log covers, beside the old ones, and swaps (`rebuild.ts`): for `millrace rebuild historian`, which prints what it gives. */
  rebuild(log: LogSource, onProgress?: RebuildOptions['onProgress']): Promise<RebuiltTopic[]> {
    return this.merging.exclusively((signal) => rebuild({ ...this.rebuilding(log, signal, true), onProgress }));
  }

  private rebuilding(log: LogSource, signal: AbortSignal, isWaitedFor: boolean): RebuildOptions {
    this.check();
    const { set, freeBytes, memtableBytes } = this;
    const pace = new Pace(this.clock, () => isWaitedFor);
    const breathe = (): Promise<void> => pace.breathe(signal);
    return { log, set, freeBytes, memtableBytes, changed: () => this.show(), breathe };
  }

  /** Resolves when no merge is under way. */
  settled(): Promise<void> {
    return this.merging.settled();
  }

  /** Ends a merge that is under way and closes the files. What was not flushed is in the log. */
  async close(): Promise<void> {
    await this.merging.stop();
    const closed = new Fault('not-ready', 'The historian was stopped: it goes on with the erasure at its next start.');
    this.erasing.fail(closed);
    this.set.close();
    this.view?.release();
    this.view = undefined;
  }
}

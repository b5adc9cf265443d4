import path from 'node:path';
import type { Disk } from '../../edge/core/disk.ts';
import { Fault, messageOf } from '../../edge/core/fault.ts';
import { StoredFile } from '../files/file.ts';
import { type FileEntry, FileWriter } from '../files/file-writer.ts';
import { LastSamples } from '../files/last-samples.ts';
import { addLast, loadFiles, onDisk, replaceLast, Topics } from './loading.ts';
import type { MergeJob } from './merge.ts';
import {
  emptyManifest,
  fileName,
  listFiles,
  type LogIdentity,
  type Manifest,
  readManifest,
  writeManifest,
} from '../files/manifest.ts';
import { goneBefore } from '../files/rollups.ts';
import { SeriesIndex } from '../files/series-index.ts';
import { SeriesTotals } from '../files/series-totals.ts';
import { hiddenSpans } from '../reading/hiding.ts';
import type { DamagedFile } from '../reading/view.ts';

/** What a replacement of the manifest changes beside its files. */
export type ManifestChange = Partial<
  Pick<Manifest, 'topics' | 'lost' | 'unreadable' | 'expired' | 'lastErasure' | 'erasures'>
>;

/** Files of which a replacement of the manifest names others than before. */
export interface FileChange {
  readonly added?: readonly StoredFile[];
  /** Still to be dropped. */
  readonly removed?: readonly StoredFile[];
  /** They cannot be opened; still to be unlinked. */
  readonly givenUp?: readonly DamagedFile[];
}

/** What a file set needs. */
export interface FileSetOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly log: LogIdentity;
  /** Told of damage and of files that cannot be removed. */
  readonly report: (fault: Fault) => void;
}

/** The files of a historian and the manifest that names them, as their one writer owns them: every change is one replacement of the manifest, after which files that it no longer names are removed. */
export class FileSet {
  files: readonly StoredFile[] = [];
  damagedFiles: readonly DamagedFile[] = [];
  /** Of what is in the files. */
  totals = new SeriesTotals();
  readonly last = new LastSamples();
  /** Of what is in the files and in memory. */
  readonly series = new SeriesIndex();
  readonly topics = new Topics();
  manifest: Manifest;
  private readonly options: FileSetOptions;
  private nextFile = 1;

  constructor(options: FileSetOptions) {
    this.options = options;
    this.manifest = emptyManifest(options.log);
  }

  /** Opens the folder, makes it if need be, removes files that no manifest names. Throws `historian-damaged`, `historian-log-differs` if it was filled from another log, `data-unreadable`, `historian-write-failed`. */
  open(): void {
    const { disk, folder, log, report } = this.options;
    onDisk('historian-write-failed', folder, () => disk.makeFolder(folder));
    const manifest = this.readManifest() ?? this.firstManifest();
    if (manifest.logId !== log.logId || manifest.epoch !== log.epoch) {
      const filled = `${manifest.logId} epoch ${manifest.epoch}`;
      throw new Fault('historian-log-differs', `Filled from ${filled}, the log is ${log.logId} epoch ${log.epoch}.`);
    }
    const named = new Set(manifest.files.map((file) => file.name));
    for (const name of this.listFiles()) if (!named.has(name)) this.remove(path.join(folder, name));
    const { series, topics, totals, last } = this;
    topics.load(manifest);
    const known = { series, totals, last, topics };
    const { files, damagedFiles } = onDisk('data-unreadable', folder, () =>
      loadFiles(disk, folder, manifest, known, report),
    );
    this.files = files;
    this.damagedFiles = damagedFiles;
    this.nextFile = manifest.next;
    this.manifest = manifest;
    for (const { fault } of damagedFiles) report(fault);
  }

  private readManifest(): Manifest | undefined {
    const { disk, folder } = this.options;
    return onDisk('data-unreadable', folder, () => readManifest(disk, folder));
  }

  private listFiles(): string[] {
    const { disk, folder } = this.options;
    return onDisk('data-unreadable', folder, () => listFiles(disk, folder));
  }

  /** A folder without a manifest is new, or has lost it: then its files are not ours to remove. */
  private firstManifest(): Manifest {
    const { disk, folder } = this.options;
    if (this.listFiles().length > 0) throw new Fault('historian-damaged', `${folder} has files but no MANIFEST.`);
    onDisk('historian-write-failed', folder, () => writeManifest(disk, folder, this.manifest));
    return this.manifest;
  }

  /** Name of the topic of a series. */
  topicOf(series: number): string {
    return this.topics.names[this.series.topic(series)] ?? '';
  }

  /** What files that are written again leave out, as of now. */
  leaveOut(): Pick<MergeJob, 'hidden' | 'expired' | 'erased'> {
    const { manifest, series } = this;
    return {
      hidden: ({ entry }, id) => hiddenSpans(manifest, () => series.tag(id), this.topicOf(id), entry, 'rollups'),
      expired: manifest.expired,
      erased: manifest.lastErasure,
    };
  }

  /** Writes a new file and opens it: it is read back before the manifest names it. Where that fails nothing of it stays. */
  async write(work: (writer: FileWriter) => Promise<FileEntry> | FileEntry): Promise<StoredFile> {
    const { disk, folder } = this.options;
    const writer = new FileWriter(disk, path.join(folder, fileName(this.nextFile++)));
    writer.open();
    try {
      return this.openFile(await work(writer));
    } catch (error) {
      writer.close();
      this.remove(writer.path);
      throw error;
    }
  }

  private openFile(entry: FileEntry): StoredFile {
    const { disk, folder, report } = this.options;
    const file = new StoredFile(disk, folder, entry, report);
    file.open(this.series, (topic) => this.topics.get(topic).number);
    return file;
  }

  /** Replaces the manifest: `added` instead of `removed` and `givenUp`, and what else changes. Where it throws nothing has changed here, but the new one may be on the disk: no file that it names may be removed. */
  commit(change: ManifestChange, { added = [], removed = [], givenUp = [] }: FileChange = {}): void {
    const { disk, folder } = this.options;
    const damagedFiles = this.damagedFiles.filter((file) => !givenUp.includes(file));
    const files = [...this.files.filter((file) => !removed.includes(file)), ...added];
    const entries = [...damagedFiles.map(({ entry }) => entry), ...files.map(({ entry }) => entry)];
    const manifest: Manifest = { ...this.manifest, ...change, next: this.nextFile, files: entries };
    writeManifest(disk, folder, manifest);
    this.manifest = manifest;
    this.files = files;
    this.damagedFiles = damagedFiles;
    if (added.length > 0 || removed.length > 0) this.last.version++;
    if (removed.length === 0) for (const file of added) this.addFile(file);
    else {
      if (samplesOf(added) !== samplesOf(removed)) this.countAgain();
      replaceLast(this.last, added, removed);
    }
  }

  private addFile(file: StoredFile): void {
    this.totals.addFile(file);
    addLast(this.last, file);
  }

  /** Merged files may have lost the first or last sample of a series. */
  private countAgain(): void {
    const totals = new SeriesTotals();
    for (const file of this.files) totals.addFile(file);
    this.totals = totals;
  }

  /** Closes files that the manifest names no more, as soon as nobody reads them, and removes them. */
  drop(files: readonly StoredFile[]): void {
    for (const file of files) {
      file.release();
      this.remove(file.path);
    }
  }

  /** Gives up files that cannot be opened and of which everything has expired. */
  forgetExpired(): void {
    const gone = this.manifest.expired.flatMap((expiry) => goneBefore(expiry) ?? []);
    const isExpired = ({ entry: { offsets, lastUs } }: DamagedFile): boolean =>
      Object.entries(offsets).every(([topic, [, last]]) =>
        gone.some((each) => each.topic === topic && last < each.below && lastUs < each.beforeUs),
      );
    const files = this.damagedFiles.filter(isExpired);
    if (files.length === 0) return;
    this.commit({}, { givenUp: files });
    for (const { entry } of files) this.unlink(entry.name);
  }

  /** Removes a file by its name. */
  unlink(name: string): void {
    this.remove(path.join(this.options.folder, name));
  }

  /** Removes a file that the manifest does not name (any more). What stays is removed at the next open. */
  remove(file: string): void {
    const { disk, report } = this.options;
    try {
      disk.unlink(file);
    } catch (error) {
      report(new Fault('data-unreadable', `${file} cannot be removed: ${messageOf(error)}`, { cause: error }));
    }
  }

  close(): void {
    for (const file of this.files) file.release();
  }
}

function samplesOf(files: readonly StoredFile[]): number {
  return files.reduce((sum, { entry }) => sum + entry.samples, 0);
}

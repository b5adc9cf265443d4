import { assert, type Fault } from '../../edge/core/fault.ts';
import { type EraseRequest, type Erasure, erasureOf, isAbout, stillInLog, withErasure } from '../files/erasures.ts';
import type { StoredFile } from '../files/file.ts';
import type { FileSet } from './file-set.ts';

/** Somebody who waits until an erasure is done. */
interface Waiting {
  readonly id: number;
  readonly resolve: () => void;
  readonly reject: (fault: Fault) => void;
}

/** What is on record as erased, and how far it has gone out of the memory and the files. */
export class Erasing {
  /** What the memory held when this erasure was recorded has been written out without what it erases. */
  written = 0;
  private readonly set: FileSet;
  private readonly waiting: Waiting[] = [];

  constructor(set: FileSet) {
    this.set = set;
  }

  /** Replaces the manifest by one with this erasure; one of the same name that is on record already stays as it is. Throws `erase-refused`. */
  record(request: EraseRequest): Erasure {
    const { manifest, files } = this.set;
    const known = erasureOf(manifest.erasures, request);
    if (known !== undefined) return known;
    const applied = Object.fromEntries(this.set.topics.progress.map(({ topic, position }) => [topic, position]));
    const erasures = withErasure(manifest.erasures, manifest.lastErasure, request, applied);
    const erasure = erasures.at(-1);
    assert(erasure !== undefined, 'the erasure was added');
    for (const file of files) this.pass(file, erasures, erasure.id);
    this.set.commit({ erasures, lastErasure: erasure.id });
    return erasure;
  }

  /** A file that was begun before the last erasure was recorded, and that the manifest is about to name. */
  admit(file: StoredFile): StoredFile {
    const { erasures, lastErasure } = this.set.manifest;
    this.pass(file, erasures, lastErasure);
    return file;
  }

  /** Notes of a file that nothing of the erasures is in it, if that is so: it need not be written again. */
  private pass(file: StoredFile, erasures: readonly Erasure[], last: number): void {
    const open = erasures.filter(({ id }) => id > file.entry.erased);
    if (!open.some((erasure) => this.touches(erasure, file))) file.entry = { ...file.entry, erased: last };
  }

  private touches(erasure: Erasure, file: StoredFile): boolean {
    return this.seriesOf(erasure).some((id) => {
      const there = file.summaryOf(id);
      if (there === undefined || there.lastUs < erasure.fromUs || there.firstUs >= erasure.toUs) return false;
      const topic = this.set.topicOf(id);
      return (erasure.upTo[topic] ?? 0) > (file.entry.offsets[topic]?.[0] ?? 0);
    });
  }

  private seriesOf(erasure: Erasure): number[] {
    const { series, topics } = this.set;
    if ('paths' in erasure.tags) {
      const { paths } = erasure.tags;
      return topics.names.flatMap((_, topic) => paths.map((tag) => series.find(topic, tag))).filter((id) => id >= 0);
    }
    const ids: number[] = [];
    for (let id = 0; id < series.count; id++) if (isAbout(erasure, series.tag(id))) ids.push(id);
    return ids;
  }

  /** Up to here erasures have gone out of the memory and out of all files that can be opened. */
  private get done(): number {
    return this.set.files.reduce((least, { entry }) => Math.min(least, entry.erased), this.written);
  }

  /** Files that can be opened and are still to be written again for an erasure, and whether the memory is to be written out for it. */
  left(id: number): { files: number; memory: boolean } {
    return { files: this.set.files.filter(({ entry }) => entry.erased < id).length, memory: this.written < id };
  }

  /** Resolves when an erasure is done. */
  whenDone(id: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ id, resolve, reject });
      this.tell();
    });
  }

  /** Tells those who wait for what is done. */
  tell(): void {
    const { done } = this;
    const waiting = this.waiting.splice(0);
    this.waiting.push(...waiting.filter(({ id }) => id > done));
    for (const { id, resolve } of waiting) if (id <= done) resolve();
  }

  /** Tells those who wait that it does not go on now. */
  fail(fault: Fault): void {
    for (const { reject } of this.waiting.splice(0)) reject(fault);
  }

  /** Forgets erasures that are done and of which the log holds nothing any more; `start`: the log's first offset of a topic. */
  logStartsAt(start: (topic: string) => number): void {
    const { manifest, damagedFiles } = this.set;
    if (manifest.erasures.length === 0) return;
    const done = damagedFiles.reduce((least, { entry }) => Math.min(least, entry.erased), this.done);
    const held = stillInLog(manifest.erasures, start);
    const erasures = manifest.erasures.filter((erasure) => erasure.id > done || held.includes(erasure));
    if (erasures.length < manifest.erasures.length) this.set.commit({ erasures });
  }
}

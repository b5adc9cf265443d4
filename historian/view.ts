import type { Fault } from '../edge/core/fault.ts';
import type { BlockList } from './block-list.ts';
import type { StoredFile } from './file.ts';
import type { FileEntry } from './file-writer.ts';
import type { LostRange } from './manifest.ts';
import type { Memtable } from './memtable.ts';
import type { SeriesIndex } from './series-index.ts';
import type { SeriesTotals } from './series-totals.ts';

/** A file that the manifest names and that cannot be opened. */
export interface DamagedFile {
  readonly entry: FileEntry;
  readonly fault: Fault;
}

/** What a view shows. */
export interface ViewParts {
  readonly series: SeriesIndex;
  readonly totals: SeriesTotals;
  /** Names of the topics by number. */
  readonly topics: readonly string[];
  readonly files: readonly StoredFile[];
  readonly damagedFiles: readonly DamagedFile[];
  readonly memtable: Memtable;
  readonly lost: readonly LostRange[];
}

/**
 * One version of the historian: the files of a manifest and the memtable beside them. Who has retained it can go on reading while the store writes out, merges and unlinks: its
 * files stay open until it is released.
 */
export class View {
  readonly parts: ViewParts;
  private references = 1;

  /** Retains the files and the memtable. */
  constructor(parts: ViewParts) {
    this.parts = parts;
    for (const file of parts.files) file.retain();
    parts.memtable.readers++;
  }

  /** Whether nobody but the one who made it can look at its memtable. */
  get sole(): boolean {
    return this.references === 1 && this.parts.memtable.readers === 1;
  }

  /** Ids of a tag's series: one for each topic that has it. */
  seriesOf(tag: string): number[] {
    const { series, topics } = this.parts;
    return topics.map((_, topic) => series.find(topic, tag)).filter((id) => id >= 0);
  }

  /** The lists of blocks that can have samples of a tag with `fromUs` ≤ time < `toUs`. */
  blocks(tag: string, fromUs: number, toUs: number): BlockList[] {
    const { files, memtable, series } = this.parts;
    return this.seriesOf(tag).flatMap((id) => {
      const topic = series.topic(id);
      const lists: BlockList[] = files.flatMap((file) => file.blocks(id, topic, fromUs, toUs) ?? []);
      return memtable.has(id) ? [...lists, memtable.blocks(id, topic)] : lists;
    });
  }

  retain(): this {
    this.references++;
    return this;
  }

  release(): void {
    this.references--;
    if (this.references > 0) return;
    for (const file of this.parts.files) file.release();
    this.parts.memtable.readers--;
  }
}

import type { Fault } from '../../edge/core/fault.ts';
import type { BlockList } from '../files/block-list.ts';
import type { StoredFile } from '../files/file.ts';
import type { FileEntry } from '../files/file-writer.ts';
import { goneTogether, NOTHING_GONE } from '../files/gone.ts';
import { type HiddenSpan, withoutHidden } from './hidden.ts';
import { type Hiding, hiddenSpans, type Looking } from './hiding.ts';
import type { LastSamples } from '../files/last-samples.ts';
import type { LostRange, UnreadableBlock } from '../files/manifest.ts';
import type { Memtable } from '../memory/memtable.ts';
import type { SeriesIndex } from '../files/series-index.ts';
import type { SeriesTotals } from '../files/series-totals.ts';

/** A file that the manifest names and that cannot be opened. */
export interface DamagedFile {
  readonly entry: FileEntry;
  readonly fault: Fault;
}

/** What a view shows. */
export interface ViewParts {
  readonly series: SeriesIndex;
  /** Of the files. */
  readonly totals: SeriesTotals;
  /** Of the files. */
  readonly last: LastSamples;
  /** Names of the topics by number. */
  readonly topics: readonly string[];
  readonly files: readonly StoredFile[];
  readonly damagedFiles: readonly DamagedFile[];
  readonly memtable: Memtable;
  readonly lost: readonly LostRange[];
  readonly unreadable: readonly UnreadableBlock[];
  readonly hiding: Hiding;
}

/** Samples of a series ever stored, and the first and last effective time of what is there, µs; without anything: the infinities. */
export interface SeriesTotal {
  readonly samples: number;
  readonly firstUs: number;
  readonly lastUs: number;
}

/**
 * One version of the historian: the files of a manifest and the memtable beside them. Who has retained it can go on reading while the store writes out, merges and unlinks: its
 * files stay open until it is released.
 */
export class View {
  readonly parts: ViewParts;
  /** That of `last`, which it shows. */
  private readonly version: number;
  private references = 1;

  /** Retains the files and the memtable. */
  constructor(parts: ViewParts) {
    this.parts = parts;
    this.version = parts.last.version;
    for (const file of parts.files) file.retain();
    parts.memtable.readers++;
  }

  /** Whether nobody but the one who made it can look at its memtable. */
  get sole(): boolean {
    return this.references === 1 && this.parts.memtable.readers === 1;
  }

  /** Whether the files are still those that it shows. */
  get isCurrent(): boolean {
    return this.version === this.parts.last.version;
  }

  /** Ids of a tag's series: one for each topic that has it. */
  seriesOf(tag: string): readonly number[] {
    return this.parts.series.idsOf(tag);
  }

  /** What is stored of a series. */
  total(id: number): SeriesTotal {
    const { totals, memtable } = this.parts;
    const [files, memory] = [totals, memtable.totals];
    return {
      samples: (files.samples[id] ?? 0) + (memory.samples[id] ?? 0),
      firstUs: Math.min(files.firsts[id] ?? Number.POSITIVE_INFINITY, memory.firsts[id] ?? Number.POSITIVE_INFINITY),
      lastUs: Math.max(files.lasts[id] ?? Number.NEGATIVE_INFINITY, memory.lasts[id] ?? Number.NEGATIVE_INFINITY),
    };
  }

  /** What has expired of a series, for who looks at samples or at what is kept for aggregates: how many samples (null: not counted yet), and the first and last effective time, µs; undefined: nothing. */
  expired(
    id: number,
    looking: Looking = 'samples',
  ): { samples: number | null; firstUs: number; lastUs: number } | undefined {
    const { files } = this.parts;
    const gone = files.map((file) => file.goneOf(id)).reduce(goneTogether, NOTHING_GONE);
    let { firstUs, lastUs } = gone;
    let counted = true;
    for (const file of files) {
      const there = file.summaryOf(id);
      const span = this.hidden(id, file.entry, looking).find(({ reason }) => reason === 'expired');
      if (there === undefined || span === undefined || there.firstUs >= span.toUs) continue;
      firstUs = Math.min(firstUs, there.firstUs);
      lastUs = Math.max(lastUs, Math.min(there.lastUs, span.toUs - 1));
      counted = false;
    }
    return firstUs > lastUs ? undefined : { samples: counted ? gone.expired : null, firstUs, lastUs };
  }

  /** The lists of blocks that can have samples of a tag with `fromUs` ≤ time < `toUs`; for aggregates those too that have expired and of which something is kept. */
  blocks(tag: string, fromUs: number, toUs: number, looking: Looking = 'samples'): BlockList[] {
    return this.seriesOf(tag).flatMap((id) => {
      const lists = this.parts.files.flatMap((file) => this.fileBlocks(file, id, fromUs, toUs, looking) ?? []);
      const memory = this.memoryBlocks(id, looking);
      return memory === undefined ? lists : [...lists, memory];
    });
  }

  /** What a file has of a series with `fromUs` ≤ time < `toUs`, without what is not to be seen. */
  fileBlocks(
    file: StoredFile,
    id: number,
    fromUs: number,
    toUs: number,
    looking: Looking = 'samples',
  ): BlockList | undefined {
    const list = file.blocks(id, this.parts.series.topic(id), fromUs, toUs);
    return list === undefined ? undefined : withoutHidden(list, nearTo(list, this.hidden(id, file.entry, looking)));
  }

  /** What the memory has of a series, without what is not to be seen. */
  memoryBlocks(id: number, looking: Looking = 'samples'): BlockList | undefined {
    const { memtable, series } = this.parts;
    if (!memtable.has(id)) return undefined;
    return withoutHidden(memtable.blocks(id, series.topic(id)), this.hidden(id, undefined, looking));
  }

  /** What is not to be seen of a series. */
  hidden(id: number, entry?: FileEntry, looking: Looking = 'samples'): readonly HiddenSpan[] {
    const { hiding, series, topics } = this.parts;
    return hiddenSpans(hiding, () => series.tag(id), topics[series.topic(id)] ?? '', entry, looking);
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

/** The spans that are not all before the list. */
function nearTo(list: BlockList, spans: readonly HiddenSpan[]): readonly HiddenSpan[] {
  return spans.length === 0 ? spans : spans.filter(({ toUs }) => toUs > list.first(0));
}

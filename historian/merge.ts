import { assert, type Fault } from '../edge/core/fault.ts';
import type { BlockList } from './block-list.ts';
import type { StoredFile } from './file.ts';
import type { FileEntry, FileWriter } from './file-writer.ts';
import { BLOCK_HEAP_BYTES, BLOCK_POINTS } from './limits.ts';
import { Points } from './points.ts';
import { Scan } from './scan.ts';
import type { SeriesIndex } from './series-index.ts';

/** Files of a tier that are left alone; one more and they are merged. */
export const TIER_FILES = 8;
const TIER_BASE_BYTES = 1024 * 1024;
const TIER_FACTOR = 8;
/** Files from this size on are not merged: a merge stays within some GiB of work and of free space. */
const MERGE_BELOW_BYTES = 512 * 1024 * 1024;

const EVERYTHING = { fromUs: Number.NEGATIVE_INFINITY, toUs: Number.POSITIVE_INFINITY };

/** Tier of a file: 0 below 1 MiB, 1 below 8 MiB, 2 below 64 MiB, 3 below 512 MiB; undefined from there on. */
function tierOf(bytes: number): number | undefined {
  if (bytes >= MERGE_BELOW_BYTES) return undefined;
  let tier = 0;
  for (let limit = TIER_BASE_BYTES; bytes >= limit; limit *= TIER_FACTOR) tier++;
  return tier;
}

/** The files to be merged into one next: all of the lowest tier that has more than eight. A damaged file stays as it is: its bytes are evidence. */
export function chooseMerge(files: readonly StoredFile[]): StoredFile[] | undefined {
  const tiers: StoredFile[][] = [];
  for (const file of files) {
    const tier = tierOf(file.entry.bytes);
    if (tier !== undefined && !file.damaged) (tiers[tier] ??= []).push(file);
  }
  // Sparse: a tier without a file is a hole.
  return tiers.find((tier) => (tier?.length ?? 0) > TIER_FILES);
}

/** What a merge reads and writes. */
export interface MergeJob {
  readonly inputs: readonly StoredFile[];
  /** Open. */
  readonly writer: FileWriter;
  readonly series: SeriesIndex;
  readonly topics: readonly string[];
  /** Lets others have the thread; throws when the merge is to end. */
  readonly breathe: () => Promise<void>;
}

/** Merges files into one, series by series, a block of each file at a time. Throws `historian-damaged` if a block cannot be read: nothing may be left out. */
export async function mergeFiles(job: MergeJob): Promise<FileEntry> {
  const { inputs, writer, series, topics } = job;
  const wanted = new Uint8Array(series.count);
  for (const file of inputs) for (const id of file.series) wanted[id] = 1;
  const points = new Points(BLOCK_POINTS);
  for (const id of series.sorted()) {
    if (wanted[id] !== 1) continue;
    const topic = series.topic(id);
    const lists: BlockList[] = inputs.flatMap(
      (file) => file.blocks(id, topic, EVERYTHING.fromUs, EVERYTHING.toUs) ?? [],
    );
    const scan = new Scan(lists, EVERYTHING, ({ fault }) => refuse(fault));
    writer.beginSeries(series.key(id), topic);
    for (let more = true; more;) {
      points.reset();
      more = scan.collect(points, BLOCK_POINTS, BLOCK_HEAP_BYTES);
      writer.add(points);
      await job.breathe();
    }
  }
  const writtenMs = Math.max(...inputs.map((file) => file.entry.writtenMs));
  const entry = writer.finish(topics, writtenMs);
  // The inputs are removed on the word of this file.
  const wantedSamples = inputs.reduce((sum, file) => sum + file.entry.samples, 0);
  assert(entry.samples === wantedSamples, `a merge of ${wantedSamples} samples has ${entry.samples}`);
  return entry;
}

function refuse(fault: Fault): never {
  throw fault;
}

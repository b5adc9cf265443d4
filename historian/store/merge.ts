import { assert, type Fault } from '../../edge/core/fault.ts';
import type { BlockList, SummarizedBlock } from '../files/block-list.ts';
import type { StoredFile } from '../files/file.ts';
import type { FileEntry, FileWriter } from '../files/file-writer.ts';
import { goneTogether, NOTHING_GONE } from '../files/gone.ts';
import { HiddenCount, type HiddenSpan, wholeOf, withoutHidden } from '../reading/hidden.ts';
import { BLOCK_HEAP_BYTES, BLOCK_POINTS } from '../limits.ts';
import type { Expiry } from '../files/manifest.ts';
import { Points } from '../points/points.ts';
import { thinnedOf, thinningOf } from '../files/rollups.ts';
import { type DamagedBlock, Scan } from '../reading/scan.ts';
import type { SeriesIndex } from '../files/series-index.ts';
import { Thinner } from './thinning.ts';

const EVERYTHING = { fromUs: Number.NEGATIVE_INFINITY, toUs: Number.POSITIVE_INFINITY };
/** Blocks that are copied without a pause: about as much work as 1,000 samples. */
const COPIED_BLOCKS = 20;

/** What a merge reads and writes. */
export interface MergeJob {
  readonly inputs: readonly StoredFile[];
  /** Open. */
  readonly writer: FileWriter;
  readonly series: SeriesIndex;
  readonly topics: readonly string[];
  /** What of a file's series is to be left out. */
  readonly hidden: (file: StoredFile, series: number) => readonly HiddenSpan[];
  /** Of what roll-ups are kept, that is summed up. */
  readonly expired: readonly Expiry[];
  /** The number of the last erasure that `hidden` knows. */
  readonly erased: number;
  /** Told of a block that cannot be read, which is then left out; undefined: it is refused. */
  readonly onDamage?: ((series: number, damage: DamagedBlock) => void) | undefined;
  /** Samples of a series that cannot be read and are elsewhere again: they are not gone. */
  readonly rebuilt?: (series: number) => number;
  /** Lets others have the thread; throws when the merge is to end. */
  readonly breathe: () => Promise<void>;
}

/**
 * Merges files into one, series by series, a block of each file at a time, without what is hidden and what corrections in them have replaced, and with summaries of what has expired where there are roll-ups. Throws `historian-damaged` if a block
 * cannot be read, unless that is expected: nothing may be left out silently.
 */
export async function mergeFiles(job: MergeJob): Promise<FileEntry> {
  const { inputs, writer, series, topics, expired, erased } = job;
  const thinnings = topics.map((topic) => expired.filter((each) => each.topic === topic).map(thinningOf)[0]);
  const wanted = new Uint8Array(series.count);
  for (const file of inputs) for (const id of file.series) wanted[id] = 1;
  const points = new Points(BLOCK_POINTS);
  const thinner = new Thinner(writer);
  let left = 0;
  for (const id of series.sorted()) {
    if (wanted[id] !== 1) continue;
    writer.beginSeries(series.key(id), series.topic(id));
    const merge = new SeriesMerge(job, id);
    thinner.begin(thinnings[series.topic(id)], merge.hidden);
    for (let more = true; more;) {
      points.reset();
      let copied = 0;
      more = merge.scan.collect(points, BLOCK_POINTS, BLOCK_HEAP_BYTES, (block, list, number) => {
        if (copied === COPIED_BLOCKS) return 'stop';
        thinner.add(points);
        points.reset();
        if (block.expired) thinner.addSummary(block);
        else if (!copy(thinner, block, list, number)) return 'samples';
        copied++;
        return 'taken';
      });
      thinner.add(points);
      await job.breathe();
    }
    thinner.end();
    left += merge.left;
    const elsewhere = merge.hidden.samples - merge.hidden.gone.samples + (job.rebuilt?.(id) ?? 0);
    const gone = goneTogether(merge.before, { ...merge.hidden.gone, samples: merge.left - elsewhere });
    writer.addGone({ ...gone, samples: Math.max(gone.samples, gone.expired) });
  }
  const sinceMs = Math.min(...inputs.map((file) => file.entry.sinceMs));
  const writtenMs = Math.max(...inputs.map((file) => file.entry.writtenMs));
  const thinned = thinnedOf(
    inputs.map((file) => file.entry),
    expired,
  );
  const entry = writer.finish(topics, { sinceMs, writtenMs, erased, ...thinned });
  // The inputs are removed on the word of this file.
  const wantedSamples = inputs.reduce((sum, file) => sum + file.entry.samples, 0);
  const samples = entry.samples + left;
  assert(samples === wantedSamples, `a merge of ${wantedSamples} samples has ${samples}`);
  return entry;
}

/**
 * Copies a block that nothing lies in or beside: 17 instead of 145 ns a sample, which is what decoding and coding again take. False: its samples are to be taken one by one, because it is the last of its list, which
 * ends where it was cut off, or because what comes before it would end elsewhere.
 */
function copy(thinner: Thinner, block: SummarizedBlock, list: BlockList, number: number): boolean {
  if (number + 1 === list.count || !thinner.isCutAt(block)) return false;
  const bytes = list.bytes?.(number);
  if (bytes === undefined) return false;
  thinner.addBlock(block, bytes);
  return true;
}

/** The samples of one series, and how many of them are not taken over. */
class SeriesMerge {
  readonly scan: Scan;
  readonly hidden = new HiddenCount();
  /** What was gone already. */
  readonly before;
  private damaged = 0;

  constructor(job: MergeJob, id: number) {
    this.before = job.inputs.map((file) => file.goneOf(id)).reduce(goneTogether, NOTHING_GONE);
    const lists = job.inputs.flatMap((file) => this.listOf(job, file, id) ?? []);
    this.scan = new Scan(lists, EVERYTHING, (damage) => {
      // A part of what a summary is of is to go: then it goes as a whole.
      if (damage.fault.code === 'historian-expired')
        return this.hidden.add('expired', damage.samples, damage.firstUs, damage.lastUs);
      if (job.onDamage === undefined) refuse(damage.fault);
      this.damaged += damage.samples;
      job.onDamage(id, damage);
    });
  }

  /** Samples that the merge leaves behind. */
  get left(): number {
    return this.hidden.samples + this.scan.replaced + this.damaged;
  }

  private listOf(job: MergeJob, file: StoredFile, id: number): BlockList | undefined {
    const summary = file.summaryOf(id);
    if (summary === undefined) return undefined;
    const spans = job.hidden(file, id);
    const { samples, firstUs, lastUs } = summary;
    // All of it, without a look at its blocks: that is how whole files expire.
    const whole = wholeOf(spans, firstUs, lastUs);
    if (whole !== undefined) {
      this.hidden.add(whole.reason, samples, firstUs, lastUs);
      return undefined;
    }
    const list = file.blocksOnce(id, job.series.topic(id));
    return list === undefined ? undefined : withoutHidden(list, spans, this.hidden);
  }
}

function refuse(fault: Fault): never {
  throw fault;
}

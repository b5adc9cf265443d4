import type { FileEntry, FileFacts, FileWriter } from '../files/file-writer.ts';
import { HiddenCount, visibleOf } from '../reading/hidden.ts';
import { type Hiding, hiddenSpans } from '../reading/hiding.ts';
import { BLOCK_POINTS } from '../limits.ts';
import type { Memtable } from '../memory/memtable.ts';
import { Points } from '../points/points.ts';
import type { SeriesIndex } from '../files/series-index.ts';

/** What is written out, and where to. */
export interface Flush {
  readonly memtable: Memtable;
  /** Open. */
  readonly writer: FileWriter;
  readonly series: SeriesIndex;
  readonly topics: readonly string[];
  /** What is not written. */
  readonly hiding: Hiding;
  readonly facts: FileFacts;
  /** Lets others have the thread. */
  readonly breathe: () => Promise<void>;
}

/** Writes a memtable as one file, series by series. */
export async function writeMemtable(flush: Flush): Promise<FileEntry> {
  const { memtable, writer, series, topics, hiding, facts } = flush;
  const scratch = new Points(BLOCK_POINTS);
  for (const id of series.sorted()) {
    if (!memtable.has(id)) continue;
    const topic = series.topic(id);
    writer.beginSeries(series.key(id), topic);
    const hidden = hiddenSpans(hiding, () => series.tag(id), topics[topic] ?? '', undefined, 'rollups');
    const rows = hidden.length === 0 ? memtable.sortedRows(id, topic) : undefined;
    if (rows !== undefined) writer.addRows(rows);
    else if (hidden.length === 0) memtable.eachBlock(id, topic, scratch, (points) => writer.add(points));
    else {
      const count = new HiddenCount();
      memtable.eachBlock(id, topic, scratch, (points) => writer.add(visibleOf(points, hidden, count)));
      writer.addGone(count.gone);
    }
    await flush.breathe();
  }
  return writer.finish(topics, facts);
}

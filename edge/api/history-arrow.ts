import { type Cell, CellBatches, type CellColumn } from '../../historian/arrow/cells.ts';
import { ArrowPieces } from '../../historian/arrow/pieces.ts';
import { arrowStream } from '../../historian/arrow/stream.ts';
import { CHART_AGGREGATES } from './historian-pages.ts';
import type { BucketsPage, HistoryQuery, Reduction, Services } from './services.ts';

/** Rows of a record batch: an answer is on its way when so many are there. */
const BATCH_ROWS = 10_000;
/** Name, in the metadata of a record batch, of the gaps that belong to it, as with samples. */
const GAPS = 'millrace.gaps';

/** What a history route answers as an Arrow IPC stream: samples in the columns of `historian/arrow/README.md`, or aggregates. Throws `tag-unknown`, `aggregate-type` before the first piece. */
export async function* historyArrow(
  services: Pick<Services, 'paths' | 'samplePages' | 'buckets'>,
  asked: HistoryQuery,
  reduction: Reduction | undefined,
  onEnd: (gaps: number) => void,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const tags = services.paths(asked.tags);
  if (reduction === undefined) yield* arrowStream(services.samplePages(asked), { tags, onEnd });
  else yield* bucketsArrow(tags, reduction, services.buckets({ ...asked, reduction }), onEnd);
}

/**
 * Aggregates or chart points as an Arrow IPC stream: `time`, `tag`, and a column for each aggregate: `count` as int64, the others as double (64-bit integers as the nearest one; JSON and CSV have them exactly).
 * Without a good value there is none. `tags`: every tag that a page can be of. `onEnd` is told, before the last piece, in how many spans samples may be missing.
 */
async function* bucketsArrow(
  tags: readonly string[],
  reduction: Reduction,
  pages: AsyncIterable<BucketsPage>,
  onEnd: (gaps: number) => void,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const arrow = await import('apache-arrow');
  const names = reduction.type === 'points' ? CHART_AGGREGATES : reduction.aggregates;
  const batches = new CellBatches(arrow, columnsFor(tags, names));
  const pieces = new ArrowPieces(arrow, batches.schema);
  let gaps = 0;
  for await (const page of pages) {
    gaps += page.gaps.length;
    let metadata = page.gaps.length === 0 ? undefined : new Map([[GAPS, JSON.stringify(page.gaps)]]);
    for (const rows of rowsOf(page, names.length)) {
      yield pieces.add(batches.of(rows, metadata));
      metadata = undefined;
    }
    if (metadata !== undefined) yield pieces.add(batches.of([], metadata));
  }
  onEnd(gaps);
  yield pieces.end();
}

function columnsFor(tags: readonly string[], names: readonly string[]): CellColumn[] {
  return [
    { name: 'time', type: 'time' },
    { name: 'tag', type: 'text', names: [...new Set(tags)] },
    ...names.map((name): CellColumn => ({ name, type: name === 'count' ? 'int64' : 'double' })),
  ];
}

function* rowsOf({ tag, buckets }: BucketsPage, columns: number): Generator<Cell[][]> {
  let some: Cell[][] = [];
  for (let row = 0; row < buckets.rows; row++) {
    const cells: Cell[] = [buckets.times[row] ?? 0, tag];
    for (let column = 0; column < columns; column++) cells.push(buckets.value(row, column));
    some.push(cells);
    if (some.length < BATCH_ROWS) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}

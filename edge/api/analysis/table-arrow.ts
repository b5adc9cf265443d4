import { type Cell, CellBatches, type CellColumn } from '../../../historian/arrow/cells.ts';
import { ArrowPieces } from '../../../historian/arrow/pieces.ts';
import type { TableColumn, TablePage } from './request.ts';

/** Rows of a record batch: an answer is on its way when so many are there. */
const BATCH_ROWS = 10_000;
/** Name, in the metadata of a record batch, of the gaps that belong to it, as with samples. */
const GAPS = 'millrace.gaps';

/**
 * A table in the long layout as an Arrow IPC stream: `time`, `tag`, then its columns; values are doubles (64-bit integers the nearest ones), StatusCodes uint32, names text. `tags`: every
 * tag that a page can be of. `onEnd` is told, before the last piece, in how many spans samples may be missing.
 */
export async function* tableArrow(
  tags: readonly string[],
  columns: readonly TableColumn[],
  pages: AsyncIterable<TablePage>,
  onEnd: (gaps: number) => void,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const arrow = await import('apache-arrow');
  const [time, ...others] = columns.map(columnFor);
  if (time === undefined) return;
  const batches = new CellBatches(arrow, [time, { name: 'tag', type: 'text', names: tags }, ...others]);
  const pieces = new ArrowPieces(arrow, batches.schema);
  let gaps = 0;
  for await (const page of pages) {
    gaps += page.gaps.length;
    let metadata = page.gaps.length === 0 ? undefined : new Map([[GAPS, JSON.stringify(page.gaps)]]);
    for (const rows of partsOf(page)) {
      yield pieces.add(batches.of(rows, metadata));
      metadata = undefined;
    }
    if (metadata !== undefined) yield pieces.add(batches.of([], metadata));
  }
  onEnd(gaps);
  yield pieces.end();
}

function columnFor({ name, type }: TableColumn): CellColumn {
  if (type === 'time') return { name, type };
  if (name === 'label' || name === 'marks') return { name, type: 'text' };
  if (name === 'quality' || name.endsWith('_quality')) return { name, type: 'uint32' };
  return { name, type: name === 'count' ? 'int64' : 'double' };
}

function* partsOf({ tag, rows }: TablePage): Generator<Cell[][]> {
  let some: Cell[][] = [];
  for (const [time = null, ...others] of rows) {
    some.push([time, tag, ...others].map((cell) => (isPlain(cell) ? cell : null)));
    if (some.length < BATCH_ROWS) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}

function isPlain(cell: unknown): cell is Cell {
  return cell === null || typeof cell !== 'object';
}

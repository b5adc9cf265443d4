import { Fault } from '../../edge/core/fault.ts';
import type { Row } from './engine.ts';

/** A piece holds rows of about this size. */
const PIECE_BYTES = 1024 * 1024;
/** A row is no larger than this: whoever asked has it in memory as a whole. */
const MAX_ROW_BYTES = 8 * 1024 * 1024;

/** Rows in pieces of a bounded size. Throws `sql-limit` for a row that is too large. */
export function* pieces(rows: readonly Row['cells'][]): Generator<readonly Row['cells'][]> {
  let start = 0;
  let size = 0;
  for (const [i, row] of rows.entries()) {
    const bytes = row.reduce((sum: number, value) => sum + sizeOf(value), 0);
    if (bytes > MAX_ROW_BYTES) throw new Fault('sql-limit', `A row of ${bytes} bytes.`);
    if (size + bytes > PIECE_BYTES && i > start) {
      yield rows.slice(start, i);
      start = i;
      size = 0;
    }
    size += bytes;
  }
  if (start < rows.length) yield rows.slice(start);
}

/** What a cell takes in memory, about: texts and bytes with all their length, wherever in it they stand. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length * 2;
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  const items: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return items.reduce((sum: number, item) => sum + sizeOf(item), 8);
}

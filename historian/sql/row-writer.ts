import type { Row } from './engine.ts';
import type { SqlColumn, SqlEnd } from './messages.ts';

/** Writes the rows of an answer in some format, piece by piece. */
export interface RowWriter {
  begin(columns: readonly SqlColumn[]): Uint8Array;
  write(rows: readonly Row['cells'][]): Uint8Array;
  end(end: SqlEnd): Uint8Array;
}

import { type DuckDBDataChunk, DuckDBTableFunction, type DuckDBType, type DuckDBValue } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';

const CHUNK_ROWS = duckdb.vector_size();

/** A table function over rows; for what is small beside the samples. `onError` is told what went wrong before DuckDB is. */
export function rowTable(
  name: string,
  columns: Readonly<Record<string, DuckDBType>>,
  rows: () => Iterator<readonly DuckDBValue[]>,
  onError: (error: unknown) => string,
): DuckDBTableFunction {
  return DuckDBTableFunction.create({
    name,
    bindFunction(bind) {
      for (const [column, type] of Object.entries(columns)) bind.addResultColumn(column, type);
    },
    initFunction(init) {
      init.setInitData({ rows: rows() });
      init.setMaxThreads(1);
    },
    mainFunction(info, chunk) {
      try {
        fill((info.getInitData() as { rows: ReturnType<typeof rows> }).rows, chunk);
      } catch (error) {
        info.setError(onError(error));
      }
    },
  });
}

function fill(rows: Iterator<readonly DuckDBValue[]>, chunk: DuckDBDataChunk): void {
  const taken: (readonly DuckDBValue[])[] = [];
  while (taken.length < CHUNK_ROWS) {
    const next = rows.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  chunk.rowCount = taken.length;
  if (taken.length > 0) chunk.setRows(taken);
}

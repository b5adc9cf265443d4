import {
  BIGINT,
  BLOB,
  DOUBLE,
  type DuckDBDataChunk,
  DuckDBTableFunction,
  type DuckDBType,
  TIMESTAMPTZ,
  UBIGINT,
  UINTEGER,
  VARCHAR,
} from '@duckdb/node-api';
import duckdb, { type Vector } from '@duckdb/node-bindings';
import { kindName, type ValueKind } from '../../edge/core/sample.ts';
import { type Blobs, type Optional, WideRows } from '../arrow/wide.ts';
import type { HistoryPage } from '../queries/history.ts';

/** Name of the table function behind `samples`. */
export const SAMPLES_FUNCTION = 'millrace_samples';

/** Rows of a chunk at most. */
const CHUNK_ROWS = duckdb.vector_size();

interface Column {
  readonly type: DuckDBType;
  readonly write: (vector: Vector, rows: WideRows, page: HistoryPage, start: number) => void;
}

/** The columns of `samples`; those of `../arrow/README.md`, and where the sample stands in the log. */
const columns: Readonly<Record<string, Column>> = {
  tag: { type: VARCHAR, write: (vector, _, page) => writeSame(vector, page.tag) },
  time: { type: TIMESTAMPTZ, write: (vector, rows) => writeItems(vector, rows.times()) },
  kind: { type: VARCHAR, write: (vector, rows) => writeKinds(vector, rows.kinds()) },
  value: { type: DOUBLE, write: (vector, rows) => writeOptional(vector, rows.values()) },
  integer: { type: BIGINT, write: (vector, rows) => writeOptional(vector, rows.integers()) },
  unsigned: { type: UBIGINT, write: (vector, rows) => writeOptional(vector, rows.unsigned()) },
  text: { type: VARCHAR, write: (vector, rows) => writeBlobs(vector, rows.texts()) },
  bytes: { type: BLOB, write: (vector, rows) => writeBlobs(vector, rows.bytes()) },
  quality: { type: UINTEGER, write: (vector, rows) => writeItems(vector, rows.qualities()) },
  flags: { type: UINTEGER, write: (vector, rows) => writeItems(vector, rows.flags()) },
  device_time: { type: TIMESTAMPTZ, write: (vector, rows) => writeOptional(vector, rows.deviceTimes()) },
  server_time: { type: TIMESTAMPTZ, write: (vector, rows) => writeOptional(vector, rows.serverTimes()) },
  topic: { type: VARCHAR, write: writeTopics },
  log_offset: { type: BIGINT, write: (vector, rows) => writeItems(vector, rows.offsets()) },
};

/** One scan: the pages that are left, and the rows of the page that is being given. */
interface Scan {
  readonly pages: Iterator<HistoryPage>;
  readonly columns: readonly Column[];
  page: HistoryPage | undefined;
  row: number;
}

/**
 * The table function behind `samples`: each scan takes the pages that `pages` gives, one after the other, so that its memory is one page. `onError` is told what went wrong before DuckDB is.
 * Only the columns that a question names are made; a column of one value is handed over as that value (tags as strings, row by row, took 0.5 µs a row, this 0.05).
 */
export function samplesTable(
  pages: () => Iterator<HistoryPage>,
  onError: (error: unknown) => string,
): DuckDBTableFunction {
  const all = Object.values(columns);
  return DuckDBTableFunction.create({
    name: SAMPLES_FUNCTION,
    supportsProjectionPushdown: true,
    bindFunction(bind) {
      for (const [name, { type }] of Object.entries(columns)) bind.addResultColumn(name, type);
    },
    initFunction(init) {
      const wanted = init.getColumnIndexes().flatMap((index) => all[index] ?? []);
      const scan: Scan = { pages: pages(), columns: wanted, page: undefined, row: 0 };
      init.setInitData(scan);
      init.setMaxThreads(1);
    },
    mainFunction(info, chunk) {
      try {
        fill(info.getInitData() as Scan, chunk);
      } catch (error) {
        info.setError(onError(error));
      }
    },
  });
}

function fill(scan: Scan, chunk: DuckDBDataChunk): void {
  while (scan.page === undefined || scan.row === scan.page.points.count) {
    const next = scan.pages.next();
    if (next.done === true) {
      chunk.rowCount = 0;
      return;
    }
    scan.page = next.value;
    scan.row = 0;
  }
  const { page, row } = scan;
  const end = Math.min(row + CHUNK_ROWS, page.points.count);
  const rows = new WideRows(page.points, row, end);
  chunk.rowCount = rows.count;
  for (const [i, column] of scan.columns.entries())
    column.write(duckdb.data_chunk_get_vector(chunk.chunk, i), rows, page, row);
  scan.row = end;
}

function writeItems(
  vector: Vector,
  { buffer, byteOffset, byteLength }: BigInt64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
): void {
  duckdb.copy_data_to_vector(vector, 0, buffer, byteOffset, byteLength);
}

function writeOptional(
  vector: Vector,
  column: Optional<Float64Array<ArrayBuffer> | BigInt64Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>>,
): void {
  const { buffer, byteOffset, byteLength } = column.items;
  if (column.nulls < column.items.length) duckdb.copy_data_to_vector(vector, 0, buffer, byteOffset, byteLength);
  writeValidity(vector, column);
}

function writeBlobs(vector: Vector, blobs: Blobs): void {
  const { offsets, bytes, bits, nulls } = blobs;
  const count = nulls === offsets.length - 1 ? 0 : offsets.length - 1;
  for (let i = 0; i < count; i++) {
    if (((bits[i >> 3] ?? 0) & (1 << (i & 7))) === 0) continue;
    duckdb.vector_assign_string_element_len(vector, i, bytes.subarray(offsets[i], offsets[i + 1]));
  }
  writeValidity(vector, blobs);
}

function writeValidity(vector: Vector, { bits, nulls }: { bits: Uint8Array<ArrayBuffer>; nulls: number }): void {
  if (nulls === 0) return;
  duckdb.vector_ensure_validity_writable(vector);
  duckdb.copy_data_to_vector_validity(vector, 0, bits.buffer, bits.byteOffset, bits.byteLength);
}

function writeSame(vector: Vector, text: string): void {
  duckdb.vector_reference_value(vector, duckdb.create_varchar(text));
}

function writeKinds(vector: Vector, kinds: Uint8Array): void {
  writeNames(vector, kinds, (kind) => kindName(kind as ValueKind));
}

function writeTopics(vector: Vector, rows: WideRows, page: HistoryPage, start: number): void {
  writeNames(vector, page.points.topics.subarray(start, start + rows.count), (topic) => page.topics[topic] ?? '');
}

function writeNames(vector: Vector, numbers: Uint8Array, nameOf: (number: number) => string): void {
  const first = numbers[0] ?? 0;
  if (numbers.every((number) => number === first)) return writeSame(vector, nameOf(first));
  for (const [i, number] of numbers.entries()) duckdb.vector_assign_string_element(vector, i, nameOf(number));
}

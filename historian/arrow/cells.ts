import type * as Arrow from 'apache-arrow';
import type { Data, DataType, RecordBatch, Schema } from 'apache-arrow';

/**
 * What a column of cells holds. `time`: µs since the epoch, in UTC; `local-time`: the same without a zone; `date`: days since the epoch; `huge`: an integer of up to 38 digits; `text` and `bytes` as they are.
 */
export type CellType =
  | 'boolean'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'huge'
  | 'float'
  | 'double'
  | 'time'
  | 'local-time'
  | 'date'
  | 'text'
  | 'bytes';

/** A value of a table. */
export type Cell = null | boolean | number | bigint | string | Uint8Array;

/** A column; `names`: all the texts that it can have, which then stand in a dictionary at the beginning of the stream. */
export interface CellColumn {
  readonly name: string;
  readonly type: CellType;
  readonly names?: readonly string[];
}

interface Known extends CellColumn {
  readonly arrowType: DataType;
  readonly dictionary?: Arrow.Vector;
  readonly numbers?: ReadonlyMap<string, number>;
}

const encoder = new TextEncoder();

/** Rows of cells as Arrow record batches; for answers that are small beside samples. Any cell may be missing. */
export class CellBatches {
  readonly schema: Schema;
  private readonly arrow: typeof Arrow;
  private readonly columns: readonly Known[];

  constructor(arrow: typeof Arrow, columns: readonly CellColumn[]) {
    this.arrow = arrow;
    this.columns = columns.map((column, i) => {
      return { ...column, arrowType: typeOf(arrow, column, i), ...dictionaryOf(arrow, column) };
    });
    this.schema = new arrow.Schema(this.columns.map(({ name, arrowType }) => new arrow.Field(name, arrowType, true)));
  }

  /** One batch. `metadata` goes with it. */
  of(rows: readonly (readonly Cell[])[], metadata: ReadonlyMap<string, string> = new Map()): RecordBatch {
    const { arrow } = this;
    const children = this.columns.map((column, i) => this.dataOf(column, rows, i));
    const data = arrow.makeData({
      type: new arrow.Struct(this.schema.fields),
      length: rows.length,
      nullCount: 0,
      children,
    });
    return new arrow.RecordBatch(this.schema, data, new Map(metadata));
  }

  private dataOf(
    { type, arrowType, dictionary, numbers }: Known,
    rows: readonly (readonly Cell[])[],
    column: number,
  ): Data {
    const { arrow } = this;
    const validity = validityOf(rows, column);
    if (dictionary !== undefined) {
      const data = Int32Array.from(rows, (row) => numbers?.get(String(row[column])) ?? 0);
      return arrow.makeData({ type: arrowType as Arrow.Dictionary, data, dictionary, ...validity });
    }
    if (type === 'text' || type === 'bytes') {
      const blobs = blobsOf(rows, column);
      return arrow.makeData({ type: arrowType as Arrow.Binary, ...blobs, ...validity });
    }
    return arrow.makeData({
      type: arrowType as Arrow.Float64,
      data: itemsOf(type, rows, column),
      ...validity,
    } as never);
  }
}

/** Made once: a dictionary that is the same is written once. */
function dictionaryOf(arrow: typeof Arrow, { names }: CellColumn): Pick<Known, 'dictionary' | 'numbers'> {
  if (names === undefined) return {};
  const numbers = new Map(names.map((name, number) => [name, number]));
  return { dictionary: arrow.vectorFromArray([...names], new arrow.Utf8()), numbers };
}

function typeOf(arrow: typeof Arrow, { type, names }: CellColumn, id: number): DataType {
  if (names !== undefined) return new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), id);
  const types: Readonly<Record<CellType, () => DataType>> = {
    boolean: () => new arrow.Bool(),
    int32: () => new arrow.Int32(),
    uint32: () => new arrow.Uint32(),
    int64: () => new arrow.Int64(),
    uint64: () => new arrow.Uint64(),
    huge: () => new arrow.Decimal(0, 38, 128),
    float: () => new arrow.Float32(),
    double: () => new arrow.Float64(),
    time: () => new arrow.TimestampMicrosecond('UTC'),
    'local-time': () => new arrow.TimestampMicrosecond(),
    date: () => new arrow.DateDay(),
    text: () => new arrow.Utf8(),
    bytes: () => new arrow.Binary(),
  };
  return types[type]();
}

/** The cells of a column of numbers in memory as Arrow has it; 0 where there is none. */
function itemsOf(type: CellType, rows: readonly (readonly Cell[])[], column: number): ArrayBufferView {
  const number = (row: readonly Cell[]): number => Number(row[column] ?? 0);
  const integer = (row: readonly Cell[]): bigint => BigInt((row[column] as bigint | number | null) ?? 0);
  if (type === 'boolean') return bitsOf(rows, (row) => row[column] === true);
  if (type === 'int32' || type === 'date') return Int32Array.from(rows, number);
  if (type === 'uint32') return Uint32Array.from(rows, number);
  if (type === 'float') return Float32Array.from(rows, number);
  if (type === 'double') return Float64Array.from(rows, number);
  if (type === 'uint64') return BigUint64Array.from(rows, integer);
  return type === 'huge' ? hugeOf(rows.map(integer)) : BigInt64Array.from(rows, integer);
}

/** 128 bits each, two's complement. */
function hugeOf(integers: readonly bigint[]): Uint32Array {
  const words = new BigUint64Array(integers.length * 2);
  for (const [i, integer] of integers.entries()) {
    words[i * 2] = BigInt.asUintN(64, integer);
    words[i * 2 + 1] = BigInt.asUintN(64, integer >> 64n);
  }
  return new Uint32Array(words.buffer);
}

function bitsOf(rows: readonly (readonly Cell[])[], holds: (row: readonly Cell[]) => boolean): Uint8Array {
  const bits = new Uint8Array(Math.ceil(rows.length / 64) * 8);
  for (const [i, row] of rows.entries()) if (holds(row)) bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
  return bits;
}

function validityOf(
  rows: readonly (readonly Cell[])[],
  column: number,
): { readonly length: number; readonly nullBitmap: Uint8Array; readonly nullCount: number } {
  const isThere = (row: readonly Cell[]): boolean => (row[column] ?? null) !== null;
  const nullCount = rows.filter((row) => !isThere(row)).length;
  return { length: rows.length, nullBitmap: bitsOf(rows, isThere), nullCount };
}

function blobsOf(
  rows: readonly (readonly Cell[])[],
  column: number,
): { readonly data: Uint8Array; readonly valueOffsets: Int32Array } {
  const valueOffsets = new Int32Array(rows.length + 1);
  const parts = rows.map((row) => {
    const cell = row[column] ?? '';
    return cell instanceof Uint8Array ? cell : encoder.encode(String(cell));
  });
  for (const [i, part] of parts.entries()) valueOffsets[i + 1] = (valueOffsets[i] ?? 0) + part.length;
  return { data: Buffer.concat(parts), valueOffsets };
}

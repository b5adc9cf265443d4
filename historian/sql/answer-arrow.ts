import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTypeId,
} from '@duckdb/node-api';
import * as arrow from 'apache-arrow';
import { type Cell, CellBatches, type CellType } from '../arrow/cells.ts';
import { ArrowPieces } from '../arrow/pieces.ts';
import type { Row } from './engine.ts';
import type { SqlColumn } from './messages.ts';
import type { RowWriter } from './row-writer.ts';
import { sqlValue } from './values.ts';

/** What columns of DuckDB are in Arrow; everything else (decimals, lists, structures, intervals …) is text, as DuckDB prints it or as JSON. */
const TYPES: Readonly<Partial<Record<DuckDBTypeId, CellType>>> = {
  [DuckDBTypeId.BOOLEAN]: 'boolean',
  [DuckDBTypeId.TINYINT]: 'int32',
  [DuckDBTypeId.SMALLINT]: 'int32',
  [DuckDBTypeId.INTEGER]: 'int32',
  [DuckDBTypeId.BIGINT]: 'int64',
  [DuckDBTypeId.UTINYINT]: 'uint32',
  [DuckDBTypeId.USMALLINT]: 'uint32',
  [DuckDBTypeId.UINTEGER]: 'uint32',
  [DuckDBTypeId.UBIGINT]: 'uint64',
  [DuckDBTypeId.HUGEINT]: 'huge',
  [DuckDBTypeId.FLOAT]: 'float',
  [DuckDBTypeId.DOUBLE]: 'double',
  [DuckDBTypeId.TIMESTAMP_TZ]: 'time',
  [DuckDBTypeId.TIMESTAMP]: 'local-time',
  [DuckDBTypeId.DATE]: 'date',
  [DuckDBTypeId.BLOB]: 'bytes',
};

/** An Arrow IPC stream, a record batch for each piece of rows. */
export class ArrowWriter implements RowWriter {
  private readonly types: Row['types'];
  private readonly batches: CellBatches;
  private readonly pieces: ArrowPieces;

  constructor(types: Row['types'], columns: readonly SqlColumn[]) {
    this.types = types;
    this.batches = new CellBatches(
      arrow,
      columns.map(({ name }, i) => ({ name, type: cellType(types[i]) })),
    );
    this.pieces = new ArrowPieces(arrow, this.batches.schema);
  }

  begin(): Uint8Array {
    return new Uint8Array(0);
  }

  write(rows: readonly Row['cells'][]): Uint8Array {
    return this.pieces.add(this.batches.of(rows.map((row) => row.map((cell, i) => cellOf(cell, this.types[i])))));
  }

  end(): Uint8Array {
    return this.pieces.end();
  }
}

function cellType(type: Row['types'][number] | undefined): CellType {
  return (type === undefined ? undefined : TYPES[type.typeId]) ?? 'text';
}

function cellOf(value: Row['cells'][number], type: Row['types'][number] | undefined): Cell {
  if (value === null || type === undefined) return null;
  if (value instanceof DuckDBTimestampTZValue || value instanceof DuckDBTimestampValue) return value.micros;
  if (value instanceof DuckDBDateValue) return value.days;
  if (value instanceof DuckDBBlobValue) return value.bytes;
  if (typeof value !== 'object') return value;
  const text = sqlValue(value, type);
  return typeof text === 'string' ? text : JSON.stringify(text);
}

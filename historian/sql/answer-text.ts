import type { Row } from './engine.ts';
import type { SqlColumn, SqlEnd } from './messages.ts';
import type { RowWriter } from './row-writer.ts';
import { type SqlValue, sqlValue } from './values.ts';

const encoder = new TextEncoder();

/** CSV (RFC 4180): a header, null as an empty field, an empty text as `""`, bytes in base64, lists and structures as JSON. */
export class CsvWriter implements RowWriter {
  private readonly types: Row['types'];

  constructor(types: Row['types']) {
    this.types = types;
  }

  begin(columns: readonly SqlColumn[]): Uint8Array {
    return encoder.encode(`${columns.map(({ name }) => quoted(name)).join(',')}\n`);
  }

  write(rows: readonly Row['cells'][]): Uint8Array {
    const { types } = this;
    return encoder.encode(rows.map((row) => `${cellsOf(row, types).map(csvCell).join(',')}\n`).join(''));
  }

  end(): Uint8Array {
    return new Uint8Array(0);
  }
}

/** JSON: `{"columns":[{"name","type"}],"rows":[[…],…],"gaps":0,"more":false}`, a row a line. 64-bit integers have all their digits, bytes are in base64, what is no number (NaN, infinities) is its name. */
export class JsonWriter implements RowWriter {
  private readonly types: Row['types'];
  private separator = '\n';

  constructor(types: Row['types']) {
    this.types = types;
  }

  begin(columns: readonly SqlColumn[]): Uint8Array {
    return encoder.encode(`{"columns":${JSON.stringify(columns)},"rows":[`);
  }

  write(rows: readonly Row['cells'][]): Uint8Array {
    const text = rows.map((row) => `[${cellsOf(row, this.types).map(jsonCell).join(',')}]`).join(',\n');
    const piece = encoder.encode(this.separator + text);
    this.separator = ',\n';
    return piece;
  }

  end({ gaps, more }: SqlEnd): Uint8Array {
    return encoder.encode(`\n],"gaps":${gaps},"more":${more}}\n`);
  }
}

function cellsOf(row: Row['cells'], types: Row['types']): SqlValue[] {
  return row.map((cell, i) => {
    const type = types[i];
    return type === undefined ? null : sqlValue(cell, type);
  });
}

function csvCell(value: SqlValue): string {
  if (value === null) return '';
  if (typeof value === 'string') return value === '' ? '""' : quoted(value);
  if (typeof value === 'number') return numberText(value);
  if (value instanceof Uint8Array) return value.length === 0 ? '""' : base64(value);
  return typeof value === 'object' ? quoted(JSON.stringify(value)) : String(value);
}

function jsonCell(value: SqlValue): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? numberText(value) : `"${value}"`;
  return JSON.stringify(value instanceof Uint8Array ? base64(value) : value);
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

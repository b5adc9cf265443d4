import {
  DuckDBBlobValue,
  DuckDBTimestampTZValue,
  type DuckDBType,
  type DuckDBValue,
  type Json,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api';

/**
 * A value of an answer. Numbers are numbers, integers beyond 2^53 bigints; times with a zone are ISO 8601 in UTC with six digits; bytes are bytes; times without a zone, dates, decimals and
 * the like are the text that DuckDB prints; lists and structures are as in JSON, with 64-bit integers as texts.
 */
export type SqlValue = Json | bigint | Uint8Array;

/** Times that JavaScript's calendar reaches, µs. */
const CALENDAR_US = 8_640_000_000_000_000_000n;

/** What a cell of a result holds. */
export function sqlValue(value: DuckDBValue, type: DuckDBType): SqlValue {
  if (value === null || typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value instanceof DuckDBTimestampTZValue) return timeText(value.micros) ?? value.toString();
  if (value instanceof DuckDBBlobValue) return Uint8Array.from(value.bytes);
  return JsonDuckDBValueConverter(value, type, JsonDuckDBValueConverter);
}

function timeText(us: bigint): string | undefined {
  if (us > CALENDAR_US || us < -CALENDAR_US) return undefined;
  const micros = ((us % 1000n) + 1000n) % 1000n;
  const ms = new Date(Number((us - micros) / 1000n)).toISOString();
  return `${ms.slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}

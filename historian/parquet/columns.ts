/** A column of a file, with its number and type in Iceberg; `sql`: how it is made of `samples`. */
interface FileColumn {
  readonly id: number;
  readonly type: string;
  readonly sql: string;
}

/**
 * The columns of Parquet files: those of `../arrow/README.md`, and where the sample stands in the log. Iceberg has no unsigned integers: the StatusCode is a long, uint64 a decimal of 20 digits.
 * Numbers are never used again for something else.
 */
export const FILE_COLUMNS = {
  tag: { id: 1, type: 'string', sql: 'tag' },
  time: { id: 2, type: 'timestamptz', sql: 'time' },
  kind: { id: 3, type: 'string', sql: 'kind' },
  value: { id: 4, type: 'double', sql: 'value' },
  integer: { id: 5, type: 'long', sql: 'integer' },
  unsigned: { id: 6, type: 'decimal(20, 0)', sql: 'unsigned::DECIMAL(20, 0)' },
  text: { id: 7, type: 'string', sql: 'text' },
  bytes: { id: 8, type: 'binary', sql: 'bytes' },
  quality: { id: 9, type: 'long', sql: 'quality::BIGINT' },
  flags: { id: 10, type: 'int', sql: 'flags::INTEGER' },
  device_time: { id: 11, type: 'timestamptz', sql: 'device_time' },
  server_time: { id: 12, type: 'timestamptz', sql: 'server_time' },
  topic: { id: 13, type: 'string', sql: 'topic' },
  log_offset: { id: 14, type: 'long', sql: 'log_offset' },
} as const satisfies Readonly<Record<string, FileColumn>>;

/** What is written over is a file of ours, whose permissions are to stay. */
const IN_PLACE = 'USE_TMP_FILE false';
const CSV_TIME = `'%Y-%m-%dT%H:%M:%S.%fZ'`;
const columns = Object.entries(FILE_COLUMNS);

/** What is selected for a file of this format. In CSV bytes are base64. */
export function selectFor(format: 'parquet' | 'csv'): string {
  return columns
    .map(([name, { sql }]) => (format === 'csv' && name === 'bytes' ? 'base64(bytes) AS bytes' : `${sql} AS "${name}"`))
    .join(', ');
}

/**
 * The options of COPY. In a dictionary of DuckDB 0 and -0 are the same, whichever was first: where both may be there, it is left out (`signedZeros`). It cannot always be: two-decimal values of 1 M
 * samples took 1.2 bytes each with it, 3.9 without.
 */
export function copyOptions(format: 'parquet' | 'csv', signedZeros: boolean): string {
  if (format === 'csv') return `FORMAT csv, HEADER, TIMESTAMPFORMAT ${CSV_TIME}, ${IN_PLACE}`;
  const ids = columns.map(([name, { id }]) => `${name}: ${id}`).join(', ');
  const dictionary = signedZeros ? ', DICTIONARY_SIZE_LIMIT 0' : '';
  return `FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd${dictionary}, FIELD_IDS {${ids}}, ${IN_PLACE}`;
}

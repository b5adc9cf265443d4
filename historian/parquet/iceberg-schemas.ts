import type { AvroSchema } from './avro-file.ts';
import { FILE_COLUMNS } from './columns.ts';

/** Schemas of Iceberg's files (Apache Iceberg table specification, format version 2, "Schemas and Data Types", "Manifests", "Manifest Lists"). */

/** The columns of the table. All may be missing as far as Iceberg is concerned: so it is in the files. */
export const TABLE_SCHEMA = {
  type: 'struct',
  'schema-id': 0,
  fields: Object.entries(FILE_COLUMNS).map(([name, { id, type }]) => ({ id, name, required: false, type })),
};

/** One partition a day of effective time, in UTC. */
export const PARTITION_FIELDS = [
  { 'source-id': FILE_COLUMNS.time.id, 'field-id': 1000, transform: 'day', name: 'time_day' },
];

const optional = (type: unknown): unknown => ['null', type];
const field = (id: number, name: string, type: unknown): object =>
  Array.isArray(type) ? { name, type, default: null, 'field-id': id } : { name, type, 'field-id': id };

/** Bytes by column number: Avro has no map with such keys. */
const bounds = (id: number, name: string, key: number): object =>
  field(
    id,
    name,
    optional({
      type: 'array',
      logicalType: 'map',
      items: {
        type: 'record',
        name: `k${key}_v${key + 1}`,
        fields: [field(key, 'key', 'int'), field(key + 1, 'value', 'bytes')],
      },
    }),
  );

/** An entry of a manifest: a data file. */
export const MANIFEST_ENTRY: AvroSchema = {
  type: 'record',
  name: 'manifest_entry',
  fields: [
    field(0, 'status', 'int'),
    field(1, 'snapshot_id', optional('long')),
    field(3, 'sequence_number', optional('long')),
    field(4, 'file_sequence_number', optional('long')),
    field(2, 'data_file', {
      type: 'record',
      name: 'r2',
      fields: [
        field(134, 'content', 'int'),
        field(100, 'file_path', 'string'),
        field(101, 'file_format', 'string'),
        field(102, 'partition', {
          type: 'record',
          name: 'r102',
          fields: [field(1000, 'time_day', optional({ type: 'int', logicalType: 'date' }))],
        }),
        field(103, 'record_count', 'long'),
        field(104, 'file_size_in_bytes', 'long'),
        bounds(125, 'lower_bounds', 126),
        bounds(128, 'upper_bounds', 129),
      ],
    }),
  ],
};

/** An entry of a manifest list: a manifest. */
export const MANIFEST_FILE: AvroSchema = {
  type: 'record',
  name: 'manifest_file',
  fields: [
    field(500, 'manifest_path', 'string'),
    field(501, 'manifest_length', 'long'),
    field(502, 'partition_spec_id', 'int'),
    field(517, 'content', 'int'),
    field(515, 'sequence_number', 'long'),
    field(516, 'min_sequence_number', 'long'),
    field(503, 'added_snapshot_id', 'long'),
    field(504, 'added_files_count', 'int'),
    field(505, 'existing_files_count', 'int'),
    field(506, 'deleted_files_count', 'int'),
    field(512, 'added_rows_count', 'long'),
    field(513, 'existing_rows_count', 'long'),
    field(514, 'deleted_rows_count', 'long'),
  ],
};

/** What an entry of a manifest is, as far as we look. */
export interface ManifestEntry {
  readonly snapshot_id: number;
  readonly sequence_number: number;
  readonly data_file: {
    readonly file_path: string;
    readonly partition: { readonly time_day: number };
    readonly record_count: number;
    readonly file_size_in_bytes: number;
    readonly lower_bounds: readonly Bound[] | null;
    readonly upper_bounds: readonly Bound[] | null;
  };
}

/** Least or greatest value of a column, by the number of the column, in bytes as Iceberg has them (spec, "Binary single-value serialization"). */
export interface Bound {
  readonly key: number;
  readonly value: Uint8Array;
}

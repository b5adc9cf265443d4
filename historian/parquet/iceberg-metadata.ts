import { PARTITION_FIELDS, TABLE_SCHEMA } from './iceberg-schemas.ts';

/** What is said of a version of the table. */
export interface VersionFacts {
  readonly uuid: string;
  readonly location: string;
  readonly nowMs: number;
  readonly sequence: number;
  readonly snapshotId: number;
  /** Where its manifest list is. */
  readonly manifestList: string;
  readonly rows: number;
  readonly files: number;
  readonly properties: Readonly<Record<string, string>>;
}

/** Table metadata with one snapshot (Iceberg specification, version 2, "Table Metadata"). */
export function tableMetadata(facts: VersionFacts) {
  const { uuid, location, nowMs, sequence, snapshotId, manifestList, rows, files, properties } = facts;
  const total = { 'total-records': String(rows), 'total-data-files': String(files) };
  return {
    'format-version': 2,
    'table-uuid': uuid,
    location,
    'last-sequence-number': sequence,
    'last-updated-ms': nowMs,
    'last-column-id': Math.max(...TABLE_SCHEMA.fields.map(({ id }) => id)),
    schemas: [TABLE_SCHEMA],
    'current-schema-id': 0,
    'partition-specs': [{ 'spec-id': 0, fields: PARTITION_FIELDS }],
    'default-spec-id': 0,
    'last-partition-id': 1000,
    'sort-orders': [{ 'order-id': 0, fields: [] }],
    'default-sort-order-id': 0,
    properties,
    'current-snapshot-id': snapshotId,
    refs: { main: { 'snapshot-id': snapshotId, type: 'branch' } },
    snapshots: [
      {
        'snapshot-id': snapshotId,
        'sequence-number': sequence,
        'timestamp-ms': nowMs,
        'manifest-list': manifestList,
        summary: { operation: 'overwrite', ...total },
        'schema-id': 0,
      },
    ],
    'snapshot-log': [{ 'snapshot-id': snapshotId, 'timestamp-ms': nowMs }],
    'metadata-log': [],
  };
}

import { randomInt, randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../edge/core/clock.ts';
import { Fault, messageOf } from '../../edge/core/fault.ts';
import type { Gap } from '../reading/gap.ts';
import { avroFile, avroRecords } from './avro-file.ts';
import {
  MANIFEST_ENTRY,
  MANIFEST_FILE,
  type ManifestEntry,
  PARTITION_FIELDS,
  TABLE_SCHEMA,
} from './iceberg-schemas.ts';
import { tableMetadata } from './iceberg-metadata.ts';
import { boundsOf, tagIn, timeIn } from './manifest-bounds.ts';
import type { TablesSeen } from './known-tables.ts';
import type { TierFolder } from './tier-folder.ts';

export const DAY_US = 86_400_000_000;

/** A day in the cold tier. */
export interface ColdDay {
  /** Days since 1970, UTC. */
  readonly day: number;
  /** Its file, in the folder of the tier. */
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
  readonly tags: readonly [string, string];
  readonly timesUs: readonly [number, number];
  /** Spans in which samples of some tag may be missing. */
  readonly gaps: readonly Gap[];
  /** The snapshot that brought it. */
  readonly snapshotId: number;
  readonly sequence: number;
}

/** What the store had at a look at it, and the tier has since: every sample with an effective time below `untilUs` whose log offset is below that of its topic. */
export interface Covered {
  readonly untilUs: number;
  readonly positions: Readonly<Record<string, number>>;
  /** Days of which that is not so, because they could not be written. */
  readonly waiting?: readonly WaitingDay[];
}

/** A day whose late samples are not there: nothing that came from `sinceUs` on. */
export interface WaitingDay {
  readonly day: number;
  readonly sinceUs: number;
}

/** What came before this time and belongs before it is there, µs. */
export function coveredUs({ untilUs, waiting = [] }: Covered): number {
  return Math.min(untilUs, ...waiting.map(({ sinceUs }) => sinceUs));
}

/** What a commit changes beside the days that it adds. */
export interface TableChange {
  /** Days of which there is nothing any more. */
  readonly removed?: readonly number[];
  readonly covered?: Covered | undefined;
}

/** A day that is to be added. */
export type NewDay = Omit<ColdDay, 'snapshotId' | 'sequence'>;

interface Metadata {
  readonly 'table-uuid': string;
  readonly 'last-sequence-number': number;
  readonly 'last-updated-ms': number;
  readonly 'current-snapshot-id': number;
  readonly properties: Readonly<Record<string, string>>;
}

/** A version as it lies there. */
interface Version {
  readonly version: number;
  readonly metadata: Metadata;
}

interface Snapshot {
  readonly snapshotId: number;
  readonly sequence: number;
  readonly covered: Covered | undefined;
  readonly beginUs: number;
}

const HINT = 'metadata/version-hint.text';
const GAPS = 'millrace.gaps';
const COVERED = 'millrace.covered';
const BEGIN = 'millrace.begin';
const NOBODY: Metadata = {
  'table-uuid': '',
  'last-sequence-number': 0,
  'last-updated-ms': 0,
  'current-snapshot-id': 0,
  properties: {},
};

/**
 * The days of the cold tier as an Iceberg table (format version 2), which is also how we ourselves find them. One writer; a commit is visible when the version hint names it. Of each version there are
 * three files: `v<n>.metadata.json`, its manifest list and its manifest; those of the version before stay for readers that have begun.
 */
export class ColdTable {
  version = 0;
  private readonly folder: TierFolder;
  private readonly clock: Clock;
  private readonly seen: TablesSeen | undefined;
  private metadata: Metadata = NOBODY;
  private byDay = new Map<number, ColdDay>();
  private coveredNow: Covered | undefined;
  private begunUs = Number.POSITIVE_INFINITY;
  /** Files that no version needs any more. */
  private readonly unwanted = new Set<string>();

  /** `seen`: what is remembered of this place; without it nothing is. */
  constructor(
    folder: TierFolder,
    { clock = systemClock(), seen }: { clock?: Clock; seen?: TablesSeen | undefined } = {},
  ) {
    this.folder = folder;
    this.clock = clock;
    this.seen = seen;
  }

  /** In their order. */
  get days(): ColdDay[] {
    return [...this.byDay.values()].toSorted((a, b) => a.day - b.day);
  }

  /** Where its first day begins, µs, also when all of that day was erased; without any day never. */
  get beginUs(): number {
    return this.begunUs;
  }

  /** When something was put there or taken out last, ms; undefined: never. */
  get updatedMs(): number | undefined {
    return this.metadata['last-updated-ms'] || undefined;
  }

  /** Undefined: nothing is known. */
  get covered(): Covered | undefined {
    return this.coveredNow;
  }

  day(day: number): ColdDay | undefined {
    return this.byDay.get(day);
  }

  /**
   * Reads what the folder holds now; nothing if there is nothing yet. Throws `historian-damaged`, `data-unreadable`, and `tier-unreachable` also where there is no table, or another one, and there
   * was one: a disk that is not mounted.
   */
  async load(): Promise<void> {
    const found = await this.look();
    this.expect(found?.metadata['table-uuid']);
    if (found === undefined || this.is(found)) return;
    const { version, metadata } = found;
    const gaps = JSON.parse(metadata.properties[GAPS] ?? '{}') as Record<string, readonly Gap[]>;
    const entries = avroRecords(
      MANIFEST_ENTRY,
      await this.bytes(`metadata/v${version}-manifest.avro`),
    ) as ManifestEntry[];
    this.byDay = new Map(entries.map((entry) => [entry.data_file.partition.time_day, this.dayOf(entry, gaps)]));
    const covered = metadata.properties[COVERED];
    this.coveredNow = covered === undefined ? undefined : (JSON.parse(covered) as Covered);
    this.begunUs = Math.min(Number(metadata.properties[BEGIN] ?? Infinity), firstOf(this.byDay.keys()));
    this.metadata = metadata;
    this.version = version;
    this.note();
  }

  /**
   * To be asked before anything is written or removed there: refuses (`tier-unreachable`) where something else lies there than what was loaded. A disk that is mounted between this and what follows is
   * not noticed: a folder is known by its name alone.
   */
  async confirm(): Promise<void> {
    const found = await this.look();
    if (found === undefined ? this.version === 0 : this.is(found)) return;
    this.expect(found?.metadata['table-uuid']);
    throw new Fault('tier-unreachable', `${this.folder.location} was changed by somebody else just now.`);
  }

  private async look(): Promise<Version | undefined> {
    const hint = await this.folder.getBytes(HINT);
    if (hint === undefined) return undefined;
    const version = Number(Buffer.from(hint).toString());
    if (!Number.isSafeInteger(version) || version < 1)
      throw new Fault('historian-damaged', `${HINT} names no version.`);
    return { version, metadata: parse(await this.bytes(`metadata/v${version}.metadata.json`)) };
  }

  /** Tables of the same version are told apart by their snapshot, which is a random number. */
  private is({ version, metadata }: Version): boolean {
    return version === this.version && metadata['current-snapshot-id'] === this.metadata['current-snapshot-id'];
  }

  /** Refuses what cannot be the table that was there. */
  private expect(table: string | undefined): void {
    const { seen, folder } = this;
    const before = this.version > 0 ? this.metadata['table-uuid'] : seen?.at(folder.location);
    if (before === undefined || before === table) return;
    const what = table === undefined ? 'no table of a cold tier' : 'the table of another cold tier';
    const anew = seen === undefined ? '' : ` If it is to begin anew: remove ${seen.file} and start again.`;
    throw new Fault('tier-unreachable', `${folder.location} has ${what}. Is it mounted?${anew}`);
  }

  private note(): void {
    this.seen?.note?.(this.folder.location, this.metadata['table-uuid']);
  }

  /** Adds days; one that is there is replaced, and its file removed, if that can be (`tidy`). Throws `file-unwritable`, and as `confirm`. */
  async commit(added: readonly NewDay[], { removed = [], covered = this.covered }: TableChange = {}): Promise<void> {
    await this.confirm();
    const sequence = this.metadata['last-sequence-number'] + 1;
    const snapshotId = randomInt(1, 2 ** 47);
    const days = new Map(this.byDay);
    for (const day of removed) days.delete(day);
    for (const day of added) days.set(day.day, { ...day, snapshotId, sequence });
    const kept = new Set(Array.from(days.values(), ({ name }) => name));
    const replaced = [...this.byDay.values()].flatMap(({ name }) => (kept.has(name) ? [] : [name]));
    const version = this.version + 1;
    const beginUs = Math.min(this.begunUs, firstOf(days.keys()));
    const metadata = await this.write(version, [...days.values()], { snapshotId, sequence, covered, beginUs });
    await this.folder.putBytes(HINT, Buffer.from(String(version)));
    this.metadata = metadata;
    this.version = version;
    this.byDay = days;
    this.coveredNow = covered;
    this.begunUs = beginUs;
    this.note();
    for (const name of [...replaced, ...namesOf(version - 2)]) this.unwanted.add(name);
    await this.removeUnwanted();
  }

  /** Removes what commits of this process have not been able to. Throws `tier-leftovers` where it still cannot be, and as `confirm`. */
  async tidy(): Promise<void> {
    if (this.unwanted.size === 0) return;
    await this.confirm();
    const fault = await this.removeUnwanted();
    if (fault === undefined) return;
    throw new Fault('tier-leftovers', `${fault.detail} (${this.unwanted.size} files)`, { cause: fault });
  }

  /** The first that cannot be removed ends it. */
  private async removeUnwanted(): Promise<Fault | undefined> {
    try {
      for (const name of this.unwanted) {
        await this.folder.remove(name);
        this.unwanted.delete(name);
      }
      return undefined;
    } catch (error) {
      if (error instanceof Fault) return error;
      throw error;
    }
  }

  private async write(version: number, days: readonly ColdDay[], snapshot: Snapshot): Promise<Metadata> {
    const { folder } = this;
    const { snapshotId, sequence } = snapshot;
    const [metadataName = '', listName = '', manifestName = ''] = namesOf(version);
    const manifest = avroFile(
      MANIFEST_ENTRY,
      MANIFEST_METADATA,
      days.map((day) => this.entryOf(day, snapshotId)),
    );
    await folder.putBytes(manifestName, manifest);
    const added = days.filter((day) => day.snapshotId === snapshotId);
    const existing = days.filter((day) => day.snapshotId !== snapshotId);
    const list = {
      manifest_path: this.pathOf(manifestName),
      manifest_length: manifest.length,
      partition_spec_id: 0,
      content: 0,
      sequence_number: sequence,
      min_sequence_number: Math.min(sequence, ...days.map((day) => day.sequence)),
      added_snapshot_id: snapshotId,
      added_files_count: added.length,
      existing_files_count: existing.length,
      deleted_files_count: 0,
      added_rows_count: rowsOf(added),
      existing_rows_count: rowsOf(existing),
      deleted_rows_count: 0,
    };
    const listMetadata = {
      'snapshot-id': String(snapshotId),
      'sequence-number': String(sequence),
      'format-version': '2',
    };
    await folder.putBytes(listName, avroFile(MANIFEST_FILE, listMetadata, [list]));
    const metadata = this.metadataOf(days, snapshot, this.pathOf(listName));
    await folder.putBytes(metadataName, Buffer.from(JSON.stringify(metadata, null, 2)));
    return metadata;
  }

  private metadataOf(days: readonly ColdDay[], snapshot: Snapshot, manifestList: string) {
    const { snapshotId, sequence, covered, beginUs } = snapshot;
    const gaps = Object.fromEntries(days.filter((day) => day.gaps.length > 0).map((day) => [day.day, day.gaps]));
    return tableMetadata({
      uuid: this.metadata['table-uuid'] || randomUUID(),
      location: this.folder.location,
      nowMs: this.clock.nowMs(),
      sequence,
      snapshotId,
      manifestList,
      rows: rowsOf(days),
      files: days.length,
      properties: {
        [GAPS]: JSON.stringify(gaps),
        ...(covered && { [COVERED]: JSON.stringify(covered) }),
        ...(beginUs < Infinity && { [BEGIN]: String(beginUs) }),
      },
    });
  }

  private entryOf(day: ColdDay, snapshotId: number): object {
    return {
      status: day.snapshotId === snapshotId ? 1 : 0,
      snapshot_id: day.snapshotId,
      sequence_number: day.sequence,
      file_sequence_number: day.sequence,
      data_file: {
        content: 0,
        file_path: this.pathOf(day.name),
        file_format: 'PARQUET',
        partition: { time_day: day.day },
        record_count: day.rows,
        file_size_in_bytes: day.bytes,
        lower_bounds: boundsOf(day.tags[0], day.timesUs[0]),
        upper_bounds: boundsOf(day.tags[1], day.timesUs[1]),
      },
    };
  }

  private dayOf(entry: ManifestEntry, gaps: Readonly<Record<string, readonly Gap[]>>): ColdDay {
    const { file_path, partition, record_count, file_size_in_bytes, lower_bounds, upper_bounds } = entry.data_file;
    const day = partition.time_day;
    return {
      day,
      // The folder may have been moved since; what is behind its location stays.
      name: file_path.slice(file_path.lastIndexOf('/data/') + 1),
      rows: record_count,
      bytes: file_size_in_bytes,
      tags: [tagIn(lower_bounds), tagIn(upper_bounds)],
      timesUs: [timeIn(lower_bounds), timeIn(upper_bounds)],
      gaps: gaps[day] ?? [],
      snapshotId: entry.snapshot_id,
      sequence: entry.sequence_number,
    };
  }

  private pathOf(name: string): string {
    return `${this.folder.location}/${name}`;
  }

  private async bytes(name: string): Promise<Uint8Array> {
    const bytes = await this.folder.getBytes(name);
    if (bytes === undefined) throw new Fault('historian-damaged', `${this.pathOf(name)} is missing.`);
    return bytes;
  }
}

const MANIFEST_METADATA = {
  schema: JSON.stringify(TABLE_SCHEMA),
  'schema-id': '0',
  'partition-spec': JSON.stringify(PARTITION_FIELDS),
  'partition-spec-id': '0',
  'format-version': '2',
  content: 'data',
};

/** The files of a version; none of those before the first. */
function namesOf(version: number): string[] {
  if (version < 1) return [];
  return [`metadata/v${version}.metadata.json`, `metadata/v${version}-list.avro`, `metadata/v${version}-manifest.avro`];
}

/** Where the first of some days begins, µs; of none never. */
function firstOf(days: Iterable<number>): number {
  return Math.min(...Array.from(days, (day) => day * DAY_US));
}

function rowsOf(days: readonly ColdDay[]): number {
  return days.reduce((sum, { rows }) => sum + rows, 0);
}

function parse(bytes: Uint8Array): Metadata {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as Metadata;
  } catch (error) {
    throw new Fault('historian-damaged', `Metadata of the cold tier: ${messageOf(error)}`, { cause: error });
  }
}

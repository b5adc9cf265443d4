import path from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { type Disk, readFile, replaceFile } from '../edge/core/disk.ts';
import { Fault } from '../edge/core/fault.ts';
import type { FileEntry } from './file-writer.ts';

/** Which log the historian is filled from. */
export interface LogIdentity {
  readonly logId: string;
  readonly epoch: number;
}

/** How far a topic is contained in the files. */
export interface TopicPosition {
  readonly topic: string;
  /** Offset of the first record that is not contained. */
  readonly position: number;
  /** Ingest time of the last one that is, ms; 0: none yet. */
  readonly lastMs: number;
  /** Records that could not be had or could not be read, ever. */
  readonly lost: number;
}

/** Why records of the log are not in the historian. */
export type LossReason = 'damage' | 'retention' | 'filler' | 'malformed' | 'unread';

/** Records `first` to `last` of a topic that are not to be had, and the ingest times between which they came, ms. */
export interface LostRange {
  readonly topic: string;
  readonly first: number;
  readonly last: number;
  readonly reason: LossReason;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What MANIFEST says (FORMAT.md, "MANIFEST"): the files and, in the same swap, how far they contain the log. */
export interface Manifest extends LogIdentity {
  /** Number of the next file. */
  readonly next: number;
  /** Position in this list is the number of the topic. Only grows. */
  readonly topics: readonly TopicPosition[];
  readonly files: readonly FileEntry[];
  /** The newest lost ranges. */
  readonly lost: readonly LostRange[];
}

const MANIFEST_NAME = 'MANIFEST';
const FILE_NAME = /^\d{10}\.mrh$/;

/** Name of the file with this number. */
export function fileName(number: number): string {
  return `${String(number).padStart(10, '0')}.mrh`;
}

/** Names of the historian's files in a folder, whether a manifest names them or not. */
export function listFiles(disk: Disk, folder: string): string[] {
  return disk.list(folder).filter((name) => FILE_NAME.test(name));
}

/** Reads the manifest of a folder; undefined if there is none. Throws `historian-damaged`. */
export function readManifest(disk: Disk, folder: string): Manifest | undefined {
  const file = path.join(folder, MANIFEST_NAME);
  const bytes = readFile(disk, file);
  if (bytes === undefined) return undefined;
  const text = new TextDecoder().decode(bytes);
  const match = /^([0-9a-f]{8}) (\{.*\})\n$/.exec(text);
  const [, sum, body] = match ?? [];
  if (sum === undefined || body === undefined || crc32c(body) !== Number.parseInt(sum, 16))
    throw new Fault('historian-damaged', `The checksum of ${file} differs.`);
  const manifest: unknown = JSON.parse(body);
  if (!isManifest(manifest)) throw new Fault('historian-damaged', `${file} is of another version.`);
  return manifest;
}

/** Replaces the manifest: after a crash the old or the new one is there. */
export function writeManifest(disk: Disk, folder: string, manifest: Manifest): void {
  const body = JSON.stringify({ v: 1, ...manifest });
  const sum = crc32c(body).toString(16).padStart(8, '0');
  replaceFile(disk, path.join(folder, MANIFEST_NAME), `${sum} ${body}\n`);
}

/** The checksum vouches for the content: only the version is looked at, and that what is used as a list is one. */
function isManifest(value: unknown): value is Manifest {
  if (typeof value !== 'object' || value === null) return false;
  const { v, files, topics, lost } = value as Record<string, unknown>;
  return v === 1 && Array.isArray(files) && Array.isArray(topics) && Array.isArray(lost);
}

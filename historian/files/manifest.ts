import path from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { type Disk, readFile, replaceFile } from '../../edge/core/disk.ts';
import { Fault } from '../../edge/core/fault.ts';
import type { Erasure } from './erasures.ts';
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

/** What has expired: effective times before `beforeUs`, µs, and log offsets below `below`. */
export interface ExpiredLevel {
  readonly beforeUs: number;
  readonly below: number;
}

/** What samples of a topic have expired. */
export interface Expiry extends ExpiredLevel {
  readonly topic: string;
  /** What roll-ups of minutes, of hours, of days have, as far as there are such; left out: there are no roll-ups, and what has expired goes. */
  readonly rollups?: readonly ExpiredLevel[];
}

/** Samples of a tag that could not be read when their file was written again, and that are gone. */
export interface UnreadableBlock {
  readonly tag: string;
  readonly topic: string;
  readonly samples: number;
  /** Effective time of the first and the last of them, µs. */
  readonly firstUs: number;
  readonly lastUs: number;
  /** Where they were, and what was wrong. */
  readonly detail: string;
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
  /** The newest blocks that were given up. */
  readonly unreadable: readonly UnreadableBlock[];
  /** Of the topics of which something has expired; what has may still be in files. */
  readonly expired: readonly Expiry[];
  /** Number of the last erasure ever; 0: none. */
  readonly lastErasure: number;
  /** Those that are not done, or of which the log may still hold something. */
  readonly erasures: readonly Erasure[];
}

/** That of a folder to which nothing has come. */
export function emptyManifest({ logId, epoch }: LogIdentity): Manifest {
  const lists = { topics: [], files: [], lost: [], unreadable: [], expired: [], lastErasure: 0, erasures: [] };
  return { logId, epoch, next: 1, ...lists };
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

const HOW_TO_MEND =
  'Without a backup of the folder: move it away, and the gateway fills a new one from what the log covers; what is older is missing then.';

/** Reads the manifest of a folder; undefined if there is none. Throws `state-damaged`. */
export function readManifest(disk: Disk, folder: string): Manifest | undefined {
  const file = path.join(folder, MANIFEST_NAME);
  const bytes = readFile(disk, file);
  if (bytes === undefined) return undefined;
  const text = new TextDecoder().decode(bytes);
  const match = /^([0-9a-f]{8}) (\{.*\})\n$/.exec(text);
  const [, sum, body] = match ?? [];
  if (sum === undefined || body === undefined || crc32c(body) !== Number.parseInt(sum, 16))
    throw new Fault('state-damaged', `The checksum of ${file} differs. ${HOW_TO_MEND}`);
  const manifest: unknown = JSON.parse(body);
  if (!isManifest(manifest))
    throw new Fault('state-damaged', `${file} is of another version of Millrace: use that one. ${HOW_TO_MEND}`);
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
  const { v, files, topics, lost, unreadable, expired, erasures } = value as Record<string, unknown>;
  return v === 1 && [files, topics, lost, unreadable, expired, erasures].every((list) => Array.isArray(list));
}

import path from 'node:path';
import { crc32c } from '@node-rs/crc32';
import type { Disk } from '../../edge/core/disk.ts';
import { errnoOf, Fault, messageOf } from '../../edge/core/fault.ts';
import { StoredFile } from './file.ts';
import type { FileEntry } from './file-writer.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { SeriesIndex } from './series-index.ts';

const READ_BYTES = 1024 * 1024;
/** Damaged places of a file that are named. */
const MAX_PROBLEMS = 100;

/** What a check of one file found. */
export interface FileCheck {
  readonly name: string;
  readonly bytes: number;
  readonly samples: number;
  /** What is wrong with it, and where; empty: every byte is as it was written. */
  readonly problems: readonly string[];
}

/**
 * Checks the files that a manifest names byte by byte, against the lengths and checksums in it; a gateway may run meanwhile. Reading history checks only what it reads.
 * Throws `state-damaged` if the manifest itself is damaged, `historian-damaged` if there is none.
 */
export function* checkFiles(disk: Disk, folder: string): Generator<FileCheck> {
  const checked = new Set<string>();
  for (;;) {
    // Read again each time: a gateway that merges replaces files by new ones.
    const { files } = manifestOf(disk, folder);
    const entry = files.find(({ name }) => !checked.has(name));
    if (entry === undefined) return;
    checked.add(entry.name);
    const problems = problemsOf(disk, folder, entry);
    if (problems.length > 0 && !isNamed(disk, folder, entry)) continue;
    const { name, bytes, samples } = entry;
    yield { name, bytes, samples, problems };
  }
}

function manifestOf(disk: Disk, folder: string): Manifest {
  const manifest = readManifest(disk, folder);
  if (manifest === undefined) throw new Fault('historian-damaged', `There is no MANIFEST in ${folder}.`);
  return manifest;
}

function isNamed(disk: Disk, folder: string, entry: FileEntry): boolean {
  return manifestOf(disk, folder).files.some(({ name }) => name === entry.name);
}

function problemsOf(disk: Disk, folder: string, entry: FileEntry): string[] {
  const file = path.join(folder, entry.name);
  try {
    const { bytes, crc } = sumOf(disk, file);
    if (bytes !== entry.bytes) return [`${bytes} bytes instead of ${entry.bytes}.`];
    if (crc === entry.crc32c) return [];
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return [messageOf(error)];
  }
  return ['The checksum of the file differs.', ...damagedParts(disk, folder, entry)];
}

/** Length and CRC-32C of a file. */
function sumOf(disk: Disk, file: string): { bytes: number; crc: number } {
  const fd = disk.open(file, 'r');
  try {
    const buffer = new Uint8Array(READ_BYTES);
    let bytes = 0;
    let crc = 0;
    for (let got = disk.read(fd, buffer, 0); got > 0; got = disk.read(fd, buffer, bytes)) {
      crc = crc32c(buffer.subarray(0, got), crc);
      bytes += got;
    }
    return { bytes, crc };
  } finally {
    disk.close(fd);
  }
}

/** What of the file cannot be read any more. */
function damagedParts(disk: Disk, folder: string, entry: FileEntry): string[] {
  const file = new StoredFile(disk, folder, entry);
  const series = new SeriesIndex();
  const topics: string[] = [];
  try {
    file.open(series, (topic) => (topics.includes(topic) ? topics.indexOf(topic) : topics.push(topic) - 1));
  } catch (error) {
    if (error instanceof Fault) return [error.detail];
    throw error;
  }
  try {
    const parts: string[] = [];
    for (const id of file.series) {
      const list = file.blocks(id, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
      for (let block = 0; block < (list?.count ?? 0); block++) {
        const loaded = list?.load(block);
        if (!(loaded instanceof Fault) || loaded.code === 'historian-expired') continue;
        if (parts.length === MAX_PROBLEMS) return [...parts, 'And more.'];
        parts.push(`${series.tag(id)}, ${list?.samples(block)} samples: ${loaded.detail}`);
      }
    }
    return parts;
  } finally {
    file.release();
  }
}

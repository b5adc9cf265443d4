import { hash } from 'node:crypto';
import { type Choose, seeded } from './choices.ts';

/** A disk writes so much whole or not at all. */
const SECTOR_BYTES = 512;

/** 512 bytes that never change: files and images share them. */
class Sector {
  readonly bytes: Uint8Array;
  private known = '';

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get digest(): string {
    if (this.known === '') this.known = hash('sha1', this.bytes, 'base64').slice(0, 16);
    return this.known;
  }
}

const random = seeded(1);
const ZEROS = new Sector(new Uint8Array(SECTOR_BYTES));
/** What may stand where a file has grown, and nothing was written yet. */
const GARBAGE = new Sector(Uint8Array.from({ length: SECTOR_BYTES }, () => random(256)));

/** What a file holds after a crash. Never changes. */
export class FileImage {
  readonly size: number;
  readonly sectors: readonly Sector[];
  private known = '';

  constructor(size: number, sectors: readonly Sector[]) {
    this.size = size;
    this.sectors = sectors;
  }

  get digest(): string {
    if (this.known === '')
      this.known = hash('sha1', `${this.size}${this.sectors.map((sector) => sector.digest).join('')}`, 'base64');
    return this.known;
  }
}

const EMPTY = new FileImage(0, []);

/** Sizes between two that a file can have while it grows: at most so many are looked at. */
const SIZES_BETWEEN = 16;

/**
 * A file whatever its name: what programs see of it, and beside it what the disk may hold. Until a sync returns, each sector of the disk holds one of those that it was given
 * since the last, or what was there before, on its own: writes are lost, torn and out of order in every way that this allows. The size is one of those that it had, or one on
 * the way; where a file had grown and nothing came, there are zeros, or garbage.
 */
export class CrashFile {
  size: number;
  /** As programs see it; undefined: nothing was written there, zeros. */
  private readonly sectors: (Sector | undefined)[];
  /** Where the disk may hold something else: what was there, oldest first; undefined: nothing. */
  private unsure: Map<number, (Sector | undefined)[]> | undefined;
  private sizes: number[];
  /** What the next sync writes. After one that failed it is nothing: the system takes what it could not write for written. */
  private readonly dirty = new Set<number>();
  private sizeDirty = false;
  private sure: FileImage | undefined;

  constructor(image: FileImage = EMPTY) {
    this.size = image.size;
    this.sizes = [image.size];
    this.sectors = [...image.sectors];
    this.sure = image;
  }

  read(into: Uint8Array, position: number): number {
    const end = Math.min(this.size, position + into.length);
    for (let at = position; at < end;) {
      const nr = Math.floor(at / SECTOR_BYTES);
      const from = at % SECTOR_BYTES;
      const count = Math.min(SECTOR_BYTES - from, end - at);
      const { bytes } = this.sectors[nr] ?? ZEROS;
      into.set(count === SECTOR_BYTES ? bytes : bytes.subarray(from, from + count), at - position);
      at += count;
    }
    return Math.max(0, end - position);
  }

  write(bytes: Uint8Array, position: number): void {
    for (let at = 0; at < bytes.length;) {
      const nr = Math.floor((position + at) / SECTOR_BYTES);
      const from = (position + at) % SECTOR_BYTES;
      const part = bytes.subarray(at, at + SECTOR_BYTES - from);
      this.setSector(nr, from, part);
      at += part.length;
    }
    this.setSize(Math.max(this.size, position + bytes.length));
  }

  private setSector(nr: number, from: number, part: Uint8Array): void {
    const now = this.sectors[nr];
    const before = (now ?? ZEROS).bytes;
    const same = Buffer.compare(before.subarray(from, from + part.length), part) === 0;
    if (same && now !== undefined) this.set(nr, now);
    else if (same) this.set(nr, ZEROS);
    else {
      const after = before.slice();
      after.set(part, from);
      this.set(nr, new Sector(after));
    }
  }

  private set(nr: number, sector: Sector | undefined): void {
    const now = this.sectors[nr];
    this.unsure ??= new Map();
    const versions = this.unsure.get(nr);
    if (versions === undefined && now !== sector) this.unsure.set(nr, [now, sector]);
    else if (versions !== undefined && versions.at(-1) !== sector) versions.push(sector);
    this.dirty.add(nr);
    if (now === sector) return;
    this.sectors[nr] = sector;
    this.sure = undefined;
  }

  private setSize(size: number): void {
    this.sizeDirty = true;
    if (this.sizes.at(-1) !== size) {
      this.sizes.push(size);
      this.sure = undefined;
    }
    this.size = size;
  }

  truncate(size: number): void {
    const used = size % SECTOR_BYTES;
    const last = Math.floor(size / SECTOR_BYTES);
    if (size < this.size && used > 0) this.setSector(last, used, ZEROS.bytes.subarray(used));
    for (let nr = Math.ceil(size / SECTOR_BYTES); nr * SECTOR_BYTES < this.size; nr++) this.set(nr, undefined);
    this.setSize(size);
  }

  sync(): void {
    for (const nr of this.dirty) this.unsure?.delete(nr);
    if (this.sizeDirty) this.sizes = [this.size];
    this.forget();
  }

  /** The system could not write: it forgets that there is something to write, and goes on showing it. What the disk holds is as unsure as before, for all syncs to come. */
  failSync(): void {
    this.forget();
  }

  private forget(): void {
    this.dirty.clear();
    this.sizeDirty = false;
  }

  /** What the disk may hold if the power fails now. */
  image(choose: Choose): FileImage {
    const { unsure } = this;
    if (this.sure !== undefined) return this.sure;
    if (this.sizes.length === 1 && (unsure === undefined || unsure.size === 0)) {
      this.sure = new FileImage(this.size, whole(this.sectors, this.size));
      return this.sure;
    }
    const sizes = possibleSizes(this.sizes);
    const size = sizes[choose(sizes.length)] ?? 0;
    const sectors = this.sectors.slice(0, Math.ceil(size / SECTOR_BYTES));
    for (const [nr, versions] of unsure ?? []) {
      if (nr * SECTOR_BYTES >= size) continue;
      const ways = alternatives(versions);
      sectors[nr] = ways[ways.length === 1 ? 0 : choose(ways.length)] ?? ZEROS;
    }
    return new FileImage(size, whole(sectors, size));
  }
}

/** Nothing is left out, and zeros stand behind the end. */
function whole(sectors: readonly (Sector | undefined)[], size: number): Sector[] {
  const result = Array.from({ length: Math.ceil(size / SECTOR_BYTES) }, (_, nr) => sectors[nr] ?? ZEROS);
  const used = size % SECTOR_BYTES;
  const last = result.at(-1);
  if (used === 0 || last === undefined || last.bytes.every((byte, i) => i < used || byte === 0)) return result;
  const cut = new Uint8Array(SECTOR_BYTES);
  cut.set(last.bytes.subarray(0, used));
  result[result.length - 1] = new Sector(cut);
  return result;
}

/** What a sector of the disk may hold, newest first. */
function alternatives(versions: readonly (Sector | undefined)[]): (Sector | undefined)[] {
  const ways = new Set<Sector | undefined>(versions.toReversed().filter((version) => version !== undefined));
  if (versions.includes(undefined)) ways.add(ZEROS).add(GARBAGE);
  return [...ways];
}

/** Sizes that a file may have on the disk, newest first. */
function possibleSizes(had: readonly number[]): number[] {
  const sizes = new Set<number>();
  for (const [i, size] of [...had.entries()].toReversed()) {
    sizes.add(size);
    const from = had[i - 1] ?? size;
    const between = Math.max(0, Math.ceil(size / SECTOR_BYTES) - 1 - Math.floor(from / SECTOR_BYTES));
    const step = SECTOR_BYTES * Math.max(1, Math.ceil(between / SIZES_BETWEEN));
    for (let at = (Math.ceil(size / SECTOR_BYTES) - 1) * SECTOR_BYTES; at > from; at -= step) sizes.add(at);
  }
  return [...sizes];
}

import path from 'node:path';
import type { Disk } from './disk.ts';
import { systemError } from './traced-disk.ts';

/** For tests: numbers from 0 up to, not including, `limit`; the same for the same seed. */
export type Random = (limit: number) => number;

/** The generator "mulberry32": 32 bits of state, good enough to choose with. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * limit);
  };
}

/** Thrown by the call before which the power failed, and by every later one. */
export class PowerFailure extends Error {
  override readonly name = 'PowerFailure';
}

interface Write {
  readonly kind: 'write';
  readonly position: number;
  readonly bytes: Uint8Array;
}
type Change = Write | { readonly kind: 'truncate'; readonly size: number };

/** A file whatever its name: what it holds now, what of it was synced, and what was done to it since. */
interface Inode {
  bytes: Uint8Array;
  size: number;
  durable: Uint8Array;
  pending: Change[];
}

/** Names that are set or, with undefined, removed together. */
type NameChange = readonly (readonly [name: string, inode: Inode | undefined])[];

interface Folder {
  names: Map<string, Inode>;
  durable: Map<string, Inode>;
  pending: NameChange[];
}

const SECTOR = 512;

/**
 * For tests: a disk in memory that loses power. It keeps what was synced apart from what was not, names of folders apart from contents of files. `crash` leaves of the
 * unsynced what a disk might: writes and names that came in any order or not at all, writes of which only some sectors came, zeros or garbage where a file had grown.
 */
export class CrashDisk implements Disk {
  /** Calls that are left until the power fails; Infinity: it does not. */
  callsLeft = Infinity;
  private readonly inodes = new Map<number, Inode>();
  private readonly folders = new Map<string, Folder>();
  private nextFd = 1;

  private call(): void {
    if (this.callsLeft-- <= 0) throw new PowerFailure('no power');
  }

  private folder(name: string): Folder {
    const folder = this.folders.get(name);
    if (folder === undefined) throw systemError('ENOENT');
    return folder;
  }

  private inode(fd: number): Inode {
    const inode = this.inodes.get(fd);
    if (inode === undefined) throw systemError('EBADF');
    return inode;
  }

  private setNames(folder: Folder, changes: NameChange): void {
    setAll(folder.names, changes);
    folder.pending.push(changes);
  }

  open(file: string, flags: 'r' | 'r+' | 'wx+' | 'w'): number {
    this.call();
    const folder = this.folder(path.dirname(file));
    let inode = folder.names.get(path.basename(file));
    if (inode !== undefined && flags === 'wx+') throw systemError('EEXIST');
    if (inode === undefined) {
      if (flags === 'r' || flags === 'r+') throw systemError('ENOENT');
      inode = inodeOf(new Uint8Array(0));
      this.setNames(folder, [[path.basename(file), inode]]);
    } else if (flags === 'w') change(inode, { kind: 'truncate', size: 0 });
    this.inodes.set(this.nextFd, inode);
    return this.nextFd++;
  }

  close(fd: number): void {
    this.inode(fd);
    this.inodes.delete(fd);
  }

  size(fd: number): number {
    return this.inode(fd).size;
  }

  read(fd: number, into: Uint8Array, position: number): number {
    this.call();
    const { bytes, size } = this.inode(fd);
    const part = bytes.subarray(position, Math.min(size, position + into.length));
    into.set(part);
    return part.length;
  }

  write(fd: number, parts: readonly Uint8Array[], position: number): void {
    const write: Write = { kind: 'write', position, bytes: new Uint8Array(Buffer.concat(parts)) };
    const inode = this.inode(fd);
    // Where the power fails in the middle of it, some of it may have come, and nobody is told.
    if (this.callsLeft <= 0) inode.pending.push(write);
    this.call();
    change(inode, write);
  }

  sync(fd: number): void {
    this.call();
    const inode = this.inode(fd);
    inode.durable = inode.bytes.slice(0, inode.size);
    inode.pending = [];
  }

  truncate(fd: number, size: number): void {
    this.call();
    change(this.inode(fd), { kind: 'truncate', size });
  }

  rename(from: string, to: string): void {
    this.call();
    const folder = this.folder(path.dirname(from));
    const inode = folder.names.get(path.basename(from));
    if (inode === undefined) throw systemError('ENOENT');
    this.setNames(folder, [
      [path.basename(from), undefined],
      [path.basename(to), inode],
    ]);
  }

  unlink(file: string): void {
    this.call();
    const folder = this.folder(path.dirname(file));
    if (!folder.names.has(path.basename(file))) throw systemError('ENOENT');
    this.setNames(folder, [[path.basename(file), undefined]]);
  }

  /** As of `realDisk`: its name is synced. */
  makeFolder(folder: string): void {
    this.call();
    if (!this.folders.has(folder)) this.folders.set(folder, { names: new Map(), durable: new Map(), pending: [] });
  }

  list(folder: string): string[] {
    this.call();
    const names = [...(this.folders.get(folder)?.names.keys() ?? [])];
    const inside = [...this.folders.keys()].filter((name) => path.dirname(name) === folder);
    return [...names, ...inside.map((name) => path.basename(name))].toSorted();
  }

  syncFolder(name: string): void {
    this.call();
    const folder = this.folder(name);
    folder.durable = new Map(folder.names);
    folder.pending = [];
  }

  /** The power fails, and comes back: everything becomes what the disk might hold. */
  crash(random: Random): void {
    this.inodes.clear();
    this.callsLeft = Infinity;
    for (const folder of this.folders.values()) {
      const survivors = [...survivingNames(folder, random)];
      folder.names = new Map(survivors.map(([name, inode]) => [name, inodeOf(survivingBytes(inode, random))]));
      folder.durable = new Map(folder.names);
      folder.pending = [];
    }
  }
}

function inodeOf(bytes: Uint8Array): Inode {
  return { bytes, size: bytes.length, durable: bytes.slice(), pending: [] };
}

function setAll(names: Map<string, Inode>, changes: NameChange): void {
  for (const [name, inode] of changes) {
    if (inode === undefined) names.delete(name);
    else names.set(name, inode);
  }
}

/** Does what is asked to what the file holds now, and notes it. */
function change(inode: Inode, what: Change): void {
  inode.pending.push(what);
  if (what.kind === 'truncate') {
    inode.bytes = apply(inode.bytes.subarray(0, inode.size), what);
    inode.size = what.size;
    return;
  }
  const end = what.position + what.bytes.length;
  if (end > inode.bytes.length) {
    const grown = new Uint8Array(end * 2);
    grown.set(inode.bytes.subarray(0, inode.size));
    inode.bytes = grown;
  }
  inode.bytes.set(what.bytes, what.position);
  inode.size = Math.max(inode.size, end);
}

function apply(content: Uint8Array, what: Change): Uint8Array {
  const end = what.kind === 'write' ? what.position + what.bytes.length : what.size;
  const result = new Uint8Array(what.kind === 'write' ? Math.max(content.length, end) : end);
  result.set(content.subarray(0, result.length));
  if (what.kind === 'write') result.set(what.bytes, what.position);
  return result;
}

/** All changes of names up to some point, or some of them. */
function survivingNames({ durable, pending }: Folder, random: Random): Map<string, Inode> {
  const names = new Map(durable);
  const inOrder = random(2) === 0;
  const until = random(pending.length + 1);
  for (const [i, changes] of pending.entries()) {
    if (inOrder ? i < until : random(2) === 0) setAll(names, changes);
  }
  return names;
}

function survivingBytes({ durable, pending }: Inode, random: Random): Uint8Array {
  let content = durable;
  for (const what of pending) {
    const fate = random(6);
    if (fate === 0) continue;
    const whole = what.kind === 'truncate' || fate <= 2;
    content = apply(content, whole ? what : { ...what, bytes: torn(content, what, random) });
  }
  return content;
}

/**
 * A write of which each sector came, or did not: then it is as it was, and behind the end zeros or garbage. (A sector is written whole or not at all: what was durable in
 * it is never lost by writing it again.)
 */
function torn(content: Uint8Array, { position, bytes }: Write, random: Random): Uint8Array {
  const result = bytes.slice();
  for (let at = 0; at < bytes.length;) {
    const sector = Math.floor((position + at) / SECTOR) * SECTOR;
    const sectorEnd = Math.min(bytes.length, sector + SECTOR - position);
    const fate = random(4);
    const garbage = fate === 2 && sector >= content.length;
    if (fate > 1) for (let i = at; i < sectorEnd; i++) result[i] = garbage ? random(256) : (content[position + i] ?? 0);
    at = sectorEnd;
  }
  return result;
}

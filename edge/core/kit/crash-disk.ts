import { hash } from 'node:crypto';
import path from 'node:path';
import { type Choose, moody, type Random } from './choices.ts';
import { CrashFile, type FileImage } from './crash-file.ts';
import type { Disk } from '../disk.ts';
import { systemError } from './traced-disk.ts';

export { type Random, seeded } from './choices.ts';

/** Thrown by the call before which the power failed, and by every later one. */
export class PowerFailure extends Error {
  override readonly name = 'PowerFailure';
}

/** What a disk holds after a crash: for each folder, its names and files. Never changes. */
export type DiskImage = ReadonlyMap<string, ReadonlyMap<string, FileImage>>;

/** The same for the same names and contents. */
export function digestOf(image: DiskImage): string {
  const lines: string[] = [];
  for (const [folder, files] of image) {
    lines.push(folder);
    for (const name of [...files.keys()].toSorted()) lines.push(name, files.get(name)?.digest ?? '');
  }
  return hash('sha1', lines.join('\n'), 'base64');
}

/** Names that are set or, with undefined, removed together. */
type NameChange = readonly (readonly [name: string, file: CrashFile | undefined])[];

interface Folder {
  readonly names: Map<string, CrashFile>;
  durable: Map<string, CrashFile>;
  pending: NameChange[];
}

/** A call that changes the disk. */
export type Change = 'create' | 'write' | 'sync' | 'truncate' | 'rename' | 'unlink' | 'makeFolder' | 'syncFolder';

/**
 * For tests: a disk in memory that loses power. It keeps what was synced apart from what was not (see `CrashFile`), and names of folders apart from contents of files: of the
 * names that were set or removed since the folder was synced, each may be on the disk or not. `image` gives what may be left, in every way or in a random one.
 */
export class CrashDisk implements Disk {
  /** Calls that are left until the power fails; Infinity: it does not. */
  callsLeft = Infinity;
  /** Sees each call that changes something before it does, and may throw in its place what a system would. */
  before: ((what: Change, file: string) => void) | undefined;
  private readonly handles = new Map<number, { readonly name: string; readonly file: CrashFile }>();
  private readonly folders = new Map<string, Folder>();
  private nextFd = 1;

  /** A disk with these files. */
  static of(image: DiskImage): CrashDisk {
    const disk = new CrashDisk();
    disk.load(image);
    return disk;
  }

  private load(image: DiskImage): void {
    for (const [name, files] of image) {
      const names = new Map<string, CrashFile>();
      for (const [file, content] of files) names.set(file, new CrashFile(content));
      this.folders.set(name, { names, durable: new Map(names), pending: [] });
    }
  }

  private call(): void {
    if (this.callsLeft-- <= 0) throw new PowerFailure('no power');
  }

  private change(what: Change, file: string): void {
    this.call();
    this.before?.(what, file);
  }

  private folder(name: string): Folder {
    const folder = this.folders.get(name);
    if (folder === undefined) throw systemError('ENOENT');
    return folder;
  }

  private opened(fd: number): { readonly name: string; readonly file: CrashFile } {
    const opened = this.handles.get(fd);
    if (opened === undefined) throw systemError('EBADF');
    return opened;
  }

  private setNames(folder: Folder, changes: NameChange): void {
    for (const [name, file] of changes) setName(folder.names, name, file);
    folder.pending.push(changes);
  }

  open(name: string, flags: 'r' | 'r+' | 'wx+' | 'w'): number {
    this.call();
    const base = path.basename(name);
    const folder = this.folder(path.dirname(name));
    let file = folder.names.get(base);
    if (file !== undefined && flags === 'wx+') throw systemError('EEXIST');
    if (file === undefined) {
      if (flags === 'r' || flags === 'r+') throw systemError('ENOENT');
      this.before?.('create', name);
      file = new CrashFile();
      this.setNames(folder, [[base, file]]);
    } else if (flags === 'w') {
      this.before?.('truncate', name);
      file.truncate(0);
    }
    this.handles.set(this.nextFd, { name, file });
    return this.nextFd++;
  }

  close(fd: number): void {
    this.opened(fd);
    this.handles.delete(fd);
  }

  size(fd: number): number {
    return this.opened(fd).file.size;
  }

  read(fd: number, into: Uint8Array, position: number): number {
    this.call();
    return this.opened(fd).file.read(into, position);
  }

  write(fd: number, parts: readonly Uint8Array[], position: number): void {
    const { name, file } = this.opened(fd);
    const bytes = Buffer.concat(parts);
    try {
      this.change('write', name);
    } catch (error) {
      // Some of it may have come.
      file.write(error instanceof PowerFailure ? bytes : bytes.subarray(0, bytes.length / 2), position);
      throw error;
    }
    file.write(bytes, position);
  }

  sync(fd: number): void {
    const { name, file } = this.opened(fd);
    try {
      this.change('sync', name);
    } catch (error) {
      if (!(error instanceof PowerFailure)) file.failSync();
      throw error;
    }
    file.sync();
  }

  truncate(fd: number, size: number): void {
    const { name, file } = this.opened(fd);
    this.change('truncate', name);
    file.truncate(size);
  }

  rename(from: string, to: string): void {
    this.change('rename', to);
    const folder = this.folder(path.dirname(from));
    const file = folder.names.get(path.basename(from));
    if (file === undefined) throw systemError('ENOENT');
    this.setNames(folder, [
      [path.basename(from), undefined],
      [path.basename(to), file],
    ]);
  }

  unlink(name: string): void {
    this.change('unlink', name);
    const folder = this.folder(path.dirname(name));
    if (!folder.names.has(path.basename(name))) throw systemError('ENOENT');
    this.setNames(folder, [[path.basename(name), undefined]]);
  }

  /** As of `realDisk`: its name is synced. */
  makeFolder(name: string): void {
    if (this.folders.has(name)) return this.call();
    this.change('makeFolder', name);
    this.folders.set(name, { names: new Map(), durable: new Map(), pending: [] });
  }

  list(folder: string): string[] {
    this.call();
    const names = [...(this.folders.get(folder)?.names.keys() ?? [])];
    for (const name of this.folders.keys()) if (path.dirname(name) === folder) names.push(path.basename(name));
    return names.toSorted();
  }

  syncFolder(name: string): void {
    this.change('syncFolder', name);
    const folder = this.folder(name);
    folder.durable = new Map(folder.names);
    folder.pending = [];
  }

  /** What the disk may hold if the power fails now. */
  image(choose: Choose): DiskImage {
    const image = new Map<string, ReadonlyMap<string, FileImage>>();
    for (const [folder, { durable, pending }] of this.folders) {
      let names = durable;
      if (pending.length > 0) {
        names = new Map(durable);
        for (const changes of pending)
          if (choose(2) === 0) for (const [name, file] of changes) setName(names, name, file);
      }
      const files = new Map<string, FileImage>();
      for (const [name, file] of names) files.set(name, file.image(choose));
      image.set(folder, files);
    }
    return image;
  }

  /** The power fails, and comes back: everything becomes what the disk might hold. */
  crash(random: Random): void {
    this.load(this.image(moody(random)));
    this.handles.clear();
    this.callsLeft = Infinity;
  }
}

function setName(names: Map<string, CrashFile>, name: string, file: CrashFile | undefined): void {
  if (file === undefined) names.delete(name);
  else names.set(name, file);
}

import path from 'node:path';
import { type Disk, realDisk } from '../disk.ts';

/** A call that changes the disk, or could. `file` is the last part of its path. */
export interface DiskCall {
  readonly op: 'open' | 'write' | 'sync' | 'truncate' | 'rename' | 'unlink' | 'makeFolder' | 'syncFolder' | 'list';
  readonly path: string;
  readonly file: string;
  /** Of a write: where it begins; of a truncate: the new size. */
  readonly position: number;
  /** Of a write. */
  readonly bytes: number;
}

/** For tests: the real disk, with every call noted in order, and a hook that sees each call before it happens and may throw in its place. */
export class TracedDisk implements Disk {
  readonly calls: DiskCall[] = [];
  before: ((call: DiskCall) => void) | undefined;
  private readonly files = new Map<number, string>();

  private note(op: DiskCall['op'], file: string, position = 0, bytes = 0): void {
    const call: DiskCall = { op, path: file, file: path.basename(file), position, bytes };
    this.before?.(call);
    this.calls.push(call);
  }

  open(file: string, flags: 'r' | 'r+' | 'wx+' | 'w'): number {
    if (flags !== 'r') this.note('open', file);
    const fd = realDisk.open(file, flags);
    this.files.set(fd, file);
    return fd;
  }

  close(fd: number): void {
    this.files.delete(fd);
    realDisk.close(fd);
  }

  size(fd: number): number {
    return realDisk.size(fd);
  }

  read(fd: number, into: Uint8Array, position: number): number {
    return realDisk.read(fd, into, position);
  }

  write(fd: number, parts: readonly Uint8Array[], position: number): void {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.note('write', this.files.get(fd) ?? '', position, bytes);
    realDisk.write(fd, parts, position);
  }

  sync(fd: number): void {
    this.note('sync', this.files.get(fd) ?? '');
    realDisk.sync(fd);
  }

  truncate(fd: number, size: number): void {
    this.note('truncate', this.files.get(fd) ?? '', size);
    realDisk.truncate(fd, size);
  }

  rename(from: string, to: string): void {
    this.note('rename', to);
    realDisk.rename(from, to);
  }

  unlink(file: string): void {
    this.note('unlink', file);
    realDisk.unlink(file);
  }

  makeFolder(folder: string): void {
    this.note('makeFolder', folder);
    realDisk.makeFolder(folder);
  }

  list(folder: string): string[] {
    this.note('list', folder);
    return realDisk.list(folder);
  }

  syncFolder(folder: string): void {
    this.note('syncFolder', folder);
    realDisk.syncFolder(folder);
  }

  /** Closes what a writer that has failed left open. */
  closeAll(): void {
    for (const fd of this.files.keys()) realDisk.close(fd);
    this.files.clear();
  }
}

/** What the operating system throws. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: as the test wants it`), { code });
}

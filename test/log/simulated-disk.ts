import { CrashDisk, type Random } from '../../edge/core/kit/crash-disk.ts';
import type { Disk } from '../../edge/core/disk.ts';
import type { DiskSpace } from '../../edge/core/retention/disk-space.ts';
import { systemError } from '../../edge/core/kit/traced-disk.ts';

/** A disk in memory that loses power (`CrashDisk`), has an end, and fails a sync when it is told to. */
export class SimulatedDisk implements Disk {
  /** Bytes of the disk that others have taken. */
  othersBytes = 0;
  /** The next sync fails. */
  failSync = false;
  private readonly disk = new CrashDisk();
  private readonly capacity: number;
  private readonly sizes = new Map<string, number>();
  private readonly names = new Map<number, string>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get space(): DiskSpace {
    let used = this.othersBytes;
    for (const size of this.sizes.values()) used += size;
    return { freeBytes: this.capacity - used, totalBytes: this.capacity };
  }

  /** The power fails after so many calls. */
  failPowerAfter(calls: number): void {
    this.disk.callsLeft = calls;
  }

  /** Whether the power is sure to stay for whatever is done next. */
  get powerStays(): boolean {
    return this.disk.callsLeft === Infinity;
  }

  get hasPower(): boolean {
    return this.disk.callsLeft > 0;
  }

  /** The power fails if it has not, and comes back. */
  crash(random: Random): void {
    this.disk.crash(random);
    this.names.clear();
    const measured = [...this.sizes.keys()].flatMap((file): [string, number][] => {
      const size = this.sizeOf(file);
      return size === undefined ? [] : [[file, size]];
    });
    this.sizes.clear();
    for (const [file, size] of measured) this.sizes.set(file, size);
  }

  /** A process has ended: its files are closed. */
  closeAll(): void {
    for (const fd of this.names.keys()) this.disk.close(fd);
    this.names.clear();
  }

  private sizeOf(file: string): number | undefined {
    try {
      const fd = this.disk.open(file, 'r');
      const size = this.disk.size(fd);
      this.disk.close(fd);
      return size;
    } catch {
      // It has not come to the disk.
      return undefined;
    }
  }

  private grow(file: string, size: number): void {
    const more = size - (this.sizes.get(file) ?? 0);
    if (more > 0 && this.space.freeBytes < more) throw systemError('ENOSPC');
    this.sizes.set(file, size);
  }

  open(file: string, flags: 'r' | 'r+' | 'wx+' | 'w'): number {
    const fd = this.disk.open(file, flags);
    this.names.set(fd, file);
    if (flags === 'w' || flags === 'wx+') this.sizes.set(file, 0);
    return fd;
  }

  close(fd: number): void {
    this.names.delete(fd);
    this.disk.close(fd);
  }

  size(fd: number): number {
    return this.disk.size(fd);
  }

  read(fd: number, into: Uint8Array, position: number): number {
    return this.disk.read(fd, into, position);
  }

  write(fd: number, parts: readonly Uint8Array[], position: number): void {
    const end = parts.reduce((sum, part) => sum + part.length, position);
    const file = this.names.get(fd) ?? '';
    this.grow(file, Math.max(end, this.sizes.get(file) ?? 0));
    this.disk.write(fd, parts, position);
  }

  sync(fd: number): void {
    if (this.failSync) {
      this.failSync = false;
      throw systemError('EIO');
    }
    this.disk.sync(fd);
  }

  truncate(fd: number, size: number): void {
    this.disk.truncate(fd, size);
    this.sizes.set(this.names.get(fd) ?? '', size);
  }

  rename(from: string, to: string): void {
    this.disk.rename(from, to);
    this.sizes.set(to, this.sizes.get(from) ?? 0);
    this.sizes.delete(from);
  }

  unlink(file: string): void {
    this.disk.unlink(file);
    this.sizes.delete(file);
  }

  makeFolder(folder: string): void {
    this.disk.makeFolder(folder);
  }

  list(folder: string): string[] {
    return this.disk.list(folder);
  }

  syncFolder(folder: string): void {
    this.disk.syncFolder(folder);
  }
}

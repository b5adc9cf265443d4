import fs from 'node:fs';
import path from 'node:path';
import { type Disk, readFile, realDisk, replaceFile } from '../../edge/core/disk.ts';
import { errnoOf, Fault, messageOf } from '../../edge/core/fault.ts';
import { placeFile } from './place-file.ts';

/** A file that somebody reads. */
export interface HeldFile {
  readonly file: string;
  release(): void;
}

/** Files below this are those of days. */
export const DATA = 'data';

/** Which files are looked at, and which of them stay; by their names. */
export interface PurgedDays {
  readonly concerns: (name: string) => boolean;
  readonly keeps: (name: string) => boolean;
}

/** Where the cold tier lies: names with slashes, files that are replaced as a whole. */
export interface TierFolder {
  /** Where it is, for programs that are not ours: `file:///…` or `s3://…`. */
  readonly location: string;
  /** Takes a whole file from the local disk; it is gone there. Throws `file-unwritable`. */
  putFile(name: string, localFile: string): Promise<void>;
  /** Replaces a small file. Throws `file-unwritable`. */
  putBytes(name: string, bytes: Uint8Array): Promise<void>;
  /** A small file; undefined: there is none. Throws `tier-unreachable`. */
  getBytes(name: string): Promise<Uint8Array | undefined>;
  /** A file on the local disk with what this one holds, which stays there until it is released. Throws `historian-damaged` if there is none, `tier-unreadable`, `tier-unreachable`. */
  hold(name: string): Promise<HeldFile>;
  /** The folder of the local disk below which such files lie. */
  readonly localFolder: string;
  /** Whether files are copied to the local disk to be read. */
  readonly isFar: boolean;
  /** Gives up what the local disk holds of all other files. */
  keepOnly(names: ReadonlySet<string>): void;
  /** Does nothing where there is none. Throws `file-unwritable`. */
  remove(name: string): Promise<void>;
  /** Removes of the files of some days all that are not theirs any more, also versions of what was removed or replaced before. Throws `tier-versions-kept`, `file-unwritable`. */
  purge(days: PurgedDays): Promise<void>;
  /** Whether the place keeps versions of what is removed or replaced; null: that is not known. */
  keepsVersions(): Promise<boolean | null>;
}

/** Whether a fault is of one file of a day, or of that day, so that other days can be had. */
export function isOfDay(error: unknown): error is Fault {
  return error instanceof Fault && (error.code === 'historian-damaged' || error.code === 'tier-unreadable');
}

/** The cold tier in a folder of this machine. */
export class LocalTierFolder implements TierFolder {
  readonly isFar = false;
  private readonly folder: string;
  private readonly disk: Disk;

  constructor(folder: string, disk: Disk = realDisk) {
    this.folder = path.resolve(folder);
    this.disk = disk;
  }

  get location(): string {
    return `file://${this.folder}`;
  }

  // oxlint-disable-next-line require-await -- a fault is a rejection, as with a folder that is far away
  async putFile(name: string, localFile: string): Promise<void> {
    const file = this.made(name);
    // Beside its place: the local file may lie on another disk.
    const beside = `${file}.tmp`;
    try {
      fs.copyFileSync(localFile, beside);
      fs.rmSync(localFile);
    } catch (error) {
      throw new Fault('file-unwritable', `${file}: ${messageOf(error)}`, { cause: error });
    }
    placeFile(this.disk, beside, file);
  }

  // oxlint-disable-next-line require-await -- as above
  async putBytes(name: string, bytes: Uint8Array): Promise<void> {
    const file = this.made(name);
    try {
      replaceFile(this.disk, file, bytes);
    } catch (error) {
      throw new Fault('file-unwritable', `${file}: ${messageOf(error)}`, { cause: error });
    }
  }

  // oxlint-disable-next-line require-await -- as above
  async getBytes(name: string): Promise<Uint8Array | undefined> {
    try {
      return readFile(this.disk, path.join(this.folder, name));
    } catch (error) {
      throw new Fault('tier-unreachable', `${path.join(this.folder, name)}: ${messageOf(error)}`, { cause: error });
    }
  }

  // oxlint-disable-next-line require-await -- as above
  async hold(name: string): Promise<HeldFile> {
    const file = path.join(this.folder, name);
    try {
      fs.statSync(file);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw new Fault('historian-damaged', `${file} is missing.`, { cause: error });
      throw new Fault('tier-unreadable', `${file}: ${messageOf(error)}`, { cause: error });
    }
    return { file, release: () => undefined };
  }

  get localFolder(): string {
    return this.folder;
  }

  keepOnly(): void {
    // They are the files themselves.
  }

  // oxlint-disable-next-line require-await -- as above
  async remove(name: string): Promise<void> {
    this.removeNow(path.join(this.folder, name));
  }

  private removeNow(file: string): void {
    try {
      fs.rmSync(file, { force: true });
    } catch (error) {
      throw new Fault('file-unwritable', `${file}: ${messageOf(error)}`, { cause: error });
    }
  }

  // oxlint-disable-next-line require-await -- as above
  async purge({ concerns, keeps }: PurgedDays): Promise<void> {
    const data = path.join(this.folder, DATA);
    if (!fs.existsSync(data)) return;
    for (const entry of fs.readdirSync(data, { recursive: true, withFileTypes: true })) {
      const name = path.relative(this.folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/');
      if (entry.isFile() && concerns(name) && !keeps(name)) this.removeNow(path.join(this.folder, name));
    }
  }

  keepsVersions(): Promise<boolean> {
    return Promise.resolve(false);
  }

  private made(name: string): string {
    const file = path.join(this.folder, name);
    this.disk.makeFolder(path.dirname(file));
    return file;
  }
}

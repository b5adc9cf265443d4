import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { Fault } from '../core/fault.ts';

/** Bytes that the address of a unix socket holds on Linux, without the final zero (unix(7): sun_path has 108); 103 on macOS. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/** A folder under a name short enough to be part of a socket's address. */
export interface ShortFolder {
  /** Address of the socket of this name in the folder. */
  addressOf(name: string): string;
  /** The addresses are no longer needed. */
  close(): void;
}

/**
 * The folder as it is, or, where names in it are too long for a socket's address, by way of an open descriptor (`/proc/self/fd/N`), which only Linux has.
 * `longestName` is the longest name that will be asked for.
 */
export function shortFolder(folder: string, longestName: number): ShortFolder {
  const absolute = path.resolve(folder);
  if (Buffer.byteLength(absolute) + 1 + longestName <= MAX_PATH_BYTES) {
    return { addressOf: (name) => path.join(absolute, name), close: () => undefined };
  }
  if (process.platform !== 'linux') {
    const limit = MAX_PATH_BYTES - 1 - longestName;
    throw new Fault('data-unreadable', `${absolute} is too long for a socket: at most ${limit} bytes on this system.`);
  }
  const fd = openSync(absolute, 'r');
  return { addressOf: (name) => `/proc/self/fd/${fd}/${name}`, close: () => closeSync(fd) };
}

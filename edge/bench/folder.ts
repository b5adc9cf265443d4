import { statfs } from 'node:fs/promises';
import { Fault, messageOf } from '../core/fault.ts';

/** Type of a file system that lies in memory (Linux, statfs(2)). */
const TMPFS = 0x01021994;

/** Whether a folder lies in memory, where a sync costs nothing. Throws `file-unwritable` where there is no such folder, or less space than is needed. */
export async function checkFolder(folder: string, neededGb: number): Promise<{ readonly inMemory: boolean }> {
  const { type, bavail, bsize } = await statfs(folder).catch((error: unknown) => {
    throw new Fault('file-unwritable', `${folder}: ${messageOf(error)}`, { cause: error });
  });
  const freeGb = (bavail * bsize) / 1e9;
  if (freeGb < neededGb)
    throw new Fault('file-unwritable', `${folder} has ${freeGb.toFixed(1)} GB free; ${neededGb} GB are needed.`);
  return { inMemory: process.platform === 'linux' && type === TMPFS };
}

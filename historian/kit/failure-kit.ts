import { Fault } from '../../edge/core/fault.ts';
import { type CrashDisk, PowerFailure } from '../../edge/core/kit/crash-disk.ts';

/** For tests: whether this is what comes of it when the power fails. */
export function lacksPower(error: unknown): boolean {
  if (error instanceof PowerFailure) return true;
  if (error instanceof Fault && error.code === 'not-ready') return true;
  return error instanceof Error && error.cause !== undefined && lacksPower(error.cause);
}

/** For tests: changes a bit of a file. */
export function flipBit(disk: CrashDisk, file: string, position: number, bit: number): void {
  const fd = disk.open(file, 'r+');
  const byte = new Uint8Array(1);
  disk.read(fd, byte, position);
  byte[0] = (byte[0] ?? 0) ^ (1 << bit);
  disk.write(fd, [byte], position);
  disk.sync(fd);
  disk.close(fd);
}

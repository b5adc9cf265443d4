import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errnoOf, Fault, messageOf } from '../core/fault.ts';

/** Writes text or bytes to standard output, or to a file that appears only when it is whole. A reader of standard output that goes away ends the writing without an error. */
export async function writeOutput(
  pieces: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
  file?: string,
): Promise<void> {
  if (file === undefined) {
    try {
      await pipeline(Readable.from(pieces), process.stdout, { end: false });
    } catch (error) {
      if (errnoOf(error) !== 'EPIPE') throw error;
    }
    return;
  }
  const beside = `${file}.${process.pid}.tmp`;
  try {
    await pipeline(Readable.from(pieces), createWriteStream(beside, { flags: 'wx' }));
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true });
    const system = errnoOf(error);
    if (error instanceof Fault || system === undefined || system.startsWith('ERR_')) throw error;
    throw new Fault('file-unwritable', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Columns for people: text to the left, numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en') : cell)));
  const isNumber = header.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'));
  const widths = header.map((title, i) => Math.max(title.length, ...texts.map((row) => row[i]?.length ?? 0)));
  const lines = [header, ...texts].map((row) =>
    row
      .map((cell, i) => (isNumber[i] === true ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** JSON for programs. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

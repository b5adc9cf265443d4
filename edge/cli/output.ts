import { createWriteStream, rmSync } from 'node:fs';
import { realpath, rename, rm, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errnoOf, Fault, messageOf } from '../core/fault.ts';
import { shownText } from '../import/shown-value.ts';

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Writes text or bytes to standard output, or to a file that appears only when it is whole. A reader of standard output that goes away ends the writing without an error.
 * A link stays a link, a file that is replaced keeps its permissions, and what is no plain file (a pipe, /dev/null) is written as it is. Throws `file-unwritable`, or the signal's reason: what was ended
 * on its way is never taken for whole.
 */
export async function writeOutput(
  given: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
  file?: string,
  signal?: AbortSignal,
): Promise<void> {
  const pieces = signal === undefined ? given : heeding(given, signal);
  if (file === undefined) {
    try {
      await pipeline(Readable.from(pieces), process.stdout, { end: false });
    } catch (error) {
      if (errnoOf(error) !== 'EPIPE') throw error;
    }
    return;
  }
  try {
    const there = await stat(file).catch(unlessMissing);
    if (there === undefined) await replaceFile(pieces, file, 0o666);
    else if (there.isFile()) await replaceFile(pieces, await realpath(file), there.mode & 0o777);
    else await pipeline(Readable.from(pieces), createWriteStream(file));
  } catch (error) {
    const system = errnoOf(error);
    if (error instanceof Fault || system === undefined || system.startsWith('ERR_')) throw error;
    throw new Fault('file-unwritable', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The file itself that is to be made or replaced: behind links. Throws `file-unwritable` for what is no plain file (a pipe, /dev/null): a file of its name would take its place.
 */
export async function plainFile(file: string): Promise<string> {
  try {
    const there = await stat(file).catch(unlessMissing);
    if (there === undefined) return path.resolve(file);
    if (there.isFile()) return await realpath(file);
  } catch (error) {
    throw new Fault('file-unwritable', `${file}: ${messageOf(error)}`, { cause: error });
  }
  throw new Fault('file-unwritable', `${file} is there and is no plain file.`);
}

async function* heeding<Piece>(
  pieces: AsyncIterable<Piece> | Iterable<Piece>,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  for await (const piece of pieces) {
    signal.throwIfAborted();
    yield piece;
  }
  signal.throwIfAborted();
}

function unlessMissing(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

function replaceFile(
  pieces: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
  file: string,
  mode: number,
): Promise<void> {
  return makeWhole(file, (beside) => pipeline(Readable.from(pieces), createWriteStream(beside, { flags: 'wx', mode })));
}

/** Has a file or folder made beside its place, which it takes when it is whole. Whatever ends it before, Ctrl-C too, leaves nothing. */
export async function makeWhole(place: string, make: (beside: string) => Promise<void>): Promise<void> {
  const beside = `${place}.${process.pid}.tmp`;
  const end = (signal: NodeJS.Signals): void => {
    rmSync(beside, { force: true, recursive: true });
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of ENDING) process.on(signal, end);
  try {
    await make(beside);
    await rename(beside, place);
  } catch (error) {
    await rm(beside, { force: true, recursive: true });
    throw error;
  } finally {
    for (const signal of ENDING) process.off(signal, end);
  }
}

/** Columns for people: text to the left, numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const titles = header.map(shownText);
  const texts = rows.map((row) =>
    row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en') : shownText(cell))),
  );
  const isNumber = header.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'));
  const widths = titles.map((title, i) => Math.max(title.length, ...texts.map((row) => row[i]?.length ?? 0)));
  const lines = [titles, ...texts].map((row) =>
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

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DataSet } from './data.ts';

/** Rows of a piece at most. */
const PIECE_ROWS = 65_536;
const HEADER_BYTES = 8;
/** Time and value as 8 bytes, tag and quality as 4. */
const ROW_BYTES = 24;

/** A piece of a set as it lies in the file. */
export interface Piece {
  readonly count: number;
  /** int64, ms since the epoch. */
  readonly timesMs: BigInt64Array<ArrayBuffer>;
  readonly values: Float64Array<ArrayBuffer>;
  readonly tags: Uint32Array<ArrayBuffer>;
  readonly qualities: Uint32Array<ArrayBuffer>;
}

/**
 * Writes a set as columns, for systems that are given numbers and not text: pieces of {uint32 rows, uint32 0, int64 times in ms, float64 values, uint32 tags, uint32 qualities}, little-endian.
 * `rivals/prometheus-tsdb/main.go` reads the same.
 */
export async function writeColumns(file: string, set: DataSet, signal: AbortSignal): Promise<void> {
  const fd = openSync(file, 'w');
  const piece = new Uint8Array(HEADER_BYTES + PIECE_ROWS * ROW_BYTES);
  try {
    for (const rows of set.rows()) {
      const { count } = rows;
      new Uint32Array(piece.buffer, 0, 2).set([count, 0]);
      const { timesMs, values, tags, qualities } = columnsOf(piece, count);
      for (let row = 0; row < count; row++) timesMs[row] = BigInt(rows.timesMs[row] ?? 0);
      values.set(rows.values.subarray(0, count));
      tags.set(rows.tags.subarray(0, count));
      qualities.set(rows.qualities.subarray(0, count));
      writeSync(fd, piece, 0, HEADER_BYTES + count * ROW_BYTES);
      await nextTurn();
      signal.throwIfAborted();
    }
  } finally {
    closeSync(fd);
  }
}

/** The pieces of such a file, each in the same memory as the one before. */
export function* readColumns(file: string): Generator<Piece, undefined> {
  const fd = openSync(file, 'r');
  const piece = new Uint8Array(HEADER_BYTES + PIECE_ROWS * ROW_BYTES);
  try {
    while (readSync(fd, piece, 0, HEADER_BYTES, null) === HEADER_BYTES) {
      const [count = 0] = new Uint32Array(piece.buffer, 0, 1);
      readSync(fd, piece, HEADER_BYTES, count * ROW_BYTES, null);
      yield columnsOf(piece, count);
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function columnsOf({ buffer }: Uint8Array<ArrayBuffer>, count: number): Piece {
  let at = HEADER_BYTES;
  const claim = (bytes: number): number => (at += count * bytes) - count * bytes;
  return {
    count,
    timesMs: new BigInt64Array(buffer, claim(8), count),
    values: new Float64Array(buffer, claim(8), count),
    tags: new Uint32Array(buffer, claim(4), count),
    qualities: new Uint32Array(buffer, claim(4), count),
  };
}

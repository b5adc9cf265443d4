import { crc32c } from '@node-rs/crc32';
import { ByteReader } from '../../edge/core/byte-reader.ts';
import { Fault } from '../../edge/core/fault.ts';
import { BlockEntries } from '../codec/entries.ts';
import { LEAST_ENTRY_BYTES } from '../codec/entry.ts';
import { readDelta } from '../codec/delta.ts';
import { FILE_HEADER_BYTES } from './file-writer.ts';
import { INDEX_PIECE_BLOCKS } from '../limits.ts';

/** So much of an index is read at first: all of those that have one piece. */
export const INDEX_READ_BYTES = 32 * 1024;
/** What the directory of an index says of one piece, at most: five numbers and a checksum. */
const MOST_PIECE_BYTES = 49;
const DIRECTORY_START = 4;

/** Where an index lies, and what the table of series says of its series. */
export interface IndexPlace {
  readonly position: number;
  readonly length: number;
  readonly samples: number;
  readonly firstUs: number;
  readonly lastUs: number;
}

/** What the directory says of a piece of the index. */
export interface PieceFacts {
  /** Bytes of the piece, and where they begin in the index. */
  readonly length: number;
  readonly at: number;
  /** Of the piece; null: that of the index is. */
  readonly crc: number | null;
  readonly blocks: number;
  readonly samples: number;
  /** First time of its blocks, and the last one of these and all before them, µs. */
  readonly firstUs: number;
  readonly reachUs: number;
  /** Where its blocks end in the file. */
  readonly blocksEnd: number;
}

/** A piece of an index: what is known of up to 256 blocks. */
export interface IndexPiece {
  readonly entries: BlockEntries;
  /** Where the blocks lie in the file. */
  readonly positions: Float64Array;
}

/** Bytes of an index that must be read before its pieces are known, of `length` in all: it begins so. */
export function directoryBytes(index: Uint8Array, length: number): number {
  const from = new ByteReader('historian-damaged');
  from.open(index, DIRECTORY_START);
  const pieces = Math.ceil(from.varsafe() / INDEX_PIECE_BLOCKS);
  return pieces === 1 ? length : Math.min(length, from.at + pieces * MOST_PIECE_BYTES);
}

/** The pieces of an index (FORMAT.md, "Index"), of which at least the beginning is given: its directory, or, if it has one piece, all of it. Throws `historian-damaged`. */
export function parseDirectory(bytes: Uint8Array, { position, length, ...series }: IndexPlace): PieceFacts[] {
  const from = new ByteReader('historian-damaged');
  from.open(bytes, DIRECTORY_START);
  const blocks = from.varsafe();
  if (!(blocks > 0 && blocks * LEAST_ENTRY_BYTES <= length)) from.fail(`index of ${blocks} blocks`);
  const count = Math.ceil(blocks / INDEX_PIECE_BLOCKS);
  if (count === 1) {
    checkCrc(bytes, length, position);
    const { samples, firstUs, lastUs: reachUs } = series;
    const piece = { length: length - from.at, at: from.at, crc: null, blocks, samples, firstUs, reachUs };
    return [{ ...piece, blocksEnd: position }];
  }
  const found: (Omit<PieceFacts, 'at' | 'blocksEnd'> & { readonly blockBytes: number })[] = [];
  for (let k = 0, reachUs = series.firstUs; k < count; k++) {
    const pieceLength = from.varint();
    const crc = from.view.getUint32(from.skip(4), true);
    const own = Math.min(INDEX_PIECE_BLOCKS, blocks - k * INDEX_PIECE_BLOCKS);
    if (pieceLength < own * LEAST_ENTRY_BYTES) from.fail(`piece of ${pieceLength} bytes`);
    const blockBytes = from.varsafe();
    const samples = from.varsafe();
    const firstUs = readDelta(from, reachUs);
    reachUs = readDelta(from, reachUs);
    if (blockBytes < 0 || samples < own || reachUs < firstUs) from.fail('piece of an index');
    found.push({ length: pieceLength, crc, blocks: own, blockBytes, samples, firstUs, reachUs });
  }
  checkCrc(bytes, from.at, position);
  let at = from.at;
  let blocksEnd = position - found.reduce((sum, piece) => sum + piece.blockBytes, 0);
  const pieces = found.map(({ blockBytes, ...facts }): PieceFacts => {
    const start = at;
    at += facts.length;
    blocksEnd += blockBytes;
    return { ...facts, at: start, blocksEnd };
  });
  if (at !== length) throw new Fault('historian-damaged', `Pieces of ${at} bytes in a block index of ${length}.`);
  return pieces;
}

function checkCrc(bytes: Uint8Array, end: number, position: number): void {
  const crc = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
  if (bytes.length < end || crc !== crc32c(bytes.subarray(DIRECTORY_START, end)))
    throw new Fault('historian-damaged', `The checksum of the block index at ${position} differs.`);
}

/** Parses the bytes of a piece. Throws `historian-damaged`; never allocates more than what 256 blocks take. */
export function parsePiece(bytes: Uint8Array, facts: PieceFacts): IndexPiece {
  if (facts.crc !== null && crc32c(bytes) !== facts.crc)
    throw new Fault('historian-damaged', 'The checksum of a piece of the block index differs.');
  const from = new ByteReader('historian-damaged');
  from.open(bytes);
  const entries = new BlockEntries(from, facts.blocks, facts.firstUs);
  const positions = new Float64Array(facts.blocks);
  let position = facts.blocksEnd - entries.lengths.reduce((sum, each) => sum + each, 0);
  if (position < FILE_HEADER_BYTES) from.fail('blocks in front of the file');
  for (const [i, length] of entries.lengths.entries()) {
    positions[i] = position;
    position += length;
  }
  const samples = entries.samples.reduce((sum, each) => sum + each, 0);
  if (samples !== facts.samples || entries.firsts[0] !== facts.firstUs) from.fail('not the piece that was meant');
  return { entries, positions };
}

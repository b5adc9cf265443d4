import { crc32c } from '@node-rs/crc32';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import type { BlockEntry } from '../codec/entry.ts';
import { EntryWriter } from '../codec/entry-writer.ts';
import { writeDelta } from '../codec/delta.ts';
import { INDEX_PIECE_BLOCKS } from '../limits.ts';

/** What the directory is to say of a piece. */
interface Piece {
  readonly firstUs: number;
  readonly writer: EntryWriter;
  /** Where it begins in the entries. */
  readonly start: number;
  blocks: number;
  blockBytes: number;
  samples: number;
  reachUs: number;
}

/** Collects what the index of a series says of its blocks, and writes it behind them (FORMAT.md, "Index"). */
export class IndexWriter {
  /** Of all blocks. */
  blocks = 0;
  samples = 0;
  firstUs = 0;
  lastUs = 0;
  private readonly entries = new ByteWriter(4096);
  private pieces: Piece[] = [];

  /** Starts over with another series. */
  reset(): void {
    this.blocks = 0;
    this.samples = 0;
    this.entries.reset();
    this.pieces = [];
  }

  /** Adds the next block. */
  add(entry: BlockEntry): void {
    const { count, firstUs, lastUs } = entry.summary;
    if (this.blocks === 0) this.firstUs = firstUs;
    this.lastUs = this.blocks === 0 ? lastUs : Math.max(this.lastUs, lastUs);
    const piece = this.blocks++ % INDEX_PIECE_BLOCKS === 0 ? this.beginPiece(firstUs) : this.pieces.at(-1);
    if (piece === undefined) return;
    piece.writer.write(this.entries, entry);
    piece.blocks++;
    piece.blockBytes += entry.block?.length ?? 0;
    piece.samples += count;
    piece.reachUs = this.lastUs;
    this.samples += count;
  }

  private beginPiece(firstUs: number): Piece {
    const start = this.entries.length;
    const writer = new EntryWriter(firstUs);
    const piece = { firstUs, writer, start, blocks: 0, blockBytes: 0, samples: 0, reachUs: firstUs };
    this.pieces.push(piece);
    return piece;
  }

  /** Appends the index: its one piece, or a directory and its pieces. */
  write(out: ByteWriter): void {
    const { pieces, entries } = this;
    const start = out.length;
    out.skip(4);
    out.varlong(this.blocks);
    const all = entries.bytes.subarray(0, entries.length);
    if (pieces.length === 1) {
      out.raw(all);
      return putCrc(out, start);
    }
    let { firstUs: reachUs } = this;
    for (const [k, piece] of pieces.entries()) {
      const bytes = entries.bytes.subarray(piece.start, pieces[k + 1]?.start ?? entries.length);
      out.varlong(bytes.length);
      out.ensure(4);
      out.view.setUint32(out.length, crc32c(bytes), true);
      out.length += 4;
      out.varlong(piece.blockBytes);
      out.varlong(piece.samples);
      writeDelta(out, piece.firstUs, reachUs);
      writeDelta(out, piece.reachUs, reachUs);
      reachUs = piece.reachUs;
    }
    putCrc(out, start);
    out.raw(all);
  }
}

/** Sets the four bytes at a place to the checksum of all behind them. */
function putCrc(out: ByteWriter, at: number): void {
  out.view.setUint32(at, crc32c(out.bytes.subarray(at + 4, out.length)), true);
}

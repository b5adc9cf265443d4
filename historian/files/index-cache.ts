import type { IndexPiece } from './block-index.ts';

/** A piece that is kept, and how its owner forgets it. */
export interface KeptPiece {
  readonly piece: IndexPiece;
  readonly forget: () => void;
}

/** Pieces of block indexes that were read, bounded in bytes: the one that was not asked for the longest goes first. */
export class IndexCache {
  private readonly limitBytes: number;
  /** In the order in which they were last asked for. */
  private readonly kept = new Set<KeptPiece>();
  private bytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Keeps a piece; others may be forgotten for it. */
  add(kept: KeptPiece): void {
    this.kept.add(kept);
    this.bytes += bytesOf(kept);
    for (const oldest of this.kept) {
      if (this.bytes <= this.limitBytes || oldest === kept) return;
      this.remove(oldest);
      oldest.forget();
    }
  }

  /** It was asked for. */
  touch(kept: KeptPiece): void {
    this.kept.delete(kept);
    this.kept.add(kept);
  }

  /** Its owner has forgotten it. */
  remove(kept: KeptPiece): void {
    if (this.kept.delete(kept)) this.bytes -= bytesOf(kept);
  }
}

function bytesOf({ piece }: KeptPiece): number {
  return piece.entries.bytes + piece.positions.byteLength;
}

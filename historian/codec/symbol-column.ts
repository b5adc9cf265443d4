import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { BLOCK_POINTS } from '../limits.ts';
import { MAX_SYMBOLS } from './frequencies.ts';
import { Model } from './model.ts';
import { readSymbols, writeSymbols } from './symbols.ts';

const counts = new Uint32Array(MAX_SYMBOLS);

/** A column of symbols and the model that they are coded with: what a window of numbers is made of. */
export class SymbolColumn {
  readonly symbols = new Int32Array(BLOCK_POINTS);
  private readonly model = new Model();
  /** There is one symbol, 0, or they are better kept with the bits below them: no symbols are written. */
  raw = false;

  /** Chooses a model for the first `count` symbols, all below `limit`, and returns the bits that they will take. */
  choose(count: number, limit: number): number {
    counts.fill(0);
    for (let i = 0; i < count; i++) {
      const symbol = this.symbols[i] ?? 0;
      counts[symbol] = (counts[symbol] ?? 0) + 1;
    }
    const bits = limit === 1 ? undefined : this.model.choose(counts, limit, count);
    this.raw = bits === undefined;
    return bits ?? count * bitsFor(limit);
  }

  write(out: ByteWriter, count: number): void {
    if (this.raw) return out.uint8(0);
    this.model.write(out);
    writeSymbols(out, this.symbols, count, this.model.frequencies);
  }

  /** Reads model and symbols; where there are none they are 0. */
  read(from: ByteReader, count: number): void {
    this.model.read(from);
    this.raw = this.model.symbols === 1;
    if (this.raw) this.symbols.fill(0, 0, count);
    else readSymbols(from, this.symbols, count, this.model.frequencies);
  }
}

/** Bits that a number below `count` takes. */
export function bitsFor(count: number): number {
  return 32 - Math.clz32(count - 1);
}

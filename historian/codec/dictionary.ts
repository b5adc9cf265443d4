import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { BLOCK_POINTS } from '../limits.ts';
import { MAX_SYMBOLS } from './frequencies.ts';
import { readIntegers } from './integer-reader.ts';
import { writeIntegers } from './integers.ts';

/** Few different 64-bit slots in any order, such as set points or a sensor that is stuck: each once, then the place of each (FORMAT.md, "Dictionary"). */

const TABLE = 256;

/** The different slots of a column, at most 64, in the order in which they come: what stands in their place is their number. */
export class SlotDictionary {
  count = 0;
  private readonly low = new Uint32Array(MAX_SYMBOLS);
  private readonly high = new Uint32Array(MAX_SYMBOLS);
  /** Entry + 1 by hash; 0: none. */
  private readonly table = new Uint8Array(TABLE);
  private readonly indexes = new Float64Array(BLOCK_POINTS);

  /** False: there are more than 64 different ones. */
  find(words: Uint32Array, count: number): boolean {
    this.count = 0;
    this.table.fill(0);
    for (let i = 0; i < count; i++) {
      const entry = this.entryOf(words[i * 2] ?? 0, words[i * 2 + 1] ?? 0);
      if (entry < 0) return false;
      this.indexes[i] = entry;
    }
    return true;
  }

  private entryOf(low: number, high: number): number {
    let at = (Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) >>> 24) & (TABLE - 1);
    for (;;) {
      const entry = (this.table[at] ?? 0) - 1;
      if (entry < 0) break;
      if (this.low[entry] === low && this.high[entry] === high) return entry;
      at = (at + 1) & (TABLE - 1);
    }
    if (this.count === MAX_SYMBOLS) return -1;
    this.low[this.count] = low;
    this.high[this.count] = high;
    this.table[at] = ++this.count;
    return this.count - 1;
  }

  write(out: ByteWriter, count: number): void {
    out.uint8(this.count);
    out.ensure(this.count * 8);
    for (let k = 0; k < this.count; k++) {
      out.view.setUint32(out.length, this.low[k] ?? 0, true);
      out.view.setUint32(out.length + 4, this.high[k] ?? 0, true);
      out.length += 8;
    }
    if (this.count > 1) writeIntegers(out, this.indexes, count);
  }

  read(from: ByteReader, words: Uint32Array, count: number): void {
    const entries = from.uint8();
    if (entries < 1 || entries > MAX_SYMBOLS) from.fail(`dictionary of ${entries}`);
    const start = from.skip(entries * 8);
    if (entries > 1) readIntegers(from, this.indexes, count);
    else this.indexes.fill(0, 0, count);
    const { view } = from;
    for (let i = 0; i < count; i++) {
      const index = this.indexes[i] ?? 0;
      if (!(index >= 0 && index < entries)) from.fail(`entry ${index} of a dictionary`);
      words[i * 2] = view.getUint32(start + index * 8, true);
      words[i * 2 + 1] = view.getUint32(start + index * 8 + 4, true);
    }
  }
}

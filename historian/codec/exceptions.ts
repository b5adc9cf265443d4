import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { BLOCK_POINTS } from '../limits.ts';

/** Places of a column whose numbers lie outside of what the others are coded in. */
export class Places {
  count = 0;
  readonly at = new Uint16Array(BLOCK_POINTS);

  clear(): void {
    this.count = 0;
  }

  /** Places come in rising order. */
  add(place: number): void {
    this.at[this.count++] = place;
  }

  write(out: ByteWriter): void {
    out.varlong(this.count);
    let previous = -1;
    for (let k = 0; k < this.count; k++) {
      const place = this.at[k] ?? 0;
      out.varlong(place - previous);
      previous = place;
    }
  }

  /** Reads places below `limit`. */
  read(from: ByteReader, limit: number): void {
    const count = from.varint();
    if (count < 0 || count > limit) from.fail(`${count} exceptions`);
    this.count = count;
    let place = -1;
    for (let k = 0; k < count; k++) {
      const step = from.varint();
      place += step;
      if (step < 1 || place >= limit) from.fail(`exception at ${place}`);
      this.at[k] = place;
    }
  }
}

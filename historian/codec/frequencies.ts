/** Frequencies of a column's symbols add up to 2 to this power. */
export const SCALE_BITS = 12;
export const SCALE = 1 << SCALE_BITS;
/** Symbols of a column at most: what is finer is kept as bits. */
export const MAX_SYMBOLS = 64;
/** Bits of a symbol, below the others of a slot. */
export const SYMBOL_BITS = 6;
/** Where the frequency stands in a slot. */
export const SHARE_SHIFT = SYMBOL_BITS + SCALE_BITS;

/** How often each symbol comes, for `symbols.ts`; from weights that may be anything, the same on every machine: only sums, products, quotients and roundings, which IEEE 754 defines to the bit. */
export class Frequencies {
  /** Symbols. */
  count = 0;
  readonly of = new Uint16Array(MAX_SYMBOLS);
  /** Sum of the frequencies of the symbols before. */
  readonly starts = new Uint16Array(MAX_SYMBOLS);
  /** 1 / frequency. */
  readonly inverses = new Float64Array(MAX_SYMBOLS);
  /** Made when symbols are first read with it: 16 KiB that writers do without. */
  private slots: Int32Array | undefined;
  private sloted = false;

  /**
   * Each weight's share of 4096, rounded, at least 1 where the weight is more than 0; what is then missing or too much goes to the first of the greatest.
   * False: there is no weight, or one symbol has it all.
   */
  set(weights: Float64Array, count: number): boolean {
    let total = 0;
    for (let k = 0; k < count; k++) total += weights[k] ?? 0;
    if (!(total > 0 && total < Number.POSITIVE_INFINITY)) return false;
    let sum = 0;
    let greatest = 0;
    for (let k = 0; k < count; k++) {
      const weight = weights[k] ?? 0;
      const share = weight > 0 ? Math.max(1, Math.floor((weight * SCALE) / total + 0.5)) : 0;
      this.of[k] = share;
      sum += share;
      if (share > (this.of[greatest] ?? 0)) greatest = k;
    }
    this.of[greatest] = (this.of[greatest] ?? 0) + SCALE - sum;
    this.count = count;
    this.sloted = false;
    for (let k = 0, start = 0; k < count; k++) {
      const share = this.of[k] ?? 0;
      this.starts[k] = start;
      this.inverses[k] = 1 / share;
      start += share;
    }
    return this.of[greatest] !== SCALE;
  }

  /** Of each of the 4096 slots: from bit 18 on the frequency of its symbol, from bit 6 on how far it is behind the symbol's first slot, and below the symbol. */
  lookup(): Int32Array {
    const slots = (this.slots ??= new Int32Array(SCALE));
    if (this.sloted) return slots;
    for (let k = 0, at = 0; k < this.count; k++) {
      const share = this.of[k] ?? 0;
      const end = at + share;
      for (let entry = (share << SHARE_SHIFT) | k; at < end; at++) {
        slots[at] = entry;
        entry = (entry + (1 << SYMBOL_BITS)) | 0;
      }
    }
    this.sloted = true;
    return slots;
  }
}

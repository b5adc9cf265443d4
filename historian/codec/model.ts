import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { Frequencies, MAX_SYMBOLS, SCALE, SCALE_BITS } from './frequencies.ts';
import { SYMBOLS_OVERHEAD_BYTES } from './symbols.ts';

/**
 * How often the symbols of a column come, said in a few bytes (FORMAT.md, "Model"): all alike, a bell curve, or a count for each. Parameters rather than counts where they will do: the
 * counts of 40 symbols take 30 bytes, of the 80 that a block of digital values may have beside its times.
 */

/** Kinds, in the upper two bits of a model's first byte; the number of symbols less 1 stands below. */
const UNIFORM = 0;
const BELL = 1;
const COUNTS = 2;

/** Bits that a count is kept in. */
const COUNT_BITS = 6;
/** Shapes of the bell curve that are tried: nearly the normal distribution, and one of heavy tails. */
const SHAPES = [6, 1];
/** What a bell may take beyond the entropy before another is tried: about what chance alone makes of it. */
const GOOD_BITS = 64;

/** What `chooseModel` found; `bits` is what all symbols take with it. */
export class Model {
  /** Of the model that was chosen or read; valid until another one is. */
  frequencies = new Frequencies();
  kind = UNIFORM;
  symbols = 1;
  /** In half symbols. */
  private centre = 0;
  private width = 0;
  private shape = 0;
  private readonly codes = new Uint8Array(MAX_SYMBOLS);
  private readonly counted = this.frequencies;

  /** Takes the cheapest for these counts of symbols. Returns the bits that the symbols and the model take, or undefined: one symbol has nearly everything, or bits as they are take less. */
  choose(counts: Uint32Array, symbols: number, total: number): number | undefined {
    this.symbols = symbols;
    const entropy = entropyOf(counts, symbols, total);
    const overhead = (SYMBOLS_OVERHEAD_BYTES + 1) * 8;
    const raw = total * Math.ceil(Math.log2(symbols));
    // Few symbols: no model can be worth itself.
    if (entropy + overhead >= raw) return undefined;
    this.kind = UNIFORM;
    let least = total * Math.log2(symbols);
    // A bell has 16 bits of parameters, counts have 6 bits a symbol, and no model can take less than the entropy.
    if (least > entropy + 16) least = this.chooseBell(counts, symbols, total, entropy, least);
    if (least > entropy + symbols * COUNT_BITS) {
      const bits = this.countCost(counts, symbols) + symbols * COUNT_BITS;
      if (bits < least) {
        least = bits;
        this.kind = COUNTS;
      }
    }
    least += overhead;
    if (!(least < raw)) return undefined;
    this.prepare();
    return least;
  }

  /** Takes a bell if it is cheaper than `least`, and returns what is least then. */
  private chooseBell(counts: Uint32Array, symbols: number, total: number, entropy: number, least: number): number {
    measureBell(counts, symbols, total);
    let best = least;
    for (const shape of SHAPES) {
      if (!bell(bellCentre, bellWidth, shape, symbols)) continue;
      const bits = costOf(counts, symbols) + 16;
      if (bits >= best) continue;
      best = bits;
      this.kind = BELL;
      this.centre = bellCentre;
      this.width = bellWidth;
      this.shape = shape;
      // As good as it gets.
      if (best < entropy + GOOD_BITS) break;
    }
    return best;
  }

  private countCost(counts: Uint32Array, symbols: number): number {
    for (let k = 0; k < symbols; k++) this.codes[k] = codeOfCount(counts[k] ?? 0);
    weighByCodes(this.codes, symbols);
    return scratch.set(weights, symbols) ? costOf(counts, symbols) : Number.POSITIVE_INFINITY;
  }

  /** Sets the frequencies. False: the parameters make no model. */
  private prepare(): boolean {
    const { kind, symbols, centre, width, shape } = this;
    if (kind === COUNTS) {
      this.frequencies = this.counted;
      weighByCodes(this.codes, symbols);
      return this.counted.set(weights, symbols);
    }
    const key = kind === UNIFORM ? symbols : (((symbols << 7) | centre) << 9) | (width << 3) | shape | BELL_KEY;
    const known = (prepared[(Math.imul(key, 0x9e3779b1) >>> 28) & (PREPARED - 1)] ??= new Prepared());
    this.frequencies = known.frequencies;
    if (known.key === key) return known.isModel;
    known.key = key;
    if (kind === UNIFORM) weights.fill(1, 0, symbols);
    else weighByBell(centre, width, shape, symbols);
    known.isModel = known.frequencies.set(weights, symbols);
    return known.isModel;
  }

  write(out: ByteWriter): void {
    out.uint8((this.kind << 6) | (this.symbols - 1));
    if (this.kind === BELL) {
      out.uint8(this.centre | ((this.width & 1) << 7));
      out.uint8((this.width >> 1) | (this.shape << 5));
    } else if (this.kind === COUNTS) this.writeCounts(out);
  }

  /** Reads a model of at least two symbols, or of one, for which there is nothing to be known. */
  read(from: ByteReader): void {
    const first = from.uint8();
    this.kind = first >> 6;
    this.symbols = (first & 63) + 1;
    if (first === 0) return;
    if (this.kind === BELL) {
      const low = from.uint8();
      const high = from.uint8();
      this.centre = low & 0x7f;
      this.width = ((high & 31) << 1) | (low >> 7);
      this.shape = high >> 5;
    } else if (this.kind === COUNTS) this.readCounts(from);
    else if (this.kind !== UNIFORM) from.fail(`model ${this.kind}`);
    if (!this.prepare()) from.fail('a model without a choice');
  }

  /** Four in three bytes. */
  private writeCounts(out: ByteWriter): void {
    const { codes, symbols } = this;
    codes.fill(0, symbols);
    for (let k = 0; k < symbols; k += 4) {
      const four =
        (codes[k] ?? 0) | ((codes[k + 1] ?? 0) << 6) | ((codes[k + 2] ?? 0) << 12) | ((codes[k + 3] ?? 0) << 18);
      for (let bit = 0; bit < 24; bit += 8) out.uint8((four >> bit) & 0xff);
    }
  }

  private readCounts(from: ByteReader): void {
    const { codes, symbols } = this;
    for (let k = 0; k < symbols; k += 4) {
      const four = from.uint8() | (from.uint8() << 8) | (from.uint8() << 16);
      for (let j = 0; j < 4; j++) codes[k + j] = (four >> (j * 6)) & 63;
    }
  }
}

/** Frequencies of models that few parameters say: of one block after the other they are mostly the same. */
class Prepared {
  key = -1;
  isModel = false;
  readonly frequencies = new Frequencies();
}

const PREPARED = 16;
const BELL_KEY = 1 << 30;
const prepared: Prepared[] = [];
const weights = new Float64Array(MAX_SYMBOLS);
/** For candidates. */
const scratch = new Frequencies();
/** log2 of each frequency, and of each number of samples of a block. */
const logOf = Float64Array.from({ length: SCALE + 1 }, (_, frequency) => Math.log2(frequency));

/** Bits that the counted symbols take with frequencies that are exactly theirs. */
function entropyOf(counts: Uint32Array, symbols: number, total: number): number {
  let bits = total * (logOf[total] ?? 0);
  for (let k = 0; k < symbols; k++) {
    const count = counts[k] ?? 0;
    if (count > 0) bits -= count * (logOf[count] ?? 0);
  }
  return bits;
}

/** Bits that the counted symbols take with the frequencies in `scratch`. */
function costOf(counts: Uint32Array, symbols: number): number {
  let bits = 0;
  for (let k = 0; k < symbols; k++) {
    const count = counts[k] ?? 0;
    if (count > 0) bits += count * (SCALE_BITS - (logOf[scratch.of[k] ?? 0] ?? 0));
  }
  return bits;
}

let bellCentre = 0;
let bellWidth = 0;

/** Mean and standard deviation of the symbols, rounded to what a model can say. */
function measureBell(counts: Uint32Array, symbols: number, total: number): void {
  let sum = 0;
  let squares = 0;
  for (let k = 0; k < symbols; k++) {
    sum += k * (counts[k] ?? 0);
    squares += k * k * (counts[k] ?? 0);
  }
  const mean = sum / total;
  const deviation = Math.sqrt(Math.max(0, squares / total - mean * mean));
  bellCentre = Math.round(mean * 2);
  bellWidth = 0;
  while (bellWidth < 63 && (widths[bellWidth + 1] ?? 0) <= deviation * 1.06) bellWidth++;
}

/** 1/4 to 60 symbols in steps of an eighth to a sixteenth, by their codes. */
const widths = Float64Array.from({ length: 64 }, (_, code) => ((8 + (code & 7)) * 2 ** (code >> 3)) / 32);

function bell(centre: number, width: number, shape: number, symbols: number): boolean {
  weighByBell(centre, width, shape, symbols);
  return scratch.set(weights, symbols);
}

/** 1 / (1 + z² / 2^(shape + 1))^(2^shape): by squaring alone, since no two machines need agree on an exponential function. It tends to exp(-z²/2). Never 0: any symbol can come. */
function weighByBell(centre: number, width: number, shape: number, symbols: number): void {
  const scale = 1 / (2 * (widths[width] ?? 0));
  const divisor = 2 ** (shape + 1);
  for (let k = 0; k < symbols; k++) {
    const z = (2 * k - centre) * scale;
    let power = 1 + (z * z) / divisor;
    for (let i = 0; i < shape; i++) power *= power;
    weights[k] = Math.max(1 / power, 1e-30);
  }
}

/** A count as a code: 0, or a quarter of a power of two, rounded up to a whole number. */
function codeOfCount(count: number): number {
  if (count === 0) return 0;
  const exponent = 31 - Math.clz32(count);
  return 1 + exponent * 4 + ((count * 4) >> exponent) - 4;
}

function weighByCodes(codes: Uint8Array, symbols: number): void {
  for (let k = 0; k < symbols; k++) {
    const code = (codes[k] ?? 0) - 1;
    weights[k] = code < 0 ? 0 : (4 + (code & 3)) * 2 ** (code >> 2);
  }
}

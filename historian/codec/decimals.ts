import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { BLOCK_POINTS } from '../limits.ts';
import { Places } from './exceptions.ts';
import { readIntegers, readQuotients } from './integer-reader.ts';
import { writeIntegers } from './integers.ts';

/**
 * Numbers that were decimal before they became binary, as integers: k / 10^e rounded to the nearest double, or to float32 (FORMAT.md, "Decimals"). What fits no k (-0, NaN, infinities,
 * a stray number) stands as its 64 bits behind them.
 */

/** Decimal places at most. */
const MAX_PLACES = 12;
/** Integers beyond this are no shorter than the bits of the number. */
const LARGEST = 2 ** 45;
/** The same for float32: of larger integers each float32 would be one. */
const LARGEST_FLOAT = 2 ** 21;
/** So many exceptions are let pass before they are compared with what was seen. */
const FREE_EXCEPTIONS = 4;

const powers = Float64Array.from({ length: MAX_PLACES + 1 }, (_, e) => Number(`1e${e}`));

/** A column as integers with a common power of ten. */
export class Decimals {
  readonly integers = new Float64Array(BLOCK_POINTS);
  readonly outside = new Places();
  /** Decimal places. */
  places = 0;
  /** Least and greatest integer. */
  low = 0;
  high = 0;

  /** Finds the decimal places. `single`: the numbers are float32 ones. False: one of eight or more is no decimal number. */
  find(slots: Float64Array, count: number, single: boolean): boolean {
    let places = 0;
    let i = 0;
    const { integers, outside } = this;
    outside.clear();
    while (i < count) {
      const value = slots[i] ?? 0;
      const power = powers[places] ?? 1;
      const integer = Math.floor(value * power + 0.5);
      if (represents(integer, power, value, single)) integers[i++] = integer;
      else {
        const more = placesOf(value, places + 1, single);
        if (more < 0) {
          integers[i] = i === 0 ? 0 : (integers[i - 1] ?? 0);
          outside.add(i++);
          if (outside.count > FREE_EXCEPTIONS + (i >> 3)) return false;
        } else {
          // All over again: of the ones before some could become too large.
          places = more;
          outside.clear();
          i = 0;
        }
      }
    }
    this.places = places;
    this.measure(count);
    return outside.count * 4 <= count;
  }

  private measure(count: number): void {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const integer = this.integers[i] ?? 0;
      if (integer < low) low = integer;
      if (integer > high) high = integer;
    }
    this.low = low;
    this.high = high;
  }

  /** Appends what was found in these slots, as pairs of words. */
  write(out: ByteWriter, words: Uint32Array, count: number): void {
    out.uint8(this.places | (this.outside.count > 0 ? 0x80 : 0));
    writeIntegers(out, this.integers, count);
    if (this.outside.count === 0) return;
    this.outside.write(out);
    for (let k = 0; k < this.outside.count; k++) {
      const place = this.outside.at[k] ?? 0;
      out.ensure(8);
      out.view.setUint32(out.length, words[place * 2] ?? 0, true);
      out.view.setUint32(out.length + 4, words[place * 2 + 1] ?? 0, true);
      out.length += 8;
    }
  }

  /** Reads `count` numbers into slots, of which `words` are the pairs of words. */
  read(from: ByteReader, slots: Float64Array, words: Uint32Array, count: number, single: boolean): void {
    const head = from.uint8();
    const power = powers[head & 0x7f];
    if (power === undefined) from.fail(`${head & 0x7f} decimal places`);
    if (power === 1) readIntegers(from, slots, count);
    else readQuotients(from, slots, count, power);
    if (single) for (let i = 0; i < count; i++) slots[i] = Math.fround(slots[i] ?? 0);
    if (head < 0x80) return;
    this.outside.read(from, count);
    for (let k = 0; k < this.outside.count; k++) {
      const place = this.outside.at[k] ?? 0;
      const at = from.skip(8);
      words[place * 2] = from.view.getUint32(at, true);
      words[place * 2 + 1] = from.view.getUint32(at + 4, true);
    }
  }
}

function represents(integer: number, power: number, value: number, single: boolean): boolean {
  if (integer === 0) return Object.is(value, 0);
  const largest = single ? LARGEST_FLOAT : LARGEST;
  if (!(integer < largest && integer > -largest)) return false;
  return (single ? Math.fround(integer / power) : integer / power) === value;
}

/** The least number of places from `least` on with which the value is a decimal number, or -1. */
function placesOf(value: number, least: number, single: boolean): number {
  for (let places = least; places <= MAX_PLACES; places++) {
    const power = powers[places] ?? 1;
    if (represents(Math.floor(value * power + 0.5), power, value, single)) return places;
  }
  return -1;
}

/* Digits of numbers as bytes of text: those that `String` gives, without a string of each. */

const ZERO = 48;
const DOT = 46;

/** Numbers that `putShortest` writes: of these two steps of nine digits are exact, and the digits that count end in the second one. */
const LEAST = 2 ** -6;
const MOST = 1e6;
const LEAST_EXPONENT = -6;
const MOST_EXPONENT = 19;

/** Digits of a step. */
const PLACES = 9;
const STEP = 10 ** PLACES;
const TENS = Float64Array.from({ length: PLACES + 1 }, (_, exponent) => 10 ** exponent);
/** Half of the distance from a double to the next one, in units of the last digit of the second step, by exponent. */
const HALVES = Float64Array.from(
  { length: MOST_EXPONENT - LEAST_EXPONENT + 1 },
  (_, i) => 2 ** (i + LEAST_EXPONENT - 53) * STEP * STEP,
);
/** A decimal of so many digits is the only one that reads as its double; of more, some are. */
const SURE_DIGITS = 15;
/** The upper half of the bits of a double: times a step it is exact, and so is the lower half. */
const HALF_OF_BITS = 2 ** 26;
/** What is left behind the digits is not exact to the last bit: nearer to the middle than this part nothing is said. */
const DOUBT = 1e-12;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** Writes an integer from 0 to below 2^31, and returns where it ends. */
export function putInteger(bytes: Uint8Array, at: number, value: number): number {
  let end = at + 1;
  for (let power = 10; power <= value; power *= 10) end++;
  let left = value | 0;
  let place = end;
  do {
    const rest = (left / 10) | 0;
    bytes[--place] = ZERO + left - rest * 10;
    left = rest;
  } while (left > 0);
  return end;
}

/** Writes six digits. */
export function putSix(bytes: Uint8Array, at: number, value: number): void {
  const high = (value / 10_000) | 0;
  const low = value - high * 10_000;
  const middle = (low / 100) | 0;
  putTwo(bytes, at, high);
  putTwo(bytes, at + 2, middle);
  putTwo(bytes, at + 4, low - middle * 100);
}

/** Writes two digits. */
export function putTwo(bytes: Uint8Array, at: number, value: number): void {
  const tens = (value / 10) | 0;
  bytes[at] = ZERO + tens;
  bytes[at + 1] = ZERO + value - tens * 10;
}

/** Where a fraction ends without the zeros behind its last digit. */
export function withoutZeros(bytes: Uint8Array, end: number): number {
  let at = end;
  while (bytes[at - 1] === ZERO) at--;
  return at;
}

/**
 * Writes a number that is no integer as the shortest decimal that reads as the same double, of several the nearest, as `String` does, and returns where it ends; `at`: it is not one of those that it
 * writes. Nine digits of a fraction are the whole part of a billion times it, and the fraction that this leaves is exact again: 18 digits are known so. A decimal of fewer reads as the number if it is
 * no further from it than half the distance to the next double. It takes half the time of making a string and copying it.
 */
export function putShortest(bytes: Uint8Array, at: number, value: number): number {
  if (!(value >= LEAST && value < MOST)) return at;
  const whole = Math.floor(value);
  const fraction = value - whole;
  let upper = Math.floor(fraction * HALF_OF_BITS) / HALF_OF_BITS;
  let product = upper * STEP;
  let digits = Math.floor(product);
  let behind = product - digits + (fraction - upper) * STEP;
  let carry = Math.floor(behind);
  let head = digits + carry;
  const rest = behind - carry;
  upper = Math.floor(rest * HALF_OF_BITS) / HALF_OF_BITS;
  product = upper * STEP;
  digits = Math.floor(product);
  behind = product - digits + (rest - upper) * STEP;
  carry = Math.floor(behind);
  const end = putInteger(bytes, at, whole);
  // Zeros in front are none of the digits that count.
  const wholeDigits = whole > 0 ? end - at : value < 0.1 ? -1 : 0;
  double[0] = value;
  const half = HALVES[((words[1] ?? 0) >>> 20) - 1023 - LEAST_EXPONENT] ?? 0;
  let tail = rounded(digits + carry, behind - carry, SURE_DIGITS - wholeDigits - PLACES, half);
  if (tail < 0) return at;
  if (tail === STEP) {
    tail = 0;
    head++;
  }
  bytes[end] = DOT;
  putNine(bytes, end + 1, head);
  putNine(bytes, end + 1 + PLACES, tail);
  return withoutZeros(bytes, end + 1 + 2 * PLACES);
}

function putNine(bytes: Uint8Array, at: number, value: number): void {
  const high = (value / 100_000) | 0;
  const low = (value | 0) - high * 100_000;
  const first = (high / 100) | 0;
  const middle = (low / 1000) | 0;
  const end = low - middle * 1000;
  const third = (end / 10) | 0;
  putTwo(bytes, at, first);
  putTwo(bytes, at + 2, high - first * 100);
  putTwo(bytes, at + 4, middle);
  putTwo(bytes, at + 6, third);
  bytes[at + 8] = ZERO + end - third * 10;
}

/** Digits, and what is left behind them, rounded to as few places as are enough, at least `places`; -1: it is not sure. */
function rounded(tail: number, rest: number, places: number, half: number): number {
  // With 17 digits that count it ends: half a unit of those is less than half the distance.
  for (let place = places; ; place++) {
    const unit = TENS[PLACES - place] ?? 1;
    const floor = Math.floor(tail / unit) * unit;
    const below = tail - floor + rest;
    const above = unit - below;
    const distance = below < above ? below : above;
    const doubt = unit * DOUBT;
    if (distance > half + doubt) continue;
    if (distance > half - doubt || Math.abs(below - above) < doubt) return -1;
    return below < above ? floor : floor + unit;
  }
}

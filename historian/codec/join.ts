import type { Numeric } from '../points/numeric.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import type { BlockSummary, ExactSummary, ValueSummary } from './summary.ts';

/** Decimal places of an exact summary at most. */
const MAX_PLACES = 12;

type Sums = Omit<ExactSummary, 'places'>;

/** The integers that a summary is made of, if its numbers are those that they give; null: it is to be written as doubles. */
export function exactOf({ values, count, firstUs, lastUs, goodCount, goodUs }: BlockSummary): ExactSummary | null {
  if (values === null) return null;
  const { kind, min, max, first, last, sum, stepped, sloped } = values;
  const numbers = [min, max, first, last, sum, stepped, sloped];
  const doubles = numbers.filter((each) => typeof each === 'number');
  if (doubles.length < numbers.length) return null;
  const most = isDecimal(kind) ? MAX_PLACES : 0;
  for (let places = 0; places <= most; places++) {
    const power = 10 ** places;
    // Of noise no number is a decimal one: a look at one of them is enough.
    if ((Math.round(Number(min) * power) + 0) / power !== min) continue;
    const scaled = doubles.map((each, i) => Math.round(each * power * (i === 6 ? 2 : 1)) + 0);
    if (!scaled.every((each, i) => Object.is(each / (i === 6 ? 2 : 1) / power, doubles[i]))) continue;
    const [least = 0, greatest = 0, from = 0, to = 0, total = 0, area = 0, twice = 0] = scaled;
    const reach = Math.max(Math.abs(least), Math.abs(greatest)) * Math.max(2 * (lastUs - firstUs), count);
    if (reach >= 2 ** 53 || !scaled.every(Number.isSafeInteger)) return null;
    const exact = {
      places,
      min: least,
      max: greatest,
      first: from,
      last: to,
      sum: total,
      stepped: area,
      sloped: twice,
    };
    return isWhole(exact, goodCount, goodUs) ? exact : null;
  }
  return null;
}

function isDecimal(kind: ValueKind): boolean {
  return kind === ValueKind.double || kind === ValueKind.float;
}

/** What follows from the values where they are all the same is not written. */
function isWhole({ min, max, sum, stepped, sloped }: Sums, goodCount: number, goodUs: number): boolean {
  return min !== max || (sum === min * goodCount && stepped === min * goodUs && sloped === 2 * stepped);
}

/** Two summaries of a series as one, if `a` ends before `b` begins (FORMAT.md, "Summary"); undefined: their values cannot be summed up together. */
export function joined(a: BlockSummary, b: BlockSummary): BlockSummary | undefined {
  const heldUs = a.lastGood ? b.firstUs - a.lastUs : 0;
  const goodUs = a.goodUs + heldUs + b.goodUs;
  const count = a.count + b.count;
  if (b.firstUs < a.lastUs || !Number.isSafeInteger(goodUs) || count > 0xffffffff) return undefined;
  const base = {
    count,
    firstUs: a.firstUs,
    lastUs: b.lastUs,
    goodCount: a.goodCount + b.goodCount,
    goodUs,
    firstGood: a.firstGood,
    lastGood: b.lastGood,
    distinct: a.distinct && b.distinct && b.firstUs > a.lastUs,
    plain: a.plain && b.plain,
    outage: a.outage || b.outage,
    corrected: a.corrected || b.corrected,
  };
  if (a.goodCount === 0) return { ...base, values: b.values };
  if (a.values === null) return undefined;
  const held = { heldUs, to: b.firstGood ? (b.values?.first ?? a.values.last) : a.values.last };
  if (b.goodCount > 0 && (b.values === null || b.values.kind !== a.values.kind)) return undefined;
  const values = joinedExactly(a, b, held, base) ?? joinedInDoubles(a.values, b.values, held);
  return [values.sum, values.stepped, values.sloped].every(Number.isFinite) ? { ...base, values } : undefined;
}

/** For how long the last value of the first holds up to the second, µs, and where it goes. */
interface Held {
  readonly heldUs: number;
  readonly to: Numeric;
}

/** In integers, if both are exact and the result is. */
function joinedExactly(
  a: BlockSummary,
  b: BlockSummary,
  { heldUs }: Held,
  base: Omit<BlockSummary, 'values'>,
): ValueSummary | undefined {
  const [one, other] = [exactOf(a), b.values === null ? undefined : exactOf(b)];
  if (a.values === null || one === null || other === null) return undefined;
  const places = Math.max(one.places, other?.places ?? 0);
  const power = 10 ** places;
  const first = scaledTo(one, places);
  const second = other === undefined ? undefined : scaledTo(other, places);
  const to = b.firstGood && second !== undefined ? second.first : first.last;
  const sums = added(first, second, heldUs, to, isDrawn(a.values.kind));
  const { min, max } = sums;
  const span = base.lastUs - base.firstUs;
  if (Math.max(Math.abs(min), Math.abs(max)) * Math.max(2 * span, base.count) >= 2 ** 53) return undefined;
  const real = (integer: number): number => integer / power;
  return {
    kind: a.values.kind,
    min: real(min),
    max: real(max),
    first: real(sums.first),
    last: real(sums.last),
    sum: real(sums.sum),
    stepped: real(sums.stepped),
    sloped: sums.sloped / 2 / power,
  };
}

function scaledTo({ places, ...sums }: ExactSummary, wanted: number): Sums {
  const factor = 10 ** (wanted - places);
  const { min, max, first, last, sum, stepped, sloped } = sums;
  return {
    min: min * factor,
    max: max * factor,
    first: first * factor,
    last: last * factor,
    sum: sum * factor,
    stepped: stepped * factor,
    sloped: sloped * factor,
  };
}

/** `sloped` is twice the integral. */
function added(a: Sums, b: Sums | undefined, heldUs: number, to: number, isSloped: boolean): Sums {
  const line = isSloped ? a.last + to : 2 * a.last;
  return {
    min: Math.min(a.min, b?.min ?? a.min),
    max: Math.max(a.max, b?.max ?? a.max),
    first: a.first,
    last: b?.last ?? a.last,
    sum: a.sum + (b?.sum ?? 0),
    stepped: a.stepped + a.last * heldUs + (b?.stepped ?? 0),
    sloped: a.sloped + line * heldUs + (b?.sloped ?? 0),
  };
}

function joinedInDoubles(a: ValueSummary, b: ValueSummary | null, { heldUs, to }: Held): ValueSummary {
  const last = Number(a.last);
  const end = isDrawn(a.kind) ? (last + Number(to)) / 2 : last;
  return {
    kind: a.kind,
    // Of 0 and -0 the one that came first.
    min: b !== null && b.min < a.min ? b.min : a.min,
    max: b !== null && b.max > a.max ? b.max : a.max,
    first: a.first,
    last: b?.last ?? a.last,
    sum: a.sum + (b?.sum ?? 0),
    stepped: a.stepped + last * heldUs + (b?.stepped ?? 0),
    sloped: a.sloped + end * heldUs + (b?.sloped ?? 0),
  };
}

/** Of booleans there is no line between one value and the next. */
function isDrawn(kind: ValueKind): boolean {
  return kind !== ValueKind.boolean;
}

/** Sequence numbers go from 1 to this, then again from 1 (OPC UA Part 4, 7.9). */
const LAST = 0xffff_ffff;
/** More than this is not a gap that could be asked for again. */
const MAX_GAP = 100_000;

/** The sequence numbers of one subscription. */
export class Sequence {
  /** The first one of a subscription is 1. */
  private expected = 1;

  /** Takes the number of an answer; returns how many notifications before it are missing, and the first. A keep-alive has the number of the next one and takes none. */
  take(number: number, isKeepAlive: boolean): { readonly first: number; readonly count: number } {
    const first = this.expected;
    const count = (number - first + LAST) % LAST;
    // A number from before is a repetition.
    if (count > LAST / 2) return { first, count: 0 };
    this.expected = isKeepAlive ? number : after(number);
    return { first, count };
  }
}

/** The number behind one. */
function after(number: number): number {
  return number === LAST ? 1 : number + 1;
}

/** The numbers of a gap; none if it is too large. */
export function numbersOf({ first, count }: { readonly first: number; readonly count: number }): number[] {
  const numbers: number[] = [];
  if (count > MAX_GAP) return numbers;
  for (let i = 0, number = first; i < count; i++, number = after(number)) numbers.push(number);
  return numbers;
}

/** For tests: numbers from 0 up to, not including, `limit`; the same for the same seed. */
export type Random = (limit: number) => number;

/** The generator "mulberry32": 32 bits of state, good enough to choose with. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * limit);
  };
}

/** For tests: decides where something may go on in `count` ways; way 0 is the one of a world without faults, the last the one furthest from it. */
export type Choose = (count: number) => number;

/** Random choices that come in moods: all as they should be, all lost, each as it falls. Independent ones would hardly ever lose the whole of one thing and nothing of another. */
export function moody(random: Random): Choose {
  let mood = random(4);
  return (count) => {
    if (random(5) === 0) mood = random(4);
    if (mood === 0) return 0;
    return mood === 1 ? count - 1 : random(count);
  };
}

/** Every sequence of choices, one after the other, for what can be done again and again: `do … while (choices.next())`. */
export class AllChoices {
  private readonly digits: number[] = [];
  private readonly counts: number[] = [];
  private at = 0;

  readonly choose: Choose = (count) => {
    const digit = this.digits[this.at] ?? 0;
    this.digits[this.at] = digit;
    this.counts[this.at++] = count;
    return digit;
  };

  /** How many sequences there are, as far as the last one tells: what is chosen may change what else is asked. */
  get product(): number {
    return this.counts.slice(0, this.at).reduce((product, count) => product * count, 1);
  }

  /** Goes on to the next sequence; false: that was the last. */
  next(): boolean {
    this.digits.length = this.at;
    while (this.at > 0) {
      const last = --this.at;
      const digit = (this.digits.pop() ?? 0) + 1;
      if (digit < (this.counts[last] ?? 0)) {
        this.digits.push(digit);
        this.at = 0;
        return true;
      }
    }
    return false;
  }
}

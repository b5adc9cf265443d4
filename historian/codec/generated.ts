import { ValueKind } from '../../edge/core/sample.ts';
import { BLOCK_POINTS } from '../limits.ts';
import { Points } from '../points/points.ts';

/** Series like those of a plant, for `measure.ts` and tests: the same seed gives the same bits. */

const START_US = 1_704_067_200_000_000;
const SECOND_US = 1_000_000;
const JITTER_MS = 20;
/** Samples of all tags that stand in the log between two of one tag. */
const TAGS = 1000;

/** Uniform numbers in [0, 1), of 32 bits (mulberry32), and what is made of them. */
class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  uniform(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let x = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  }

  below(limit: number): number {
    return Math.floor(this.uniform() * limit);
  }

  /** Uniform in [0, 1), of 53 bits. */
  private fine(): number {
    return (this.below(2 ** 21) + this.uniform()) / 2 ** 21;
  }

  /** Standard normal, by Box and Muller; with 53 bits, so that no bit of a value is 0 for want of others. */
  gauss(): number {
    return Math.sqrt(-2 * Math.log(1 - this.fine())) * Math.cos(2 * Math.PI * this.fine());
  }
}

/** Values of one tag, one after the other. */
type Signal = (random: Random, i: number) => number;

/** A class of tags: digital ones that toggle every 600 s, walks of two decimals with steps of 0.04, noise in all bits of a double, and float32 noise on a swing. */
export interface SignalClass {
  readonly name: string;
  readonly kind: ValueKind;
  readonly make: (random: Random) => Signal;
}

export const digital: SignalClass = {
  name: 'digital',
  kind: ValueKind.boolean,
  make: (random) => {
    const phase = random.below(600);
    return (_, i) => Math.floor((i + phase) / 600) % 2;
  },
};

export const twoDecimals: SignalClass = {
  name: 'two-decimal',
  kind: ValueKind.double,
  make: (random) => {
    let hundredths = 2000 + random.below(6000);
    return (next) => {
      hundredths += Math.round(next.gauss() * 4);
      return hundredths / 100;
    };
  },
};

export const noisy: SignalClass = {
  name: 'noisy',
  kind: ValueKind.double,
  make: () => (random) => 50 + random.gauss() * 1.25,
};

export const float32: SignalClass = {
  name: 'float32',
  kind: ValueKind.float,
  make: (random) => {
    const level = 10 + random.uniform() * 90;
    return (next, i) => Math.fround(level + Math.abs(((i / 3600) % 1) - 0.5) * 8 + next.gauss() * 0.1);
  },
};

/** In which order the records of one second stand in the log. */
export type LogOrder = 'scan' | 'time';

/** A block of a tag, samples a second apart with ±20 ms of jitter in whole milliseconds, the tag being scanned with 999 others; or all in the order of their times. */
export function block(of: SignalClass, seed: number, order: LogOrder = 'scan', count = BLOCK_POINTS): Points {
  const random = new Random(seed);
  const signal = of.make(random);
  const tag = random.below(TAGS);
  const others = new Random(seed ^ 0x5bd1e995);
  const points = new Points(count);
  for (let i = 0; i < count; i++) {
    const jitter = random.below(2 * JITTER_MS + 1) - JITTER_MS;
    points.times[i] = START_US + i * SECOND_US + jitter * 1000;
    points.offsets[i] = 1_000_000 + i * TAGS + (order === 'scan' ? tag : rank(others, jitter, tag));
    const value = signal(random, i);
    if (of.kind === ValueKind.boolean) points.words[i * 2] = value;
    else points.slots[i] = value;
  }
  points.kinds.fill(of.kind);
  points.deviceTimes.fill(Number.NaN);
  points.serverTimes.fill(Number.NaN);
  points.count = count;
  return points;
}

/** How many of the others came before a sample: those with less jitter, and of those with the same the tags before it. */
function rank(others: Random, jitter: number, tag: number): number {
  let before = 0;
  for (let other = 0; other < TAGS; other++) {
    if (other === tag) continue;
    const theirs = others.below(2 * JITTER_MS + 1) - JITTER_MS;
    if (theirs < jitter || (theirs === jitter && other < tag)) before++;
  }
  return before;
}

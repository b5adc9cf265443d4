import { RandomStream } from './random.ts';
import { hourS } from './time.ts';

/** What is being pressed: the force ordered, how stiff the part is, and how long the next one takes to be laid in. */
export interface Part {
  /** N */
  readonly force: number;
  /** N/m */
  readonly stiffness: number;
  /** s */
  readonly handlingS: number;
}

const parts: readonly Part[] = [
  { force: 640e3, stiffness: 42e6, handlingS: 2.3 },
  { force: 800e3, stiffness: 48e6, handlingS: 2.7 },
  { force: 720e3, stiffness: 36e6, handlingS: 2 },
];
/** Five rounds of the three parts an hour, each part followed by a change of the tool. */
const lotS = hourS / 15;
const changeS = 24;

/** The order of work at the press; repeats every hour but for the hand that lays the parts in. */
export class PressProgram {
  private readonly first: number;
  private readonly hand: RandomStream;

  constructor(seed: number) {
    this.first = Math.floor(new RandomStream(seed, 'press/program').between(0, parts.length));
    this.hand = new RandomStream(seed, 'press/hand');
  }

  partAt(timeS: number): Part {
    const part = parts[(Math.floor(timeS / lotS) + this.first) % parts.length] ?? parts[0];
    if (part === undefined) throw new Error('the press has no parts');
    return part;
  }

  /** Whether a stroke may begin; not while the tool is changed. */
  works(timeS: number): boolean {
    return timeS % lotS < lotS - changeS;
  }

  /** How long the hand takes this time; s. */
  handling(part: Part): number {
    return part.handlingS * (1 + 0.04 * Math.max(-2.5, Math.min(2.5, this.hand.gauss())));
  }
}

/**
 * A stream of random numbers that depends on the seed and its own name alone: what one sensor draws never shifts another's noise.
 *
 * Generator: xoshiro128** (D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47, 2021), seeded by a 32-bit hash of the name.
 */
export class RandomStream {
  private a: number;
  private b: number;
  private c: number;
  private d: number;
  private spare = Number.NaN;

  constructor(seed: number, name: string) {
    const next = seeder(`${seed}/${name}`);
    this.a = next();
    this.b = next();
    this.c = next();
    this.d = next() | 1; // the state must not be all zeros
  }

  /** In (0, 1), never 0. */
  uniform(): number {
    const drawn = Math.imul(rotateLeft(Math.imul(this.b, 5), 7), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = rotateLeft(this.d, 11);
    return (drawn + 0.5) / 4_294_967_296;
  }

  /** Evenly between two bounds. */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Normally distributed, mean 0, standard deviation 1 (Box and Muller, 1958; both numbers of a pair are used). */
  gauss(): number {
    const spare = this.spare;
    if (!Number.isNaN(spare)) {
      this.spare = Number.NaN;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

/**
 * A slow random motion around 0 with standard deviation 1: the Ornstein-Uhlenbeck process, discretised exactly
 * (D. T. Gillespie, Physical Review E 54, 1996, eq. 2.15).
 */
export class Wander {
  value: number;
  private readonly keep: number;
  private readonly kick: number;
  private readonly random: RandomStream;

  /** @param memoryS time constant after which it has forgotten; s. @param everyS time between two steps; s. */
  constructor(random: RandomStream, memoryS: number, everyS: number) {
    this.random = random;
    this.keep = memoryS > 0 ? Math.exp(-everyS / memoryS) : 0;
    this.kick = Math.sqrt(1 - this.keep * this.keep);
    this.value = random.gauss();
  }

  step(): number {
    this.value = this.keep * this.value + this.kick * this.random.gauss();
    return this.value;
  }
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

/** Words from a text: FNV-1a over its characters, then splitmix32's finaliser on a Weyl sequence. */
function seeder(text: string): () => number {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let word = state ^ (state >>> 16);
    word = Math.imul(word, 0x21f0aaad);
    word ^= word >>> 15;
    word = Math.imul(word, 0x735a2d97);
    return word ^ (word >>> 15);
  };
}

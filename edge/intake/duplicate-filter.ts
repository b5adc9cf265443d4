import type { Fingerprint } from './fingerprint.ts';

/** How long a logged sample is remembered at least, as long as the bound below is not reached (DESIGN: the 10 minutes run on ingest time). */
export const REMEMBER_MS = 10 * 60_000;
/** Samples that one generation remembers: 24 MB. Beyond it the older generation goes early, so under overload the memory is kept and the window shrinks. */
const MAX_GENERATION = 1_000_000;

/** Remembers fingerprints for ten to twenty minutes in two generations of bounded memory. */
export class DuplicateFilter {
  private current = new Generation();
  private previous = new Generation();
  private startedMs = -Infinity;
  private readonly maxGeneration: number;
  /** Settles when every sample that was remembered is durable: only then is what repeats one on record too, and may be acknowledged. Kept by the intakes. */
  durable: Promise<unknown> = Promise.resolve();

  constructor(maxGeneration: number = MAX_GENERATION) {
    this.maxGeneration = maxGeneration;
  }

  /** Whether the fingerprint was remembered already; it is remembered from now on. `nowMs` is ingest time. */
  seen(print: Fingerprint, nowMs: number): boolean {
    this.turn(nowMs);
    if (this.current.has(print)) return true;
    const known = this.previous.has(print);
    this.current.add(print);
    return known;
  }

  /** Remembers without asking. */
  remember(print: Fingerprint, nowMs: number): void {
    this.turn(nowMs);
    if (!this.current.has(print)) this.current.add(print);
  }

  /** Samples that are remembered. */
  get size(): number {
    return this.current.size + this.previous.size;
  }

  /** Begins a new generation where the current one is ten minutes old or full. Generations follow each other every ten minutes, however seldom there are samples. */
  private turn(nowMs: number): void {
    const ageMs = nowMs - this.startedMs;
    // A clock that was set back by more than a generation starts over rather than remember for ever.
    const setBack = ageMs < -REMEMBER_MS;
    const full = this.current.size >= this.maxGeneration;
    if (ageMs < REMEMBER_MS && !setBack && !full) return;
    this.previous = ageMs >= 2 * REMEMBER_MS ? new Generation() : this.current;
    this.current = new Generation();
    this.startedMs = ageMs >= REMEMBER_MS && ageMs < 2 * REMEMBER_MS ? this.startedMs + REMEMBER_MS : nowMs;
  }
}

/** An open-addressing set of 96-bit fingerprints; three words a place, 0 0 0 is free. */
class Generation {
  size = 0;
  private words = new Int32Array(3 * 4096);
  private mask = 4095;

  has(print: Fingerprint): boolean {
    return this.words[this.find(print.a, print.b, print.c) + 2] !== 0;
  }

  /** Adds what is not there yet. */
  add(print: Fingerprint): void {
    if (this.size * 2 > this.mask) this.grow();
    this.put(print.a, print.b, print.c);
    this.size++;
  }

  private put(a: number, b: number, c: number): void {
    const at = this.find(a, b, c);
    this.words[at] = a;
    this.words[at + 1] = b;
    // The third word marks a place as taken, so it is never 0.
    this.words[at + 2] = c === 0 ? 1 : c;
  }

  private find(a: number, b: number, c: number): number {
    const { words, mask } = this;
    const third = c === 0 ? 1 : c;
    for (let slot = b & mask; ; slot = (slot + 1) & mask) {
      const at = slot * 3;
      const taken = words[at + 2];
      if (taken === 0 || (taken === third && words[at] === a && words[at + 1] === b)) return at;
    }
  }

  private grow(): void {
    const old = this.words;
    this.words = new Int32Array(old.length * 2);
    this.mask = this.mask * 2 + 1;
    for (let at = 0; at < old.length; at += 3) {
      const c = old[at + 2] ?? 0;
      if (c !== 0) this.put(old[at] ?? 0, old[at + 1] ?? 0, c);
    }
  }
}

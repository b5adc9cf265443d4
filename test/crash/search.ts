import { AllChoices, moody, type Random, seeded } from '../../edge/core/kit/choices.ts';
import { type CrashDisk, type DiskImage, digestOf } from '../../edge/core/kit/crash-disk.ts';
import { type Allowed, examine, type Recovered } from './examine.ts';
import { type Counts, Life } from './life.ts';
import { Violation } from './promises.ts';
import { checkSnapshot } from './snapshot.ts';

/** How far a search goes. */
export interface SearchOptions {
  /** Steps of each life. */
  readonly steps: number;
  /** Images looked at between two calls: all that there can be, or so many random ones. */
  readonly imagesPerCall: number;
  /** One in so many recoveries loses power too, between any two of its calls. */
  readonly interruptOneIn: number;
}

/** What a search has seen. */
export interface SearchResult {
  /** Images that were looked at, the same ones again and again. */
  images: number;
  /** Hashes of them. */
  readonly distinct: Set<string>;
  /** Images that were recovered, and examined. */
  examined: number;
  /** Moments at which every possible image was looked at, and others. */
  exhaustive: number;
  sampled: number;
  interrupted: number;
}

export function newResult(): SearchResult {
  return { images: 0, distinct: new Set(), examined: 0, exhaustive: 0, sampled: 0, interrupted: 0 };
}

/** Looks at what the disk may hold after a crash between any two calls of one life. */
export class Search {
  private readonly life: Life;
  private readonly options: SearchOptions;
  private readonly result: SearchResult;
  private readonly random: Random;
  /** What was recovered of an image, as long as the log is not opened again. */
  private readonly known = new Map<string, Recovered>();
  private opens = -1;
  private violation: Error | undefined;

  constructor(seed: number, options: SearchOptions, result: SearchResult) {
    this.options = options;
    this.result = result;
    this.random = seeded(seed ^ 0x5eed);
    this.life = new Life({ seed, watch: () => this.look() });
  }

  get counts(): Counts {
    return this.life.counts;
  }

  /** Lives the life. Throws a `Violation` with the last calls before it. */
  run(): void {
    try {
      for (let i = 0; i < this.options.steps && this.violation === undefined; i++) this.life.step();
    } catch (error) {
      this.violation ??= asError(error);
    }
    if (this.violation === undefined) return;
    const trace = this.life.trace.slice(-60).join('\n');
    throw new Violation(`${String(this.violation)}\n${trace}`, { cause: this.violation });
  }

  /** Looks at the images of this moment. What is found is kept: the log must not take it for an error of the disk. */
  private look(): void {
    if (this.violation !== undefined) return;
    if (this.opens !== this.life.opens) this.known.clear();
    this.opens = this.life.opens;
    try {
      const images = this.images();
      for (const image of images ?? this.someImages()) this.see(image);
      if (images === undefined) this.result.sampled++;
      else this.result.exhaustive++;
    } catch (error) {
      this.violation = asError(error);
    }
  }

  /** All that the disk may hold, or undefined: it is too much. */
  private images(): DiskImage[] | undefined {
    const { imagesPerCall } = this.options;
    const choices = new AllChoices();
    const images: DiskImage[] = [];
    do {
      images.push(this.life.disk.image(choices.choose));
      if (choices.product > imagesPerCall || images.length > imagesPerCall) return undefined;
    } while (choices.next());
    return images;
  }

  /** All was written, nothing was, and what chance will have. */
  private someImages(): DiskImage[] {
    const { disk } = this.life;
    const choose = moody(this.random);
    return Array.from({ length: this.options.imagesPerCall }, (_, i) =>
      disk.image(i === 0 ? () => 0 : i === 1 ? (count) => count - 1 : choose),
    );
  }

  private see(image: DiskImage): void {
    const { promises, snapshot } = this.life;
    const bounds = promises.map((topic) => topic.bounds);
    const { versions } = snapshot;
    const digest = digestOf(image);
    this.result.images++;
    this.result.distinct.add(digest);
    const known = this.known.get(digest);
    if (known === undefined) return void this.known.set(digest, this.recover(image, { bounds, versions }));
    for (const [i, topic] of promises.entries())
      topic.check(known.spans[i] ?? { start: 0, end: 0 }, bounds[i] ?? topic.bounds);
    checkSnapshot(known.snapshot, known.spans, versions);
  }

  private recover(image: DiskImage, allowed: Allowed): Recovered {
    this.result.examined++;
    const { promises, smallness } = this.life;
    if (this.random(this.options.interruptOneIn) !== 0) return examine(image, promises, allowed, smallness);
    const before: DiskImage[] = [];
    const after: DiskImage[] = [];
    const choose = moody(this.random);
    const recovered = examine(image, promises, allowed, smallness, (disk: CrashDisk, published) => {
      disk.before = () => void (published() ? after : before).push(disk.image(choose));
    });
    // What a recovery has published is promised too.
    const bounds = recovered.spans.map(({ start, end }) => ({
      leastEnd: end,
      mostEnd: end,
      leastStart: start,
      mostStart: start,
    }));
    for (const next of before) this.interrupted(next, allowed);
    for (const next of after) this.interrupted(next, { ...allowed, bounds });
    return recovered;
  }

  private interrupted(image: DiskImage, allowed: Allowed): void {
    this.result.images++;
    this.result.examined++;
    this.result.interrupted++;
    this.result.distinct.add(digestOf(image));
    examine(image, this.life.promises, allowed, this.life.smallness);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('not an error', { cause: error });
}

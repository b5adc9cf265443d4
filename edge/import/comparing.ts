import type { Value, ValueKind } from '../core/sample.ts';
import type { Compared, Comparer, ComparisonSink, Difference } from './differences.ts';
import type { MappedName } from './names.ts';
import type { Refusal, RowSink } from './rows.ts';

/** Samples that are gathered before they are compared, some 100 bytes each: every time costs a question for each tag. */
const GATHERED = 500_000;
/** Differences of a tag that are shown. */
const SHOWN = 5;

/** What was found of one tag. */
export interface TagComparison {
  readonly tag: string;
  /** Samples of the other historian. */
  there: number;
  equal: number;
  different: number;
  missingHere: number;
  missingThere: number;
  /** Rows that stand behind later ones of the same tag: they are not compared. */
  unordered: number;
  /** The first of them. */
  readonly first: Difference[];
}

/** What comparing needs. */
export interface ComparingOptions {
  /** Span of the whole export, µs; both ends are in it. */
  readonly fromUs: number;
  readonly lastUs: number;
  readonly comparer: (sink: ComparisonSink) => Comparer;
  /** Samples of this historian, `fromUs` ≤ time < `toUs`, in the order of time. */
  readonly here: (tag: string, fromUs: number, toUs: number) => AsyncIterable<Compared>;
  readonly onDifference: (tag: string, difference: Difference) => void;
}

interface Gathered {
  readonly counts: TagComparison;
  readonly comparer: Comparer;
  samples: Compared[];
  /** All before is compared. */
  fromUs: number;
}

/** An export of another historian against this one, in one pass with bounded memory: of each tag the rows must stand in the order of time, as they do in exports. */
export class Comparing implements RowSink {
  readonly tags = new Map<number, TagComparison>();
  refusedCount = 0;
  private readonly options: ComparingOptions;
  private readonly gathered = new Map<number, Gathered>();
  private count = 0;

  constructor(options: ComparingOptions) {
    this.options = options;
  }

  sample(name: MappedName, timeUs: number, _kind: ValueKind, value: Value, quality: number): void {
    const tag = this.tagOf(name);
    tag.counts.there++;
    if (timeUs < tag.fromUs) {
      tag.counts.unordered++;
      return;
    }
    tag.samples.push({ timeUs, value, quality });
    this.count++;
  }

  private tagOf({ number, path }: MappedName): Gathered {
    const known = this.gathered.get(number);
    if (known !== undefined) return known;
    const counts: TagComparison = {
      tag: path,
      there: 0,
      equal: 0,
      different: 0,
      missingHere: 0,
      missingThere: 0,
      unordered: 0,
      first: [],
    };
    const comparer = this.options.comparer({
      equal: () => void counts.equal++,
      differs: (difference) => this.note(counts, difference),
    });
    const made = { counts, comparer, samples: [], fromUs: this.options.fromUs };
    this.gathered.set(number, made);
    this.tags.set(number, counts);
    return made;
  }

  private note(counts: TagComparison, difference: Difference): void {
    if (difference.what === 'different') counts.different++;
    else if (difference.what === 'missing-here') counts.missingHere++;
    else counts.missingThere++;
    if (counts.first.length < SHOWN) counts.first.push(difference);
    this.options.onDifference(counts.tag, difference);
  }

  refused(_refusal: Refusal): void {
    this.refusedCount++;
  }

  ignored(): void {}

  ambiguous(): void {}

  /** Compares what was gathered, once it is much. Of each tag the last times are kept: more samples near them may follow. `nearUs`: how far times may lie apart. */
  async compareSome(nearUs: number): Promise<void> {
    if (this.count < GATHERED) return;
    for (const tag of this.gathered.values()) {
      const lastUs = tag.samples.reduce((last, { timeUs }) => Math.max(last, timeUs), Number.NEGATIVE_INFINITY);
      // With a tolerance a cut must not lie between two samples that belong together.
      const endUs = cutBefore(tag.samples, lastUs, nearUs) ?? (tag.samples.length > GATHERED ? lastUs : undefined);
      if (endUs !== undefined) await this.compare(tag, endUs);
    }
    // What is left over is bounded by what came since the last time.
    this.count = 0;
  }

  /** Compares all that is left, up to the end of the export. */
  async finish(): Promise<void> {
    for (const tag of this.gathered.values()) await this.compare(tag, this.options.lastUs + 1);
  }

  private async compare(tag: Gathered, endUs: number): Promise<void> {
    const there = tag.samples.filter(({ timeUs }) => timeUs < endUs).toSorted((a, b) => a.timeUs - b.timeUs);
    tag.samples = tag.samples.filter(({ timeUs }) => timeUs >= endUs);
    const { fromUs } = tag;
    tag.fromUs = endUs;
    if (fromUs < endUs) await tag.comparer.compare(there, this.options.here(tag.counts.tag, fromUs, endUs));
  }

  /** Whether both say the same. */
  get equal(): boolean {
    if (this.refusedCount > 0) return false;
    return [...this.tags.values()].every(
      ({ different, missingHere, missingThere, unordered }) => different + missingHere + missingThere + unordered === 0,
    );
  }
}

/** The latest time before which everything may be compared: no sample of the list lies within twice the tolerance of it. Undefined: there is none. */
function cutBefore(samples: readonly Compared[], lastUs: number, nearUs: number): number | undefined {
  if (nearUs === 0) return Number.isFinite(lastUs) ? lastUs : undefined;
  const times = samples.map(({ timeUs }) => timeUs).toSorted((a, b) => b - a);
  for (let i = 0; i + 1 < times.length; i++) {
    const gap = (times[i] ?? 0) - (times[i + 1] ?? 0);
    if (gap > 4 * nearUs) return (times[i] ?? 0) - 2 * nearUs;
  }
  return undefined;
}

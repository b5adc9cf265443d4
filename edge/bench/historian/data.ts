import { Random } from '../../../models/random.ts';
import { Rows } from './rows.ts';
import { byException, digital, float32, type MakeSignal, noisy, twoDecimals } from './signals.ts';

/** Monday, 2024-01-01T00:00:00Z, ms: in the past of every machine, for some systems refuse what lies ahead; a whole minute, hour and day. */
export const START_MS = 1_704_067_200_000;
export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const DAY_MS = 24 * 60 * MINUTE_MS;

/** Samples stand a little behind the whole second, so that the jitter does not carry one out of its second. */
const BEHIND_MS = 100;
const JITTER_MS = 20;
const SEED = 20_240_101;

/** Type of a tag's values. */
type TagType = 'boolean' | 'float' | 'double';

/** Tags of one kind. */
export interface TagClass {
  /** In the names of figures. */
  readonly name: string;
  readonly type: TagType;
  readonly tags: number;
  readonly signal: MakeSignal;
}

/** One tag of a set. */
export interface Tag {
  readonly path: string;
  readonly class: string;
  readonly type: TagType;
}

/** Samples that every system is given, in the order in which they arrive. */
export interface DataSet {
  readonly name: string;
  readonly tags: readonly Tag[];
  /** All times are in `fromMs` ≤ time < `toMs`. */
  readonly fromMs: number;
  readonly toMs: number;
  /** How late samples arrive at most: so far behind later ones. 0: in order. */
  readonly lateMs: number;
  /** The samples, anew each time; the rows are the same memory again and again. */
  rows(): Iterable<Rows, undefined>;
}

/** What a generated set is made of. */
export interface Recipe {
  readonly name: string;
  readonly classes: readonly TagClass[];
  /** Samples of each tag (at most, where it is reported by exception). */
  readonly periods: number;
  readonly everyMs: number;
  /** `START_MS` if left out. */
  readonly fromMs?: number;
  readonly seed?: number;
}

/** The classes of the mix, a thousand tags at scale 1. */
export const DIGITAL: TagClass = { name: 'digital', type: 'boolean', tags: 200, signal: digital(600) };
export const TWO_DECIMAL: TagClass = { name: 'two_decimal', type: 'double', tags: 500, signal: twoDecimals };
export const NOISY: TagClass = { name: 'noisy', type: 'double', tags: 300, signal: noisy };
export const MIX = [DIGITAL, TWO_DECIMAL, NOISY];

/** The second set: what comes out of PLCs and from servers with deadbands. */
export const FLOAT32: TagClass = { name: 'float32', type: 'float', tags: 300, signal: float32 };
export const BY_EXCEPTION: TagClass = { name: 'by_exception', type: 'double', tags: 200, signal: byException };

/** The same classes with other numbers of tags. */
export function scaled(classes: readonly TagClass[], factor: number): TagClass[] {
  return classes.map((each) => ({ ...each, tags: Math.max(1, Math.round(each.tags * factor)) }));
}

/** A generated set: the same recipe gives the same bytes. Tags stand class by class; in each period all of them are sampled in turn. */
export function generate(recipe: Recipe): DataSet {
  const { name, classes, periods, everyMs, fromMs = START_MS, seed = SEED } = recipe;
  const tags = classes.flatMap((each) =>
    Array.from({ length: each.tags }, (_, i): Tag => ({
      path: `bench/${each.name}/${String(i).padStart(5, '0')}`,
      class: each.name,
      type: each.type,
    })),
  );
  return {
    name,
    tags,
    fromMs,
    toMs: fromMs + periods * everyMs,
    lateMs: 0,
    rows: () => rowsOf(classes, { fromMs, periods, everyMs, seed }),
  };
}

function* rowsOf(
  classes: readonly TagClass[],
  { fromMs, periods, everyMs, seed }: Required<Pick<Recipe, 'fromMs' | 'periods' | 'everyMs' | 'seed'>>,
): Generator<Rows, undefined> {
  const sources = classes.flatMap(({ name, tags, signal }) =>
    Array.from({ length: tags }, (_, i) => {
      const random = new Random(seedOf(seed, name, i));
      return { random, signal: signal(random) };
    }),
  );
  const out = new Rows();
  for (let period = 0; period < periods; period++) {
    const dueMs = fromMs + period * everyMs + BEHIND_MS - JITTER_MS;
    for (let tag = 0; tag < sources.length; tag++) {
      const source = sources[tag];
      // A sample that is not reported has its jitter too: what a tag draws does not depend on what it reports.
      const timeMs = dueMs + (source?.random.below(2 * JITTER_MS + 1) ?? 0);
      if (source?.signal.step() !== true) continue;
      if (!out.add(tag, timeMs, source.signal.value, source.signal.quality)) continue;
      yield out;
      out.count = 0;
    }
  }
  if (out.count > 0) yield out;
  return undefined;
}

/** Another stream for each tag of each class (FNV-1a over the name, then the tag's number). */
function seedOf(seed: number, name: string, tag: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return Math.imul(hash ^ tag, 0x01000193) ^ (tag << 16);
}

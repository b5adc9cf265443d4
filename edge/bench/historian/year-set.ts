import { DAY_MS, type DataSet, generate, MINUTE_MS, scaled, MIX, SECOND_MS, START_MS } from './data.ts';
import { Rows } from './rows.ts';

const HOUR_MS = 60 * MINUTE_MS;
/** Days of the second rate, at the end. */
const MONTH_DAYS = 31;

/** How large a year is. */
export interface YearSize {
  /** Tags of an hour. */
  readonly tags: number;
  /** Of these have a sample each second besides, in the last month. */
  readonly fast: number;
  readonly days: number;
}

/** 100,000 tags for 365 days, 100 of them each second for the last 31 days: 1.14e9 samples. */
export const YEAR: YearSize = { tags: 100_000, fast: 100, days: 365 };

/** A set of which more is known. */
export interface YearSet extends DataSet {
  readonly points: number;
  /** When the last month begins, ms. */
  readonly monthMs: number;
}

/** A year in the order of time. The tags of a smaller year are the same as those of a larger one. */
export function yearSet({ tags, fast, days }: YearSize): YearSet {
  const fastDays = Math.min(days, MONTH_DAYS);
  const fromMs = START_MS + (days - fastDays) * DAY_MS;
  const hours = (days * DAY_MS) / HOUR_MS;
  const seconds = (fastDays * DAY_MS) / SECOND_MS;
  const slowSet = generate({
    name: 'year',
    classes: scaled(MIX, tags / 1000),
    periods: hours,
    everyMs: HOUR_MS,
    // Between two seconds: no tag has two samples of the same time.
    fromMs: START_MS + SECOND_MS / 2,
  });
  const fastSet = generate({
    name: 'month',
    classes: scaled(MIX, fast / 1000),
    periods: seconds,
    everyMs: SECOND_MS,
    fromMs,
  });
  const places = new Map(slowSet.tags.map(({ path }, tag) => [path, tag]));
  const placesOfFast = Uint32Array.from(fastSet.tags, ({ path }) => places.get(path) ?? 0);
  return {
    ...slowSet,
    fromMs: START_MS,
    toMs: START_MS + days * DAY_MS,
    points: slowSet.tags.length * hours + fastSet.tags.length * seconds,
    monthMs: fromMs,
    rows: () => merged(new Cursor(slowSet).open(), new Cursor(fastSet, placesOfFast).open()),
  };
}

/** A place in a set that is gone through. */
class Cursor {
  private readonly source: Iterator<Rows, undefined>;
  private readonly places: Uint32Array | undefined;
  private rows: Rows = new Rows(0);
  private row = 0;
  /** Infinity: behind the last sample. */
  timeMs = 0;

  /** `places`: numbers of its tags in another set. */
  constructor(set: DataSet, places?: Uint32Array) {
    this.source = set.rows()[Symbol.iterator]();
    this.places = places;
  }

  /** Goes to the first sample. */
  open(): this {
    this.row = -1;
    this.next();
    return this;
  }

  next(): void {
    if (++this.row >= this.rows.count) {
      const { value } = this.source.next();
      if (value === undefined) {
        this.timeMs = Number.POSITIVE_INFINITY;
        return;
      }
      this.rows = value;
      this.row = 0;
    }
    this.timeMs = this.rows.timesMs[this.row] ?? 0;
  }

  /** Adds its sample to others. True: they are full now. */
  give(out: Rows): boolean {
    const { rows, row, places } = this;
    const tag = rows.tags[row] ?? 0;
    return out.add(places?.[tag] ?? tag, this.timeMs, rows.values[row] ?? 0, rows.qualities[row] ?? 0);
  }
}

function* merged(a: Cursor, b: Cursor): Generator<Rows, undefined> {
  const out = new Rows();
  for (;;) {
    const first = a.timeMs <= b.timeMs ? a : b;
    if (first.timeMs === Number.POSITIVE_INFINITY) break;
    if (first.give(out)) {
      yield out;
      out.count = 0;
    }
    first.next();
  }
  if (out.count > 0) yield out;
  return undefined;
}

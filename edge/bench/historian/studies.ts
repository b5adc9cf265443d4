import {
  BY_EXCEPTION,
  DAY_MS,
  type DataSet,
  FLOAT32,
  generate,
  MINUTE_MS,
  MIX,
  scaled,
  SECOND_MS,
  START_MS,
  type TagClass,
  TWO_DECIMAL,
} from './data.ts';
import { FORMATS, formatQuestion } from './http-history.ts';
import { late } from './late.ts';
import { chartQuestion, chartsQuestion, latestQuestion, rawQuestion } from './questions.ts';
import { recordedSets } from './recorded.ts';
import type { Chart, Span } from './system.ts';
import type { Study } from './study.ts';

const MONTH_DAYS = 31;
const BUCKETS = 1000;
/** 5 M samples of a thousand tags. */
const PERIODS = 5000;
/** Of the second set, which is loaded against the clock too: about as many samples. */
const PERIODS_OF_SECOND = 3 * PERIODS;
/** Another place of the beginning than any whole interval. */
const ODD_MS = 12_345;

/** So many tags of a set, evenly spread over it. */
function spreadOver(set: DataSet, count: number): number[] {
  const some = Math.min(count, set.tags.length);
  return Array.from({ length: some }, (_, i) => Math.floor(((i + 0.5) * set.tags.length) / some));
}

/** The whole span of a set, in whole buckets. */
function chartOf({ fromMs, toMs }: DataSet, widthMs: number): Chart {
  return { fromMs, toMs, widthMs };
}

/** A little of everything, not noted: a process is slow with what it does for the first time (the second set took twice as long where it came first). */
export function warmingUp(): Study {
  const classes = scaled([...MIX, FLOAT32, BY_EXCEPTION], 0.1);
  const set = generate({ name: 'warming up', classes, periods: PERIODS, everyMs: SECOND_MS });
  return { set, once: true, probes: spreadOver(set, 5), questions: [] };
}

/** The mix: loading, bytes, and what one asks of 5,000 samples of a tag. */
export function mixStudy(scale: number): Study {
  const set = generate({ name: 'mix', classes: scaled(MIX, scale), periods: PERIODS, everyMs: SECOND_MS });
  const chart = chartOf(set, (PERIODS * SECOND_MS) / BUCKETS);
  return {
    set,
    ingest: 'ingest',
    bytes: 'bytes_per_point',
    probes: spreadOver(set, 50),
    questions: [
      rawQuestion('raw_5000', set),
      chartQuestion('chart_1000_of_5000', chart),
      chartsQuestion('tags_50_chart_1000', 50, chart),
    ],
  };
}

/** Ten times as many samples of the same tags. */
export function largeStudy(): Study {
  const set = generate({ name: 'mix, 50 M', classes: MIX, periods: PERIODS * 10, everyMs: SECOND_MS });
  const span = { fromMs: START_MS, toMs: START_MS + PERIODS * SECOND_MS };
  return {
    set,
    once: true,
    ingest: 'ingest_50m',
    bytes: 'bytes_per_point_50m',
    probes: spreadOver(set, 10),
    questions: [rawQuestion('raw_5000_of_50m', span), chartQuestion('chart_1000_of_50m', chartOf(set, 50 * SECOND_MS))],
  };
}

/** The mix again, a tenth of it up to an hour late. */
export function lateStudy(scale: number): Study {
  const mix = mixStudy(scale);
  const set = late(mix.set, { share: 0.1, upToMs: 60 * MINUTE_MS });
  return { set, ingest: 'ingest_late', comparedWith: 'ingest', probes: mix.probes, questions: [] };
}

/** Bytes of each class by itself, of the second set, and of what was recorded. */
export function bytesStudies(scale: number): Study[] {
  const alone = (name: string, classes: readonly TagClass[], periods = PERIODS): DataSet =>
    generate({ name, classes: scaled(classes, scale), periods, everyMs: SECOND_MS });
  const sets = [
    ...MIX.map((each) => alone(each.name, [each])),
    alone('second', [FLOAT32, BY_EXCEPTION], PERIODS_OF_SECOND),
    alone('float32', [FLOAT32]),
    alone('by_exception', [BY_EXCEPTION]),
    ...recordedSets(),
  ];
  return sets.map((set) => ({
    set,
    once: true,
    bytes: `bytes_per_point.${set.name}`,
    ...(set.name === 'second' ? { ingest: 'ingest_second' } : {}),
    probes: spreadOver(set, 5),
    questions: [],
  }));
}

/** One in the middle. */
function dayOfMonth(): Span {
  return { fromMs: START_MS + 11 * DAY_MS, toMs: START_MS + 12 * DAY_MS };
}

/** A month of a second each: a day of it raw, and charts of all. */
export function monthStudy(classes: readonly TagClass[]): Study {
  const few = classes.map((each) => ({ ...each, tags: 1 }));
  const periods = (MONTH_DAYS * DAY_MS) / SECOND_MS;
  const set = generate({ name: 'month', classes: few, periods, everyMs: SECOND_MS });
  // 44,640 minutes: 45 of them are the least that make at most a thousand buckets.
  const snapped = chartOf(set, Math.ceil((set.toMs - set.fromMs) / BUCKETS / MINUTE_MS) * MINUTE_MS);
  // Whole buckets: not every system can cut the last one off.
  const oddFromMs = set.fromMs + ODD_MS;
  const widthMs = Math.floor((set.toMs - ODD_MS - oddFromMs) / BUCKETS);
  const odd = { fromMs: oddFromMs, toMs: oddFromMs + BUCKETS * widthMs, widthMs };
  return {
    set,
    once: true,
    probes: spreadOver(set, few.length),
    questions: [
      rawQuestion('raw_86400', dayOfMonth()),
      chartQuestion('chart_1000_of_month', snapped),
      chartQuestion('chart_1000_of_month_any_bounds', odd),
    ],
  };
}

/** As many tags as the largest profile has, a few samples each. */
export function wideSet(periods: number): DataSet {
  return generate({ name: '100,000 tags', classes: scaled(MIX, 100), periods, everyMs: MINUTE_MS });
}

/** The last value of each of them. */
export function wideStudy(periods: number): Study {
  const set = wideSet(periods);
  return { set, once: true, probes: spreadOver(set, 5), questions: [latestQuestion('latest_100000')] };
}

/** The same sets and questions for a gateway, over HTTP; and a day in each of its formats. Not the charts of any bounds, which it does not have. */
export function httpStudies(quick: boolean): Study[] {
  const mix = mixStudy(quick ? 0.05 : 1);
  const month = monthStudy(quick ? [TWO_DECIMAL] : MIX);
  const wide = wideStudy(3);
  const day = dayOfMonth();
  const formats = Object.keys(FORMATS) as (keyof typeof FORMATS)[];
  const days = formats.map((format) => formatQuestion(`raw_86400.${format}`, format, day));
  const studies = [mix, ...(quick ? [] : [{ ...month, questions: [...month.questions, ...days] }, wide])];
  return studies.map(({ set, probes, questions }) => ({
    set: { ...set, name: `${set.name}, over HTTP` },
    once: true,
    probes,
    questions: questions
      .filter(({ name }) => !name.endsWith('any_bounds'))
      .map((question) => ({ ...question, name: `http.${question.name}` })),
  }));
}

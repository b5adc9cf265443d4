import {
  AGGREGATE_FUNCTIONS,
  type AggregateConfiguration,
  type AggregateFunction,
  DEFAULT_CONFIGURATION,
} from '../../../historian/aggregates/aggregate.ts';
import { CALENDAR_UNITS } from '../../../historian/analysis/calendar.ts';
import type { CounterRules } from '../../../historian/analysis/counter-rules.ts';
import { Zone } from '../../../historian/analysis/zone.ts';
import { AGGREGATES, type Aggregate } from '../../../historian/queries/bucket-page.ts';
import { MAX_CHART_POINTS } from '../../../historian/limits.ts';
import { nearest } from '../../config/nearest.ts';
import { parseDuration } from '../../config/quantities.ts';
import { Fault } from '../../core/fault.ts';
import { MAX_TIME_US } from '../../core/sample.ts';
import { parseTime } from '../time-text.ts';
import { type Interval, METHODS, type Request, type TableRequest } from './request.ts';

/** What was given for a question about history beside its tags and its span, as text. */
export interface TableTexts {
  readonly interval?: string | undefined;
  readonly aggregate?: string | undefined;
  readonly points?: string | undefined;
  readonly timezone?: string | undefined;
  readonly layout?: string | undefined;
  readonly at?: readonly string[] | undefined;
  readonly every?: string | undefined;
  readonly method?: string | undefined;
  readonly shape?: string | undefined;
  readonly stepped?: string | undefined;
  readonly treatUncertainAsBad?: string | undefined;
  readonly percentDataGood?: string | undefined;
  readonly percentDataBad?: string | undefined;
  readonly useSlopedExtrapolation?: string | undefined;
  readonly rollover?: string | undefined;
  readonly maxPerSecond?: string | undefined;
  readonly correction?: string | undefined;
}

type Name = keyof TableTexts;
type Code = 'request-invalid' | 'usage';

/** Parameters that say which question it is, and those that each question takes beside them. */
const OF_VALUES: readonly Name[] = ['at', 'every', 'method'];
const OF_CONFIGURATION: readonly Name[] = [
  'stepped',
  'treatUncertainAsBad',
  'percentDataGood',
  'percentDataBad',
  'useSlopedExtrapolation',
];
const OF_COUNTERS: readonly Name[] = ['rollover', 'maxPerSecond', 'correction'];
const COMMON: readonly Name[] = ['layout', 'timezone'];

/** Times of one question at most. */
export const MAX_TIMES = 1000;

/** What counters are asked by. */
export const COUNTED = 'counted';

/** How an interval is written. */
export const INTERVALS = `a time of at least 1ms such as 30s, 1m or 1h, ${CALENDAR_UNITS.join(', ')} or shift`;

/**
 * The question that the parameters ask where it is more than samples, the short aggregates of equal intervals, or their chart; undefined: it is not. Throws `code`, with the parameter
 * that is wrong and what was expected; `time-invalid`.
 */
export function parseTable(texts: TableTexts, code: Code = 'request-invalid'): TableRequest | undefined {
  const reader = new Parameters(texts, code);
  const request = reader.request();
  if (request === undefined) return undefined;
  return { request, layout: reader.oneOf('layout', ['long', 'wide']) ?? 'long', timezone: reader.timezone() };
}

class Parameters {
  private readonly texts: TableTexts;
  private readonly code: Code;

  constructor(texts: TableTexts, code: Code) {
    this.texts = texts;
    this.code = code;
  }

  request(): Request | undefined {
    const { interval, aggregate, points, shape, layout } = this.texts;
    if (this.given(OF_VALUES).length > 0) return this.values();
    if (shape !== undefined) return this.shape();
    if (interval !== undefined || aggregate !== undefined) return this.aggregates();
    const [alone] = this.given([...OF_CONFIGURATION, ...OF_COUNTERS, 'timezone']);
    if (alone !== undefined) this.refuse(alone, 'only beside interval and aggregate, or at or every');
    if (layout === undefined) return undefined;
    if (points !== undefined) this.refuse('layout', 'not with points alone: give shape=minmax or shape=lttb beside it');
    return { type: 'samples' };
  }

  timezone(): string | undefined {
    const { timezone, interval, every } = this.texts;
    if (timezone === undefined) return undefined;
    const unit = this.interval(interval === undefined ? 'every' : 'interval', interval ?? every ?? '');
    if (unit.type === 'time')
      this.refuse('timezone', `only beside a calendar unit (${CALENDAR_UNITS.join(', ')}, shift)`);
    try {
      return Zone.of(timezone).name;
    } catch {
      return this.refuse(
        'timezone',
        `${JSON.stringify(timezone.slice(0, 60))} is none; expected one such as Europe/Berlin`,
      );
    }
  }

  /** One of these words; undefined: not given. */
  oneOf<Word extends string>(name: Name, words: readonly Word[]): Word | undefined {
    const text = this.texts[name];
    if (text === undefined) return undefined;
    return words.find((word) => word === text) ?? this.refuse(name, `expected ${words.join(' or ')}`);
  }

  private aggregates(): Request | undefined {
    const { interval, aggregate, points, layout } = this.texts;
    if (points !== undefined) this.refuse('points', 'not together with interval and aggregate');
    // What is missing is said where the short ones are read.
    if (interval === undefined || aggregate === undefined) return undefined;
    const names = aggregate.split(',').map((name) => this.aggregate(name));
    const unit = this.interval('interval', interval);
    if (new Set(names).size < names.length) this.refuse('aggregate', 'each once');
    if (names.includes(COUNTED)) return this.counted(names, unit);
    this.allowOnly([...COMMON, ...OF_CONFIGURATION, 'interval', 'aggregate'], 'with aggregates');
    const aggregates = names.filter((name) => name !== COUNTED);
    const isShort = aggregates.every((name) => (AGGREGATES as readonly string[]).includes(name));
    const [option] = this.given(OF_CONFIGURATION);
    if (isShort && option !== undefined)
      this.refuse(
        option,
        'only with an aggregate of OPC UA Part 13, such as TimeAverage2: the short ones are of Good values alone',
      );
    if (isShort && unit.type === 'time' && layout === undefined) {
      // Said by itself, as `timezone` is never read then.
      this.timezone();
      return undefined;
    }
    return {
      type: 'aggregates',
      interval: unit,
      aggregates,
      configuration: this.configuration(),
      stepped: this.flag('stepped'),
    };
  }

  private counted(names: readonly string[], interval: Interval): Request {
    if (names.length > 1) this.refuse('aggregate', `${COUNTED} stands alone`);
    this.allowOnly([...COMMON, ...OF_COUNTERS, 'interval', 'aggregate'], `with ${COUNTED}`);
    const positive = (name: Name, what: string): number | undefined => this.number(name, what, (value) => value > 0);
    const rollover = positive('rollover', 'a number above 0 and up to 2^53, such as 4294967296');
    const maxPerSecond = positive('maxPerSecond', 'a number above 0');
    const correction = this.number('correction', 'a number of at least 0', (value) => value >= 0);
    const rules: Partial<CounterRules> = {
      ...(rollover === undefined ? {} : { rollover }),
      ...(maxPerSecond === undefined ? {} : { maxPerSecond }),
      ...(correction === undefined ? {} : { correction }),
    };
    return { type: 'counted', interval, rules: Object.keys(rules).length === 0 ? undefined : rules };
  }

  private values(): Request {
    const own: readonly Name[] = [...COMMON, ...OF_VALUES, 'stepped', 'treatUncertainAsBad', 'useSlopedExtrapolation'];
    this.allowOnly(own, 'with at, every and method');
    const { at, every } = this.texts;
    if ((at === undefined) === (every === undefined))
      this.refuse('at', 'expected times, or every=, beside method; not both');
    const method = this.oneOf('method', METHODS) ?? 'interpolated';
    if (method !== 'interpolated')
      for (const option of this.given(['stepped', 'useSlopedExtrapolation']))
        this.refuse(option, 'only with method=interpolated');
    return {
      type: 'values',
      times: at === undefined ? { every: this.interval('every', every ?? '') } : { at: this.times(at) },
      method,
      stepped: this.flag('stepped'),
      uncertainIsBad: this.flag('treatUncertainAsBad') ?? true,
      slopedExtrapolation: this.flag('useSlopedExtrapolation') ?? false,
    };
  }

  private times(at: readonly string[]): number[] {
    if (at.length > MAX_TIMES) this.refuse('at', `expected at most ${MAX_TIMES.toLocaleString('en')} times`);
    return [...new Set(at.map(parseTime))].toSorted((a, b) => a - b);
  }

  private shape(): Request {
    this.allowOnly(['layout', 'points', 'shape'], 'with shape');
    const shape = this.oneOf('shape', ['minmax', 'lttb']) ?? 'minmax';
    const { points = '' } = this.texts;
    const count = /^\d{1,5}$/.test(points) ? Number(points) : 0;
    if (count < 3 || count > MAX_CHART_POINTS) this.refuse('points', 'expected 3 to 10,000 beside shape');
    return { type: 'shape', shape, points: count };
  }

  private aggregate(text: string): Aggregate | AggregateFunction | typeof COUNTED {
    const name = text.trim();
    const short = AGGREGATES.find((known) => known === name);
    if (short !== undefined) return short;
    const lower = name.toLowerCase();
    if (lower === COUNTED) return COUNTED;
    const known = AGGREGATE_FUNCTIONS.find((each) => each.toLowerCase() === lower);
    if (known !== undefined) return known;
    const near = nearest(name, [...AGGREGATES, COUNTED, ...AGGREGATE_FUNCTIONS]);
    const expected = `expected some of ${[...AGGREGATES, COUNTED].join(',')} or of OPC UA Part 13 (${AGGREGATE_FUNCTIONS.join(', ')}), each once, with commas between them`;
    return this.refuse(
      'aggregate',
      near === undefined ? expected : `${JSON.stringify(name)} is none, did you mean ${near}? ${expected}`,
    );
  }

  private interval(name: Name, text: string): Interval {
    const unit = CALENDAR_UNITS.find((known) => known === text);
    if (unit !== undefined) return { type: 'calendar', text: unit };
    if (text === 'shift') return { type: 'shift', text };
    const widthUs = (parseDuration(text) ?? 0) * 1000;
    if (widthUs < 1 || widthUs > MAX_TIME_US) this.refuse(name, `expected ${INTERVALS}`);
    return { type: 'time', text, widthUs };
  }

  private configuration(): AggregateConfiguration {
    const percent = (name: Name, standard: number): number =>
      this.number(name, 'a number from 0 to 100', (value) => value >= 0 && value <= 100) ?? standard;
    const percentDataGood = percent('percentDataGood', DEFAULT_CONFIGURATION.percentDataGood);
    const percentDataBad = percent('percentDataBad', DEFAULT_CONFIGURATION.percentDataBad);
    // OPC UA Part 13, 4.2.1.2.
    if (percentDataGood < 100 - percentDataBad)
      this.refuse('percentDataGood', `expected at least ${100 - percentDataBad}, which is 100 less percentDataBad`);
    return {
      treatUncertainAsBad: this.flag('treatUncertainAsBad') ?? DEFAULT_CONFIGURATION.treatUncertainAsBad,
      percentDataGood,
      percentDataBad,
      useSlopedExtrapolation: this.flag('useSlopedExtrapolation') ?? DEFAULT_CONFIGURATION.useSlopedExtrapolation,
    };
  }

  private flag(name: Name): boolean | undefined {
    const word = this.oneOf(name, ['true', 'false']);
    return word === undefined ? undefined : word === 'true';
  }

  private number(name: Name, expected: string, fits: (value: number) => boolean): number | undefined {
    const text = this.texts[name];
    if (text === undefined) return undefined;
    const value =
      typeof text === 'string' && /^-?\d{1,16}(\.\d{1,16})?(e[+-]?\d{1,3})?$/i.test(text) ? Number(text) : Number.NaN;
    return Number.isFinite(value) && value <= 2 ** 53 && fits(value)
      ? value
      : this.refuse(name, `expected ${expected}`);
  }

  private given(names: readonly Name[]): Name[] {
    return names.filter((name) => this.texts[name] !== undefined);
  }

  private allowOnly(names: readonly Name[], where: string): void {
    const all = Object.keys(this.texts) as Name[];
    const [other] = this.given(all.filter((name) => !names.includes(name)));
    if (other !== undefined) this.refuse(other, `not ${where}`);
  }

  private refuse(name: Name, what: string): never {
    throw new Fault(this.code, `${name}: ${what}.`);
  }
}

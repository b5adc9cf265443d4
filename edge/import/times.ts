import { readTime } from '../../connectors/payload/device-time.ts';
import { parseIso } from '../../connectors/payload/iso-time.ts';
import type { TimeFormat } from '../../connectors/payload/mapping-config.ts';
import type { Zone } from '../../connectors/payload/zone.ts';

const NAMED: readonly string[] = ['auto', 'iso', 's', 'ms', 'us', 'ns'] satisfies TimeFormat[];

/** Which of two times is meant that a clock shows twice when summer time ends. `order`: the second one as soon as the times of a tag go back. */
export const AMBIGUOUS = ['order', 'first', 'second', 'refuse'] as const;
export type Ambiguous = (typeof AMBIGUOUS)[number];

/** How times are written. */
export interface TimesConfig {
  /** `auto`, `iso`, `s`, `ms`, `us`, `ns`, or a pattern such as `dd.MM.yyyy HH:mm:ss`. */
  readonly format: string;
  readonly zone: Zone | undefined;
  readonly ambiguous: Ambiguous;
}

/** A time as it was read: one, or two that the clock showed alike; or why it is none. */
export type ReadTime =
  | { readonly timeUs: number; readonly secondUs?: number }
  | { readonly problem: 'bad-time' | 'no-zone' | 'time-skipped' | 'time-ambiguous'; readonly detail: string };

/** What a clock shows, taken as UTC. */
interface Reading {
  readonly wallMs: number;
  readonly fractionUs: number;
  /** Null: the text names no zone. */
  readonly offsetMinutes: number | null;
}

/** Reads the times of an export: with a zone as they stand, without one as the clock of a place. */
export class TimeReader {
  private readonly config: TimesConfig;
  private readonly pattern: TimePattern | undefined;

  /** The format was checked by `timeFormatProblem`. */
  constructor(config: TimesConfig) {
    this.config = config;
    this.pattern = NAMED.includes(config.format) ? undefined : compilePattern(config.format);
  }

  /** A time out of a text. Finer than µs is cut off. */
  read(text: string): ReadTime {
    const { format } = this.config;
    const trimmed = text.trim();
    if (trimmed === '') return { problem: 'bad-time', detail: 'There is no time.' };
    const reading = this.pattern === undefined ? parseIso(trimmed) : readPattern(this.pattern, trimmed);
    if (reading !== undefined && (this.pattern !== undefined || format === 'iso' || format === 'auto'))
      return this.instant(reading, trimmed);
    if (this.pattern !== undefined || format === 'iso') return bad(trimmed, `no time of the form ${format}`);
    return readNumber(trimmed, format as Exclude<TimeFormat, 'iso'>);
  }

  private instant({ wallMs, fractionUs, offsetMinutes }: Reading, text: string): ReadTime {
    const { zone, ambiguous } = this.config;
    if (offsetMinutes !== null) return { timeUs: (wallMs - offsetMinutes * 60_000) * 1000 + fractionUs };
    if (zone === undefined)
      return {
        problem: 'no-zone',
        detail: `A time without a zone, which --site-time-zone or the map can name: ${shown(text)}`,
      };
    const [first, second] = zone.instantsOf(wallMs);
    if (first === undefined)
      return { problem: 'time-skipped', detail: `Summer time begins: no clock shows ${shown(text)}` };
    if (second === undefined) return { timeUs: first * 1000 + fractionUs };
    if (ambiguous === 'refuse')
      return { problem: 'time-ambiguous', detail: `Summer time ends: clocks show ${shown(text)} twice` };
    return { timeUs: first * 1000 + fractionUs, secondUs: second * 1000 + fractionUs };
  }
}

function readNumber(text: string, format: Exclude<TimeFormat, 'iso'>): ReadTime {
  const isNumber = /^[+-]?\d{1,24}(?:\.\d{1,18})?$/.test(text);
  if (!isNumber) return bad(text, format === 'auto' ? 'no time of ISO 8601 and no number' : 'no number');
  const value = format === 'auto' ? (/^-?\d{16,}$/.test(text) ? BigInt(text) : Number(text)) : text;
  const time = readTime(value, format, undefined);
  return typeof time === 'number' ? { timeUs: time } : { problem: time.reason, detail: time.detail };
}

function bad(text: string, what: string): ReadTime {
  return { problem: 'bad-time', detail: `${shown(text)} is ${what}` };
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}

/** Tells apart what a clock shows twice by the order of the times of one tag. */
export class ClockOrder {
  private lastUs = Number.NEGATIVE_INFINITY;
  private stepUs = 0;

  /** Which of the two is meant. */
  choose(firstUs: number, secondUs: number): number {
    if (firstUs > this.lastUs) return firstUs;
    // The same time again is the same sample again, but in a list of hours it is the next hour.
    if (firstUs === this.lastUs) return this.stepUs >= secondUs - firstUs ? secondUs : firstUs;
    return secondUs >= this.lastUs ? secondUs : firstUs;
  }

  /** Notes the time of a row. */
  note(timeUs: number): void {
    if (timeUs !== this.lastUs) this.stepUs = timeUs - this.lastUs;
    this.lastUs = timeUs;
  }
}

type Field = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'fraction' | 'half' | 'zone';

interface TimePattern {
  readonly expression: RegExp;
  readonly fields: readonly (Field | 'shortYear' | 'monthName' | 'hour12')[];
}

const TOKENS: Readonly<Record<string, readonly [expression: string, field: TimePattern['fields'][number]]>> = {
  yyyy: [String.raw`(\d{4})`, 'year'],
  yy: [String.raw`(\d\d)`, 'shortYear'],
  MMM: ['([A-Za-z]{3,9})', 'monthName'],
  MM: [String.raw`(\d\d)`, 'month'],
  M: [String.raw`(\d\d?)`, 'month'],
  dd: [String.raw`(\d\d)`, 'day'],
  d: [String.raw`(\d\d?)`, 'day'],
  HH: [String.raw`(\d\d)`, 'hour'],
  H: [String.raw`(\d\d?)`, 'hour'],
  hh: [String.raw`(\d\d)`, 'hour12'],
  h: [String.raw`(\d\d?)`, 'hour12'],
  mm: [String.raw`(\d\d)`, 'minute'],
  m: [String.raw`(\d\d?)`, 'minute'],
  ss: [String.raw`(\d\d)`, 'second'],
  s: [String.raw`(\d\d?)`, 'second'],
  a: ['([AaPp]\\.?[Mm]\\.?)', 'half'],
  z: [String.raw`(Z|[+-]\d\d:?\d\d)`, 'zone'],
};
const TOKEN = /yyyy|yy|MMM|MM?|dd?|HH?|hh?|mm?|ss?|f{1,9}|a|z|'[^']*'/g;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** What is wrong with a format, or undefined. */
export function timeFormatProblem(format: string): string | undefined {
  if (NAMED.includes(format)) return undefined;
  const { fields } = compilePattern(format);
  const has = (...names: TimePattern['fields'][number][]): boolean => names.some((name) => fields.includes(name));
  if (!has('year', 'shortYear') || !has('month', 'monthName') || !has('day')) return 'names no year, month and day';
  if (has('hour12') !== has('half')) return 'has `hh` without `a`, or `a` without `hh`';
  if (has('fraction') && !has('second')) return 'has a fraction without seconds';
  return new Set(fields).size < fields.length ? 'names a part twice' : undefined;
}

/** A pattern such as `dd.MM.yyyy HH:mm:ss.fff`: what is no token, or stands between `'`, stands for itself. */
function compilePattern(format: string): TimePattern {
  const fields: TimePattern['fields'][number][] = [];
  let expression = '';
  let at = 0;
  for (const match of format.matchAll(TOKEN)) {
    expression += escaped(format.slice(at, match.index));
    const [token] = match;
    at = match.index + token.length;
    if (token.startsWith("'")) expression += escaped(token.slice(1, -1));
    else {
      const [part, field] = TOKENS[token] ?? [String.raw`(\d{1,9})`, 'fraction' as const];
      expression += part;
      fields.push(field);
    }
  }
  expression += escaped(format.slice(at));
  return { expression: new RegExp(`^${expression}$`), fields };
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);
}

function readPattern({ expression, fields }: TimePattern, text: string): Reading | undefined {
  const match = expression.exec(text);
  if (match === null) return undefined;
  const parts: Partial<Record<Field, string>> = {};
  for (const [i, field] of fields.entries()) {
    const part = match[i + 1] ?? '';
    if (field === 'shortYear') parts.year = `${Number(part) < 70 ? 20 : 19}${part}`;
    else if (field === 'monthName') parts.month = String(MONTHS.indexOf(part.slice(0, 3).toLowerCase()) + 1);
    else if (field === 'hour12') parts.hour = part;
    else parts[field] = part;
  }
  const { year = '', month = '', day = '', hour = '0', minute = '0', second = '0' } = parts;
  const hours = parts.half === undefined ? Number(hour) : halfDay(Number(hour), parts.half);
  const { fraction, zone = '' } = parts;
  const [y, mo, d, h, mi, s] = [year, month, day, String(hours), minute, second].map((each) => each.padStart(2, '0'));
  // Read as ISO 8601, which knows the days of the months.
  return parseIso(`${y}-${mo}-${d}T${h}:${mi}:${s}${fraction === undefined ? '' : `.${fraction}`}${zone}`);
}

/** 12 AM is 0 o'clock, 12 PM noon; NaN for an hour that no such clock has. */
function halfDay(hour: number, half: string): number {
  if (hour < 1 || hour > 12) return Number.NaN;
  return (hour % 12) + (/^p/i.test(half) ? 12 : 0);
}

import { siteClock } from './site-clock.ts';

/* Numbers, units and times as a person reads them; times by the clock of the site. */

/** Stands where there is no value. */
export const NOTHING = '–';
const THIN_SPACE = '\u202f';

/**
 * Decimals that make sense for readings of this size: three significant digits below 100, four up to 1,000, none beyond. From the largest reading of a signal, so that its
 * digits do not jump.
 */
export function decimalsFor(largest: number): number {
  const size = Math.abs(largest);
  if (!Number.isFinite(size) || size === 0) return 1;
  if (size >= 1000) return 0;
  if (size >= 100) return 1;
  return Math.min(6, 2 - Math.floor(Math.log10(size)));
}

/** A number with so many decimals and thin spaces between thousands; tiny and huge ones with an exponent. */
export function formatNumber(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return NOTHING;
  if (Math.abs(value) >= 1e12) return value.toExponential(2).replace('e+', 'e');
  const text = value.toFixed(decimals);
  const zero = Number(text) === 0 ? text.replace('-', '') : text;
  const [whole = '', fraction] = zero.split('.');
  const grouped = whole.replaceAll(/(?<=\d)(?=(?:\d{3})+$)/g, THIN_SPACE);
  return (fraction === undefined ? grouped : `${grouped}.${fraction}`).replace('-', '\u2212');
}

/** Any value of a sample as text, at most 40 characters. */
export function formatValue(value: unknown, decimals: number): string {
  if (typeof value === 'number') return formatNumber(value, decimals);
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (value === null || value === undefined) return NOTHING;
  if (typeof value === 'string') return value.length > 40 ? `${value.slice(0, 39)}…` : value;
  const { shape } = value as { readonly shape?: readonly number[] };
  return shape === undefined ? NOTHING : `[${shape.join('×')}]`;
}

/** Units of UCUM whose usual sign is another. */
const UNIT_SIGNS: Readonly<Record<string, string>> = {
  '1': '',
  Cel: '°C',
  '[degF]': '°F',
  Ohm: 'Ω',
  '1/min': 'min⁻¹',
  '/min': 'min⁻¹',
  '1/s': 's⁻¹',
  'dB[SPL]': 'dB',
  deg: '°',
  um: 'µm',
  us: 'µs',
};

const RAISED: Readonly<Record<string, string>> = { '2': '²', '3': '³' };

/** A UCUM unit as it is usually written: `Cel` is °C, `m3/h` is m³/h. */
export function formatUnit(unit: string | null): string {
  if (unit === null) return '';
  const sign = UNIT_SIGNS[unit];
  if (sign !== undefined) return sign;
  return unit.replaceAll(/(?<=[a-zA-Z])[23](?![0-9])/g, (digit) => RAISED[digit] ?? digit).replaceAll('.', '·');
}

const SPANS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** A span of time in one unit: `12 s`, `3 min`, `41 h`, `9 d`. Hours up to two days. */
export function formatSpan(ms: number): string {
  if (!Number.isFinite(ms)) return NOTHING;
  for (const [unit, size] of SPANS) {
    if (ms >= size * (unit === 'd' ? 2 : 1)) return `${Math.floor(ms / size)} ${unit}`;
  }
  return `${Math.max(0, Math.floor(ms / 1000))} s`;
}

/** Time of day, with seconds. */
export function formatClock(ms: number): string {
  const { hour, minute, second } = siteClock.at(ms);
  return [hour, minute, second].map(two).join(':');
}

/** Time of day, with the date where it is another day than `nowMs`. */
export function formatMoment(ms: number, nowMs: number): string {
  const date = formatDate(ms);
  return date === formatDate(nowMs) ? formatClock(ms) : `${date} ${formatClock(ms)}`;
}

/** Date and time of day, with the difference to UTC where the clock shows this time twice. */
export function formatDateTime(ms: number): string {
  const text = `${formatDate(ms)} ${formatClock(ms)}`;
  const offset = siteClock.offsetMs(ms);
  const isTwice = siteClock.instantsOf(Math.floor(ms / 1000) * 1000 + offset).length > 1;
  return isTwice ? `${text} ${offsetText(offset)}` : text;
}

function formatDate(ms: number): string {
  const { year, month, day } = siteClock.at(ms);
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
}

function offsetText(ms: number): string {
  const minutes = Math.abs(ms) / 60_000;
  return `${ms < 0 ? '\u2212' : '+'}${two(Math.floor(minutes / 60))}:${two(Math.floor(minutes % 60))}`;
}

/** Bytes for people: `20 GB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let step = 0;
  for (; size >= 1000 && step < units.length - 1; step++) size /= 1000;
  return `${formatNumber(size, size >= 10 || step === 0 ? 0 : 1)} ${units[step]}`;
}

/** A count with the right form of its noun. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatNumber(count, 0)} ${count === 1 ? one : many}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

import type { QuarantineReason } from '../contract.ts';
import { parseIso } from './iso-time.ts';
import type { Json } from './json.ts';
import type { TimeFormat } from './mapping-config.ts';
import type { Zone } from './zone.ts';

/** Why a time cannot be read. */
export interface TimeProblem {
  readonly reason: Extract<QuarantineReason, 'bad-time' | 'no-zone'>;
  readonly detail: string;
}

const UNITS = ['s', 'ms', 'us', 'ns'] as const;
type Unit = (typeof UNITS)[number];

/**
 * Reads the time of a device: µs, a finite number (anything beyond ±2^53 is the host's to refuse). Text is ISO 8601 with a zone, or in `zone`; a number counts units from
 * 1970-01-01T00:00:00Z and may have a fraction. With a unit as format, a text that is a number counts as one.
 */
export function readTime(value: Json | undefined, format: TimeFormat, zone: Zone | undefined): number | TimeProblem {
  if (value === undefined) return bad('The payload has no time.');
  if (typeof value === 'string') {
    if (format === 'iso' || format === 'auto') return readIso(value, zone);
    if (!/^[+-]?\d{1,24}(?:\.\d{1,18})?$/.test(value)) return bad(`Not a number: ${shown(value)}`);
    return count(/^-?\d{16,}$/.test(value) ? BigInt(value) : Number(value), format);
  }
  if (typeof value !== 'number' && typeof value !== 'bigint') return bad(`Not a time: ${shown(value)}`);
  if (format === 'iso') return bad(`Not a text: ${shown(value)}`);
  return count(value, format === 'auto' ? unitOf(value) : format);
}

/** Unit of a number by its magnitude (CONTRACT, `timeFormat`): seconds below 1e11, ms below 1e14, µs below 1e17, else ns. */
export function unitOf(value: number | bigint): Unit {
  const size = Math.abs(Number(value));
  if (size < 1e11) return 's';
  if (size < 1e14) return 'ms';
  return size < 1e17 ? 'us' : 'ns';
}

function count(value: number | bigint, unit: Unit): number | TimeProblem {
  // Finer than µs is cut off, towards the past; only nanoseconds come in integers that a double cannot hold.
  if (typeof value === 'bigint' && unit === 'ns') return Number((value - (((value % 1000n) + 1000n) % 1000n)) / 1000n);
  const number = Number(value);
  const timeUs =
    unit === 'ns' ? Math.floor(number / 1000) : Math.round(number * (unit === 's' ? 1e6 : unit === 'ms' ? 1000 : 1));
  // No -0.
  return Number.isFinite(timeUs) ? timeUs + 0 : bad(`Not a time: ${shown(value)}`);
}

function readIso(text: string, zone: Zone | undefined): number | TimeProblem {
  const time = parseIso(text);
  if (time === undefined) return bad(`Not a time of ISO 8601: ${shown(text)}`);
  const { wallMs, fractionUs, offsetMinutes } = time;
  if (offsetMinutes !== null) return (wallMs - offsetMinutes * 60_000) * 1000 + fractionUs;
  if (zone === undefined) return { reason: 'no-zone', detail: `A time without a zone: ${shown(text)}` };
  return zone.toUtc(wallMs) * 1000 + fractionUs;
}

function bad(detail: string): TimeProblem {
  return { reason: 'bad-time', detail };
}

function shown(value: Json): string {
  if (typeof value === 'object') return value === null ? 'null' : 'an object or array';
  return JSON.stringify(String(value).slice(0, 60));
}

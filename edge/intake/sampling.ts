import type { QuarantineReason, RawValue } from '../../connectors/contract.ts';
import { Flag } from '../core/flags.ts';
import { type ArrayValue, MAX_TIME_US, type Sample, type TagType, type Value, ValueKind } from '../core/sample.ts';
import { StatusCode } from '../core/status-code.ts';

/** What the clock rule needs to know. */
export interface SamplingTime {
  /** Time at which the gateway took the value in, µs. */
  readonly ingestUs: number;
  /** A device's time further ahead than this is suspect (`clock.ahead`), µs. */
  readonly aheadUs: number;
  /** `time: ingest`: device clocks are not used at all. */
  readonly ignoreDevice: boolean;
}

/** Whether the sample carries a time of its device: it is then known again by that time, else by its delivery. */
export function hasDeviceTime(raw: RawValue, time: SamplingTime): boolean {
  return raw.timeUs !== null && !time.ignoreDevice;
}

/** Whether its times can be a sample's. If not it is quarantined (`bad-time`), and makes and teaches no tag. */
export function hasPossibleTimes({ timeUs, serverTimeUs }: RawValue, ignoreDevice: boolean): boolean {
  if (timeUs !== null && !ignoreDevice && !isTime(wholeMicroseconds(timeUs))) return false;
  return serverTimeUs === undefined || isTime(wholeMicroseconds(serverTimeUs));
}

/**
 * Makes a sample of a raw value: widens it to the tag's type, turns NaN and infinities into null with BadOutOfRange, applies the clock rule (DESIGN, "Clock rule": the value
 * and the device's time stay, only the flag is set). Returns a reason of quarantine where it cannot be a sample.
 */
export function toSample(raw: RawValue, type: TagType | null, time: SamplingTime): Sample | QuarantineReason {
  if (!hasPossibleTimes(raw, time.ignoreDevice)) return 'bad-time';
  let timeUs = time.ingestUs;
  let { flags } = raw;
  if (raw.timeUs !== null && !time.ignoreDevice) {
    timeUs = wholeMicroseconds(raw.timeUs);
    if (timeUs > time.ingestUs + time.aheadUs) flags |= Flag.clockSuspect;
  }
  const serverTimeUs = raw.serverTimeUs === undefined ? null : wholeMicroseconds(raw.serverTimeUs);
  const quality = raw.quality >>> 0;
  if (raw.kind === ValueKind.null) return { timeUs, kind: raw.kind, value: null, quality, flags, serverTimeUs };
  const kind = type === null ? raw.kind : ValueKind[type];
  const value = kind === raw.kind ? raw.value : widen(raw.kind, raw.value, kind);
  if (value === undefined) return 'wrong-type';
  if (!isFiniteValue(value))
    return { timeUs, kind: ValueKind.null, value: null, quality: StatusCode.BadOutOfRange, flags, serverTimeUs };
  return { timeUs, kind, value, quality, flags, serverTimeUs };
}

/** Rounded; never -0, which would not be the same sample once it was read back from the log. */
function wholeMicroseconds(us: number): number {
  return Math.round(us) + 0;
}

/** Also false for NaN. */
function isTime(us: number): boolean {
  return Math.abs(us) <= MAX_TIME_US;
}

/** Integer to double and float to double, where nothing is lost. */
function widen(kind: ValueKind, value: Value, wanted: ValueKind): number | undefined {
  if (wanted !== ValueKind.double) return undefined;
  if (kind === ValueKind.float && typeof value === 'number') return value;
  // A long beyond ±2^53 is a bigint: it would not be exact.
  if (kind === ValueKind.long && typeof value === 'number') return value;
  return undefined;
}

function isFiniteValue(value: Value): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true;
  return isFiniteArray(value);
}

function isFiniteArray({ element, items }: ArrayValue): boolean {
  if (element !== 'double' && element !== 'float') return true;
  for (let i = 0; i < items.length; i++) if (!Number.isFinite(items[i])) return false;
  return true;
}

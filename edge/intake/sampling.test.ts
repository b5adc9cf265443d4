import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RawValue } from '../../connectors/contract.ts';
import { Flag } from '../core/flags.ts';
import { type ArrayValue, MAX_TIME_US, type Sample, type TagType, type Value, ValueKind } from '../core/sample.ts';
import { StatusCode } from '../core/status-code.ts';
import { raw } from './intake-kit.ts';
import { hasDeviceTime, type SamplingTime, toSample } from './sampling.ts';

const INGEST_US = Date.UTC(2026, 2, 1, 12) * 1000;
const AHEAD_US = 5 * 60 * 1_000_000;
const time: SamplingTime = { ingestUs: INGEST_US, aheadUs: AHEAD_US, ignoreDevice: false };
const suspect = Flag.clockSuspect;

function sampleOf(members: Partial<RawValue>, type: TagType | null = null, at: SamplingTime = time): Sample {
  const sample = toSample(raw(members), type, at);
  if (typeof sample === 'string') throw new Error(`quarantined: ${sample}`);
  return sample;
}

function arrayOf(items: readonly number[], element: 'double' | 'float' = 'double'): ArrayValue {
  const shape = [items.length];
  return element === 'double'
    ? { shape, stepNs: null, element, items: Float64Array.from(items) }
    : { shape, stepNs: null, element, items: Float32Array.from(items) };
}

describe('the clock rule', () => {
  test.each([
    ['the time of ingest', INGEST_US, 0],
    ['behind', INGEST_US - 1, 0],
    ['exactly `ahead` before ingest', INGEST_US + AHEAD_US, 0],
    ['1 µs more than `ahead`', INGEST_US + AHEAD_US + 1, suspect],
    ['2099: it keeps its value', Date.UTC(2099, 0, 1) * 1000, suspect],
    ['1970: an old time alone is never suspect', 0, 0],
    ['before 1970', -86_400_000_000, 0],
    ['the last time there is', MAX_TIME_US, suspect],
    ['the first time there is', -MAX_TIME_US, 0],
  ])('%s', (_, timeUs, flags) => {
    expect(sampleOf({ timeUs })).toEqual({
      timeUs,
      kind: ValueKind.double,
      value: 1.5,
      quality: 0,
      flags,
      serverTimeUs: null,
    });
  });

  test.each([2 ** 53, -(2 ** 53), 1e300, NaN, Infinity, -Infinity])('%d µs is no time (bad-time)', (timeUs) => {
    expect(toSample(raw({ timeUs }), null, time)).toBe('bad-time');
    expect(toSample(raw({ serverTimeUs: timeUs }), null, time)).toBe('bad-time');
  });

  test.each([
    [1.4, 1],
    [1.5, 2],
    [-1.6, -2],
    [INGEST_US + 0.25, INGEST_US],
    [INGEST_US + AHEAD_US + 0.25, INGEST_US + AHEAD_US],
  ])('%d µs is rounded to %d', (timeUs, rounded) => {
    const sample = sampleOf({ timeUs, serverTimeUs: timeUs });
    expect(sample).toMatchObject({ timeUs: rounded, serverTimeUs: rounded, flags: 0 });
  });

  test('the time is never -0: it would not be the same sample once it was read back', () => {
    expect(Object.is(sampleOf({ timeUs: -0.2 }).timeUs, 0)).toBe(true);
  });

  test('a sample without a device time gets the ingest time and no flag', () => {
    expect(sampleOf({ timeUs: null, flags: Flag.retained })).toMatchObject({ timeUs: INGEST_US, flags: Flag.retained });
    expect(hasDeviceTime(raw({ timeUs: null }), time)).toBe(false);
    expect(hasDeviceTime(raw(), time)).toBe(true);
  });

  test('`time: ingest` ignores the device clock, however wrong it is', () => {
    const ignoring: SamplingTime = { ...time, ignoreDevice: true };
    for (const timeUs of [0, Date.UTC(2099, 0, 1) * 1000, NaN, 2 ** 60]) {
      expect(sampleOf({ timeUs }, null, ignoring)).toMatchObject({ timeUs: INGEST_US, flags: 0 });
      expect(hasDeviceTime(raw({ timeUs }), ignoring)).toBe(false);
    }
  });

  test('flags of the source stay beside clockSuspect', () => {
    expect(sampleOf({ timeUs: INGEST_US * 2, flags: Flag.backfilled }).flags).toBe(Flag.backfilled | suspect);
  });
});

describe('the type of the tag', () => {
  const big = 2n ** 60n;
  const values: [TagType, Value][] = [
    ['boolean', true],
    ['long', 7],
    ['long', big],
    ['float', 1.5],
    ['double', 2.25],
    ['string', 'run'],
    ['bytes', Uint8Array.of(1, 2)],
    ['uint64', big],
    ['array', arrayOf([1, 2])],
  ];
  const types: TagType[] = ['boolean', 'long', 'float', 'double', 'string', 'bytes', 'uint64', 'array'];

  test.each(values)('%s %o fits its own type and a type that is not known', (type, value) => {
    for (const wanted of [type, null])
      expect(sampleOf({ kind: ValueKind[type], value }, wanted)).toMatchObject({ kind: ValueKind[type], value });
  });

  test.each(values)(
    '%s %o is a wrong type for all others, but for what widens to double without loss',
    (type, value) => {
      const others = types.filter((other) => other !== type);
      const fitting = others.filter(
        (wanted) => toSample(raw({ kind: ValueKind[type], value }), wanted, time) !== 'wrong-type',
      );
      expect(fitting).toEqual(type === 'float' || value === 7 ? ['double'] : []);
    },
  );

  test('what widens keeps its value', () => {
    expect(sampleOf({ kind: ValueKind.float, value: 1.5 }, 'double')).toMatchObject({
      kind: ValueKind.double,
      value: 1.5,
    });
  });

  test('integers widen to double up to ±2^53, not beyond', () => {
    const [most, least, beyond] = [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 2n ** 53n + 1n].map((value) =>
      toSample(raw({ kind: ValueKind.long, value }), 'double', time),
    );
    expect(most).toMatchObject({ kind: ValueKind.double, value: 2 ** 53 - 1 });
    expect(least).toMatchObject({ kind: ValueKind.double, value: -(2 ** 53 - 1) });
    expect(beyond).toBe('wrong-type');
  });

  test('null fits every type, and keeps the quality that the source gave', () => {
    for (const type of types)
      expect(sampleOf({ kind: ValueKind.null, value: null, quality: StatusCode.BadNoData }, type)).toMatchObject({
        kind: ValueKind.null,
        value: null,
        quality: StatusCode.BadNoData,
      });
  });
});

describe('NaN and infinities', () => {
  const badOutOfRange = { kind: ValueKind.null, value: null, quality: StatusCode.BadOutOfRange };

  test.each([NaN, Infinity, -Infinity])('%d becomes null with BadOutOfRange; time and flags stay', (value) => {
    const timeUs = INGEST_US * 2;
    for (const kind of [ValueKind.double, ValueKind.float])
      expect(sampleOf({ kind, value, timeUs, quality: 0x40000000, flags: 1 }, 'double')).toEqual({
        ...badOutOfRange,
        timeUs,
        flags: 1 | suspect,
        serverTimeUs: null,
      });
  });

  test.each([NaN, Infinity, -Infinity])('an array with %d anywhere becomes null as a whole', (bad) => {
    for (const element of ['double', 'float'] as const)
      for (let place = 0; place < 3; place++) {
        const value = arrayOf([1, 2, 3].with(place, bad), element);
        expect(sampleOf({ kind: ValueKind.array, value })).toMatchObject(badOutOfRange);
      }
    expect(sampleOf({ kind: ValueKind.array, value: arrayOf([]) }).kind).toBe(ValueKind.array);
  });

  test('for a tag of a type that no number fits are a wrong type, as any other number', () => {
    for (const type of ['boolean', 'string', 'long', 'array'] as const)
      expect(toSample(raw({ value: NaN }), type, time)).toBe('wrong-type');
  });

  test('as text are text', () => {
    expect(sampleOf({ kind: ValueKind.string, value: 'NaN' })).toMatchObject({ value: 'NaN', quality: 0 });
  });
});

function fitsSampleV1({ timeUs, serverTimeUs, quality, value }: Sample): boolean {
  const times = Number.isSafeInteger(timeUs) && Number.isSafeInteger(serverTimeUs);
  return times && quality >>> 0 === quality && (value === null || Number.isFinite(value));
}

test('whatever a source sends becomes a sample that sample v1 can hold, or a reason', () => {
  const any = fc.record({
    kind: fc.constantFrom(ValueKind.double, ValueKind.float),
    value: fc.double(),
    timeUs: fc.option(fc.double()),
    serverTimeUs: fc.double(),
    quality: fc.integer(),
  });
  const types = fc.constantFrom<TagType | null>(null, 'double', 'float', 'long', 'string');
  fc.assert(
    fc.property(any, types, (members, type) => {
      const sample = toSample(raw(members), type, time);
      expect(sample).toSatisfy((of: typeof sample) =>
        typeof of === 'string' ? ['bad-time', 'wrong-type'].includes(of) : fitsSampleV1(of),
      );
    }),
    { numRuns: 1000 },
  );
});

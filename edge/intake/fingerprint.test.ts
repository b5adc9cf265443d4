import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../core/byte-writer.ts';
import { SampleReader, writeSample } from '../core/sample-codec.ts';
import { type ArrayValue, type Sample, ValueKind } from '../core/sample.ts';
import { DuplicateFilter } from './duplicate-filter.ts';
import { Fingerprint } from './fingerprint.ts';

const text = new TextEncoder();
const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;

function sample(members: Partial<Sample> = {}): Sample {
  return {
    timeUs: NOON_US,
    kind: ValueKind.double,
    value: 1.5,
    quality: 0,
    flags: 0,
    serverTimeUs: null,
    ...members,
  };
}

type Delivery = readonly [client: string, packetId: number];

/** The fingerprint as text; with a delivery: without the device's time. */
function printOf(of: Sample, tag = 'northmill/loop/pressure', delivery?: Delivery): string {
  const print = new Fingerprint();
  print.begin(text.encode(tag));
  print.addSample(of, delivery === undefined);
  if (delivery !== undefined) print.addDelivery(text.encode(delivery[0]), delivery[1]);
  return [print.a, print.b, print.c].join(' ');
}

/** The sample as it comes back from the log. */
function throughLog(of: Sample): Sample {
  const writer = new ByteWriter(64);
  writeSample(writer, of);
  const reader = new SampleReader();
  reader.read(writer.bytes, 0, writer.length);
  return reader;
}

/** Counts fingerprints that were met before. */
function collisions(count: number, next: (print: Fingerprint, i: number) => void): number {
  const filter = new DuplicateFilter(count);
  const print = new Fingerprint();
  let found = 0;
  for (let i = 0; i < count; i++) {
    next(print, i);
    if (filter.seen(print, 0)) found++;
  }
  expect(filter.size).toBe(count - found);
  return found;
}

const arrays: ArrayValue[] = [
  { shape: [2], stepNs: null, element: 'double', items: Float64Array.of(1, 2) },
  { shape: [2], stepNs: null, element: 'double', items: Float64Array.of(2, 1) },
  { shape: [2], stepNs: 1000, element: 'double', items: Float64Array.of(1, 2) },
  { shape: [1, 2], stepNs: null, element: 'double', items: Float64Array.of(1, 2) },
  { shape: [2], stepNs: null, element: 'float', items: Float32Array.of(1, 2) },
  { shape: [2], stepNs: null, element: 'long', items: BigInt64Array.of(1n, 2n) },
  { shape: [2], stepNs: null, element: 'string', items: ['1', '2'] },
];

test('samples that differ in anything that counts have different fingerprints', () => {
  const prints = [
    printOf(sample()),
    printOf(sample(), 'northmill/loop/pressurf'),
    printOf(sample(), 'northmill/loop/pressur'),
    printOf(sample(), 'northmill/loop/pressure/'),
    printOf(sample({ timeUs: NOON_US + 1 })),
    printOf(sample({ timeUs: -NOON_US })),
    printOf(sample({ quality: 0x40000000 })),
    printOf(sample({ quality: 0x80000000 })),
    printOf(sample({ value: -1.5 })),
    printOf(sample({ value: 0 })),
    printOf(sample({ value: -0 })),
    printOf(sample({ value: 1 })),
    printOf(sample({ kind: ValueKind.float })),
    printOf(sample({ kind: ValueKind.float, value: 1 })),
    printOf(sample({ kind: ValueKind.long, value: 1 })),
    printOf(sample({ kind: ValueKind.long, value: 2n ** 60n })),
    printOf(sample({ kind: ValueKind.uint64, value: 1n })),
    printOf(sample({ kind: ValueKind.boolean, value: true })),
    printOf(sample({ kind: ValueKind.boolean, value: false })),
    printOf(sample({ kind: ValueKind.null, value: null })),
    printOf(sample({ kind: ValueKind.string, value: '' })),
    printOf(sample({ kind: ValueKind.string, value: '1' })),
    printOf(sample({ kind: ValueKind.string, value: '1\0' })),
    printOf(sample({ kind: ValueKind.bytes, value: text.encode('1') })),
    ...arrays.map((value) => printOf(sample({ kind: ValueKind.array, value }))),
    printOf(sample(), undefined, ['pump-7', 1]),
    printOf(sample(), undefined, ['pump-7', 2]),
    printOf(sample(), undefined, ['pump-8', 1]),
    printOf(sample({ value: 2 }), undefined, ['pump-7', 1]),
    printOf(sample(), undefined, ['', 1]),
  ];
  expect(new Set(prints).size).toBe(prints.length);
});

test('what does not count does not change it: flags, server time, and the time where a delivery stands for it', () => {
  expect(printOf(sample({ flags: 3, serverTimeUs: 5 }))).toBe(printOf(sample()));
  const delivery: Delivery = ['pump-7', 17];
  expect(printOf(sample({ timeUs: 5 }), 'a/b', delivery)).toBe(printOf(sample(), 'a/b', delivery));
});

test('a sample that was read back from the log has the fingerprint of the live one, with and without device time', () => {
  const long = fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
  const finite = { noNaN: true, noDefaultInfinity: true };
  const values = fc.oneof(
    fc.constant({ kind: ValueKind.null, value: null }),
    fc.boolean().map((value) => ({ kind: ValueKind.boolean, value })),
    long.map((value) => ({ kind: ValueKind.long, value })),
    fc.float(finite).map((value) => ({ kind: ValueKind.float, value })),
    fc.double(finite).map((value) => ({ kind: ValueKind.double, value })),
    fc.string({ unit: 'binary' }).map((value) => ({ kind: ValueKind.string, value })),
    fc.uint8Array().map((value) => ({ kind: ValueKind.bytes, value })),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({ kind: ValueKind.uint64, value })),
    fc.constantFrom(...arrays).map((value) => ({ kind: ValueKind.array, value })),
  );
  const samples = fc.tuple(values, fc.maxSafeInteger(), fc.integer({ min: 0, max: 0xffffffff }));
  fc.assert(
    fc.property(samples, fc.string(), fc.nat({ max: 65535 }), ([value, timeUs, quality], client, packetId) => {
      const live = sample({ ...value, timeUs, quality });
      expect(printOf(throughLog(live))).toBe(printOf(live));
      const delivery: Delivery = [client, packetId];
      expect(printOf(throughLog(live), 'a/b', delivery)).toBe(printOf(live, 'a/b', delivery));
    }),
    { numRuns: 2000 },
  );
});

describe('no two of two million samples look the same', () => {
  test('of 1,000 tags, every 100 ms, slowly rising values', () => {
    const keys = Array.from({ length: 1000 }, (_, i) => text.encode(`northmill/line${i % 10}/machine${i}/temperature`));
    const own = sample();
    const found = collisions(2_000_000, (print, i) => {
      print.begin(keys[i % 1000] ?? new Uint8Array(0));
      own.timeUs = NOON_US + Math.floor(i / 1000) * 100_000;
      own.value = 20 + Math.floor(i / 5000) * 0.1;
      print.addSample(own, true);
    });
    expect(found).toBe(0);
  }, 120_000);

  test('of one tag: a constant value at every microsecond, neighbouring doubles, counters, packet ids', () => {
    const key = text.encode('northmill/loop/pressure');
    const client = text.encode('pump-7');
    const bits = new DataView(new ArrayBuffer(8));
    const own = sample();
    const found = collisions(2_000_000, (print, i) => {
      const step = i >> 2;
      Object.assign(own, { timeUs: NOON_US, value: 1.5, kind: ValueKind.double, quality: 0 });
      print.begin(key);
      if ((i & 3) === 0) own.timeUs += step;
      else if ((i & 3) === 1) {
        bits.setBigUint64(0, 0x4000000000000000n + BigInt(step));
        own.value = bits.getFloat64(0);
      } else if ((i & 3) === 2) Object.assign(own, { kind: ValueKind.long, value: step });
      else own.value = step >> 16;
      print.addSample(own, (i & 3) !== 3);
      if ((i & 3) === 3) print.addDelivery(client, step & 0xffff);
    });
    expect(found).toBe(0);
  }, 120_000);
});

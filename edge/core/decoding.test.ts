import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from './byte-writer.ts';
import { Fault } from './fault.ts';
import { BATCH_HEADER_BYTES, BatchEncoder } from './record-batch.ts';
import { RecordCursor } from './record-cursor.ts';
import { type Sample, ValueKind } from './sample.ts';
import { SampleReader, writeSample } from './sample-codec.ts';

// Ordinary records and samples are read in place, in a way of their own. Whatever the bytes, the result is that of a slow reading of the formats, which stands here.

class Malformed extends Error {}

/** Reads by the letter of FORMAT.md, byte by byte, in bigints. */
class Slow {
  private readonly bytes: Uint8Array;
  at: number;
  end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  take(count: number): number {
    const start = this.at;
    if (count < 0 || start + count > this.end) throw new Malformed();
    this.at += count;
    return start;
  }

  byte(): number {
    return this.bytes[this.take(1)] ?? 0;
  }

  float(bytes: 4 | 8): number {
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset);
    const at = this.take(bytes);
    return bytes === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true);
  }

  /** A zigzag integer from -bound to bound - 1. */
  integer(bound: bigint): bigint {
    let zigzag = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(this.byte());
      zigzag |= (byte & 0x7fn) << shift;
      if (zigzag >= 1n << 64n) throw new Malformed();
      if (byte < 0x80n) break;
      if (shift === 63n) throw new Malformed();
    }
    const value = (zigzag >> 1n) ^ -(zigzag & 1n);
    if (value >= bound || value < -bound) throw new Malformed();
    return value;
  }

  int(): number {
    return Number(this.integer(1n << 31n));
  }

  /** What is exact in a double. */
  safe(): number {
    const value = Number(this.integer(1n << 53n));
    if (value === -(2 ** 53)) throw new Malformed();
    return value;
  }

  behind(): void {
    if (this.at !== this.end) throw new Malformed();
  }
}

/** Fields of a sample; undefined: it is of a kind that is never read in place. */
function slowSample(bytes: Uint8Array): unknown[] | undefined {
  const slow = new Slow(bytes);
  const prefix = Array.from({ length: 5 }, () => slow.byte());
  if (String(prefix) !== '0,75,129,248,28') throw new Malformed();
  const timeUs = slow.safe();
  const kind = slow.int();
  if (kind < 0 || kind > 8) throw new Malformed();
  let value: unknown = null;
  if (kind === 1) value = slow.byte() !== 0;
  else if (kind === 2) value = slow.integer(1n << 63n);
  else if (kind === 3 || kind === 4) value = slow.float(kind === 3 ? 4 : 8);
  else if (kind > 4) return undefined;
  const quality = slow.safe();
  if (quality < 0 || quality > 0xffffffff) throw new Malformed();
  const flags = slow.int();
  const branch = slow.int();
  if (branch !== 0 && branch !== 1) throw new Malformed();
  const serverTimeUs = branch === 1 ? slow.safe() : null;
  slow.behind();
  return [timeUs, kind, value, quality, flags, serverTimeUs];
}

function slowRecords(body: Uint8Array, count: number, timestampMs: number, records: unknown[][]): void {
  const slow = new Slow(body);
  for (let i = 0; i < count; i++) {
    const length = slow.int();
    const end = slow.take(length) + length;
    const record = new Slow(body, end - length, end);
    record.byte();
    const time = record.safe();
    const offset = record.int();
    const parts = [0, 1].flatMap(() => {
      const partLength = record.int();
      return partLength < 0 ? [-1, -1] : [record.take(partLength), record.at];
    });
    const headers = record.int();
    if (headers < 0) throw new Malformed();
    if (headers === 0) record.behind();
    records.push([timestampMs + time, offset, ...parts, headers]);
  }
  slow.behind();
}

function orMalformed<T>(work: () => T): T | 'malformed' {
  try {
    return work();
  } catch (error) {
    if (error instanceof Malformed) return 'malformed';
    if (error instanceof Fault && error.code.endsWith('-malformed')) return 'malformed';
    throw error;
  }
}

/** Changes that hit the places of a few bytes each: the byte, one of its bits, or none of it. */
const changes = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff))), {
  maxLength: 3,
});

function changed(bytes: Uint8Array, list: readonly (readonly [number, number])[]): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  for (const [at, byte] of list) copy[at % copy.length] = byte;
  return copy;
}

const time = fc.oneof(
  fc.integer({ min: 1_500_000_000_000_000, max: 2_000_000_000_000_000 }),
  fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }),
  fc.constantFrom(0, -1, 2 ** 48 - 1, 2 ** 48, 2 ** 53 - 1, -(2 ** 53) + 1),
);
const sample: fc.Arbitrary<Sample> = fc.record(
  {
    timeUs: time,
    kind: fc.constant(ValueKind.double),
    value: fc.oneof(fc.double(), fc.constantFrom(-0, Number.NaN, Infinity)),
    quality: fc.constantFrom(0, 0, 0, 0x80000000),
    flags: fc.constantFrom(0, 0, 0, 4, 64),
    serverTimeUs: fc.oneof({ arbitrary: fc.constant(null), weight: 4 }, { arbitrary: time, weight: 1 }),
  },
  { noNullPrototype: true },
);

function encoded(one: Sample): Uint8Array {
  const out = new ByteWriter();
  writeSample(out, one);
  return out.take();
}

describe('a sample that is read in place', () => {
  const reader = new SampleReader();

  function quick(bytes: Uint8Array): unknown[] | 'malformed' {
    // In the middle of other bytes, as in a batch.
    const memory = new Uint8Array(bytes.length + 20).fill(0x80);
    memory.set(bytes, 7);
    return orMalformed(() => {
      reader.read(memory, 7, 7 + bytes.length);
      const { timeUs, kind, value, quality, flags, serverTimeUs } = reader;
      const plain: unknown = kind === ValueKind.long ? BigInt(value as number | bigint) : value;
      return [timeUs, kind, plain, quality, flags, serverTimeUs];
    });
  }

  test('is what a slow reading gives, whatever bytes are changed', () => {
    let kept = 0;
    fc.assert(
      fc.property(sample, changes, (one, list) => {
        const bytes = changed(encoded(one), list);
        const right = orMalformed(() => slowSample(bytes));
        if (right === undefined) return;
        if (right !== 'malformed') kept++;
        expect(quick(bytes)).toEqual(right);
      }),
      { numRuns: 20_000 },
    );
    expect(kept).toBeGreaterThan(5000);
  });

  test('has every time that a double holds exactly, and no other', () => {
    const edges = [2n ** 27n, 2n ** 28n, 2n ** 48n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 54n].flatMap((at) => [
      at - 1n,
      at,
      at + 1n,
    ]);
    for (const timeUs of edges) {
      const bytes = Uint8Array.from(
        encoded({ timeUs: 1.6e15, kind: 4, value: 1.5, quality: 0, flags: 0, serverTimeUs: null }),
      );
      for (let i = 0n; i < 8n; i++)
        bytes[5 + Number(i)] = Number(((timeUs << 1n) >> (7n * i)) & 0x7fn) | (i < 7n ? 0x80 : 0);
      const right = timeUs < 2n ** 53n ? [Number(timeUs), 4, 1.5, 0, 0, null] : 'malformed';
      expect([timeUs, quick(bytes)]).toEqual([timeUs, right]);
    }
  });
});

describe('a record that is read in place', () => {
  const part = fc.option(
    fc.oneof(
      fc.uint8Array({ maxLength: 70 }),
      fc.constantFrom(63, 64, 8191, 8192).map((length) => new Uint8Array(length)),
    ),
    { freq: 9 },
  );
  const delta = fc.oneof(fc.constant(0), fc.nat(70), fc.integer({ min: -70, max: 9000 }), fc.maxSafeInteger());
  const offset = fc.oneof(fc.nat(70), fc.nat(9000), fc.integer());
  const headers = fc.constantFrom(...Array.from({ length: 30 }, () => 0), 1, 1, 2, -1);
  const record = fc.record({ delta, offset, key: part, value: part, headers }, { noNullPrototype: true });
  const records = fc.array(record, { minLength: 1, maxLength: 80, size: 'max' });
  const cursor = new RecordCursor();

  interface Row {
    readonly delta: number;
    readonly offset: number;
    readonly key: Uint8Array | null;
    readonly value: Uint8Array | null;
    readonly headers: number;
  }

  function bodyOf(rows: readonly Row[]): Uint8Array {
    const body = new ByteWriter();
    for (const row of rows) {
      const out = new ByteWriter();
      out.uint8(0);
      out.varlong(row.delta);
      out.varlong(row.offset);
      for (const bytes of [row.key, row.value]) {
        out.varlong(bytes === null ? -1 : bytes.length);
        out.raw(bytes ?? new Uint8Array(0));
      }
      out.varlong(row.headers);
      if (row.headers > 0) out.raw(Uint8Array.of(2, 97, 1));
      body.varlong(out.length);
      body.raw(out.take());
    }
    return body.take();
  }

  /** The batch ends `cut` bytes before the body does. */
  function quick(body: Uint8Array, cut: number, count: number, timestampMs: number, found: unknown[][]): void {
    const encoder = new BatchEncoder();
    encoder.addRecord(null, null);
    const batch = new Uint8Array(BATCH_HEADER_BYTES + body.length);
    batch.set(encoder.finish(timestampMs, false).subarray(0, BATCH_HEADER_BYTES));
    batch.set(body, BATCH_HEADER_BYTES);
    const view = new DataView(batch.buffer);
    view.setInt32(8, batch.length - cut - 12);
    view.setInt32(57, count);
    // In the middle of other bytes, as in a read of the log.
    const memory = new Uint8Array(batch.length + 20).fill(0x80);
    memory.set(batch, 7);
    cursor.open(memory.subarray(0, 7 + batch.length), 7);
    while (cursor.next()) {
      const { keyStart, keyEnd, valueStart, valueEnd, headerCount } = cursor;
      const places = [keyStart, keyEnd, valueStart, valueEnd].map((at) => (at < 0 ? -1 : at - 7 - BATCH_HEADER_BYTES));
      found.push([cursor.timestampMs, cursor.offset, ...places, headerCount]);
    }
  }

  test('is what a slow reading gives, up to the same fault, whatever bytes are changed', () => {
    let read = 0;
    fc.assert(
      fc.property(records, changes, fc.nat(4e12), fc.nat(40), (rows, list, timestampMs, length) => {
        const body = changed(bodyOf(rows), list);
        // Mostly none: else no batch would be read to its end.
        const cut = length < 30 ? 0 : Math.min(length - 29, body.length);
        const [slow, found]: [unknown[][], unknown[][]] = [[], []];
        const right = orMalformed(() =>
          slowRecords(body.subarray(0, -cut || undefined), rows.length, timestampMs, slow),
        );
        expect([orMalformed(() => quick(body, cut, rows.length, timestampMs, found)), found]).toEqual([right, slow]);
        read += found.length;
      }),
      { numRuns: 1500 },
    );
    expect(read).toBeGreaterThan(10_000);
  });
});

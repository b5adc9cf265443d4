import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { BatchEncoder, placeBatch } from '../../edge/core/record-batch.ts';
import { type Sample, type Value, ValueKind } from '../../edge/core/sample.ts';
import { BatchApplier } from '../follow/apply.ts';
import type { HistoryPage, RawQuery } from '../queries/history.ts';
import type { HistoricSample } from '../points/points.ts';
import { queryPage } from '../queries/query.ts';
import type { Store } from '../store/store.ts';
import { SampleKey } from '../../edge/core/sample-key.ts';

/** For tests: what the log of these tests is. */
export const LOG = { logId: '00000000-0000-4000-8000-000000000000', epoch: 0 };

export const EVER = { fromUs: -(2 ** 53), toUs: 2 ** 53 };

/** 2020-03-17, µs. */
export const T0 = 1_584_440_000_000_000;

/** For tests: a folder of its own that is removed at the end. */
export class TestFolder implements Disposable {
  readonly path = mkdtempSync(path.join(tmpdir(), 'millrace-historian-'));

  file(name: string): string {
    return path.join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A sample beside its tag. */
export interface Tagged {
  readonly tag: string;
  readonly sample: Sample;
}

/** A double at T0 + `second`. */
export function double(tag: string, second: number, value: number, more: Partial<Sample> = {}): Tagged {
  const timeUs = T0 + second * 1_000_000;
  const sample = { timeUs, kind: ValueKind.double, value, quality: 0, flags: 0, serverTimeUs: null, ...more };
  return { tag, sample };
}

/** One batch of samples at its place in the log. */
export function batchOf(
  samples: readonly Tagged[],
  baseOffset: number,
  timestampMs = T0 / 1000,
): Uint8Array<ArrayBuffer> {
  const encoder = new BatchEncoder();
  for (const { tag, sample } of samples) encoder.addSample(SampleKey.of(tag), sample);
  const batch = encoder.finish(timestampMs);
  placeBatch(batch, 0, baseOffset, 0);
  return batch;
}

/** Brings batches of topic `samples` into a store and flushes it whenever it is full. */
export async function applyAll(store: Store, batches: readonly Uint8Array[], topic = 'samples'): Promise<void> {
  const applier = new BatchApplier(store, store.progress(topic));
  for (const batch of batches) while (!applier.apply(batch)) await store.flush();
}

/** One page from the current version of a store. */
export function pageOf(store: Store, query: RawQuery): HistoryPage {
  const view = store.pin();
  try {
    return queryPage(view, query);
  } finally {
    view.release();
  }
}

/** All samples of a query, read in pages of `limit`. */
export function samplesOf(store: Store, query: RawQuery): HistoricSample[] {
  const samples: HistoricSample[] = [];
  for (let after = query.after; ;) {
    const page = pageOf(store, { ...query, after });
    samples.push(...page.samples());
    if (page.next === null) return samples;
    after = page.next;
  }
}

/** A value as text that tells every bit of it. */
export function bitsOf(kind: ValueKind, value: Value): string {
  if (typeof value === 'number') return `${kind}:${Buffer.from(Float64Array.of(value).buffer).toString('hex')}`;
  if (value instanceof Uint8Array) return `${kind}:${Buffer.from(value).toString('hex')}`;
  if (typeof value !== 'object' || value === null) return `${kind}:${typeof value}:${String(value)}`;
  const { element, items, shape, stepNs } = value;
  const content =
    element === 'string'
      ? JSON.stringify(items)
      : Buffer.from(items.buffer, items.byteOffset, items.byteLength).toString('hex');
  return `${kind}:${element}:${shape.join('x')}:${stepNs}:${content}`;
}

/** Everything of a stored sample as one line, to be compared. */
export function lineOf(sample: HistoricSample): string {
  const { timeUs, kind, value, quality, flags, deviceTimeUs, serverTimeUs, topic, offset } = sample;
  return [timeUs, bitsOf(kind, value), quality, flags, deviceTimeUs, serverTimeUs, topic, offset].join(' ');
}

const item64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const anyFloat = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, Math.fround(1e-45), Math.fround(-1e-45)),
);
const anyDouble = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(-0, 5e-324, -5e-324));
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '\0', 'Öl 🛢️', '\u{feff}x\u{feff}'));

const anyArray = fc
  .record({ shape: fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 3 }), stepNs: fc.option(anyDouble) })
  .chain((base) =>
    fc.oneof(
      fc
        .array(anyFloat, { minLength: 1 })
        .map((items) => ({ ...base, element: 'float' as const, items: Float32Array.from(items) })),
      fc.array(anyDouble).map((items) => ({ ...base, element: 'double' as const, items: Float64Array.from(items) })),
      fc
        .array(item64, { minLength: 1 })
        .map((items) => ({ ...base, element: 'long' as const, items: BigInt64Array.from(items) })),
      fc.array(anyText, { minLength: 1 }).map((items) => ({ ...base, element: 'string' as const, items })),
    ),
  );

/** An int64 as samples carry it: a number where that is exact. */
function toLong(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const valueOf = (kind: ValueKind, value: Value): { kind: ValueKind; value: Value } => ({ kind, value });

/** Values of all kinds, with what is special in each. */
const anyValue: fc.Arbitrary<{ kind: ValueKind; value: Value }> = fc.oneof(
  fc.constant(valueOf(ValueKind.null, null)),
  fc.boolean().map((value) => valueOf(ValueKind.boolean, value)),
  fc
    .oneof(item64, fc.bigInt(-300n, 300n), fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n)))
    .map((value) => valueOf(ValueKind.long, toLong(value))),
  anyFloat.map((value) => valueOf(ValueKind.float, value)),
  anyDouble.map((value) => valueOf(ValueKind.double, value)),
  anyText.map((value) => valueOf(ValueKind.string, value)),
  fc.uint8Array().map((value) => valueOf(ValueKind.bytes, value)),
  fc
    .oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.constantFrom(2n ** 64n - 1n))
    .map((value) => valueOf(ValueKind.uint64, value)),
  anyArray.map((value) => valueOf(ValueKind.array, value)),
);

const anyTime = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 40 }).map((step) => T0 + step * 1000) },
  { weight: 1, arbitrary: fc.maxSafeInteger() },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, Number.MAX_SAFE_INTEGER - 1, -Number.MAX_SAFE_INTEGER) },
);

/** Samples as the log can carry them: many at equal times, many late, some from clocks that are ahead. */
export const anySample: fc.Arbitrary<Sample> = fc
  .record({
    timeUs: anyTime,
    content: anyValue,
    quality: fc.oneof(fc.constantFrom(0, 0x40900000, 0x80310000, 0xffffffff), fc.nat(0xffffffff)),
    flags: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(63)),
    serverTimeUs: fc.option(fc.oneof(anyTime, fc.maxSafeInteger()), { freq: 3 }),
  })
  .map(({ content, ...rest }) => ({ ...rest, ...content }));

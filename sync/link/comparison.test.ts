import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchEncoder, placeBatch, type RecordHeader } from '../../edge/core/record-batch.ts';
import { type Comparison, compareRecords } from './comparison.ts';
import { RecordWalk, type Supply } from './record-walk.ts';

interface Plain {
  timestampMs: number;
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: RecordHeader[];
}

const bytesOrNull = fc.option(fc.uint8Array({ maxLength: 20 }), { nil: null });
const anyRecord: fc.Arbitrary<Plain> = fc.record({
  timestampMs: fc.nat(1000),
  key: bytesOrNull,
  value: bytesOrNull,
  headers: fc.array(fc.tuple(fc.string({ maxLength: 5 }), bytesOrNull), { maxLength: 2 }),
});

/** Records from an offset on, cut into batches; an undefined record is a hole. Every supply gives two batches. */
function supplyOf(records: readonly (Plain | undefined)[], cut: number): Supply {
  const batches: Uint8Array[] = [];
  let encoder = new BatchEncoder();
  let base = 0;
  let stampMs = 0;
  const finish = (): void => {
    if (encoder.count === 0) return;
    const bytes = encoder.finish(stampMs);
    placeBatch(bytes, 0, base, 0);
    batches.push(bytes);
    encoder = new BatchEncoder();
  };
  records.forEach((record, offset) => {
    if (encoder.count >= cut || record?.timestampMs !== stampMs) finish();
    if (record === undefined) return;
    if (encoder.count === 0) [base, stampMs] = [offset, record.timestampMs];
    encoder.addRecord(record.key, record.value, record.headers);
  });
  finish();
  return () => Promise.resolve(batches.length === 0 ? undefined : Buffer.concat(batches.splice(0, 2)));
}

function compare(
  ours: readonly (Plain | undefined)[],
  theirs: readonly (Plain | undefined)[],
  from: number,
  to: number,
): Promise<Comparison> {
  const range = { from, to, signal: new AbortController().signal };
  return compareRecords(new RecordWalk(supplyOf(ours, 3)), new RecordWalk(supplyOf(theirs, 5)), range);
}

test('the same records are equal, however they are cut into batches; what the log has lost is unknown', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRecord, { maxLength: 40 }),
      fc.array(fc.nat(39), { maxLength: 5 }),
      fc.nat(39),
      async (records, holes, start) => {
        const from = Math.min(start, records.length);
        const ours = records.map((record, offset) => (holes.includes(offset) ? undefined : record));
        const unknown = ours.slice(from).filter((record) => record === undefined).length;
        const compared = records.length - from - unknown;
        expect(await compare(ours, records, from, records.length)).toEqual({
          compared,
          unknown,
          erased: 0,
          firstDifference: undefined,
        });
      },
    ),
  );
});

const changes = {
  timestamp: (record: Plain) => ({ ...record, timestampMs: record.timestampMs + 1 }),
  key: (record: Plain) => ({ ...record, key: record.key === null ? new Uint8Array(0) : null }),
  value: (record: Plain) => ({ ...record, value: Buffer.concat([record.value ?? new Uint8Array(0), Buffer.of(1)]) }),
  headers: (record: Plain) => ({ ...record, headers: [...record.headers, ['x', null] as const] }),
  missing: () => undefined,
};

test('a single change is found, where it is and what it is', async () => {
  const kinds = fc.constantFrom(...(Object.keys(changes) as (keyof typeof changes)[]));
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRecord, { minLength: 1, maxLength: 40 }),
      fc.nat(39),
      kinds,
      async (records, where, field) => {
        const offset = where % records.length;
        const theirs = records.map((record, at) => (at === offset ? changes[field](record) : record));
        const { firstDifference, compared } = await compare(records, theirs, 0, records.length);
        expect(firstDifference).toEqual({ offset, field });
        expect(compared).toBe(offset);
      },
    ),
  );
});

test('a sample that was erased here is no difference where all else is equal, is counted by itself, and only where records are samples', async () => {
  const key = new TextEncoder().encode('plant/a');
  const value = Uint8Array.of(1);
  const record: Plain = { timestampMs: 5, key, value, headers: [['c', value]] };
  const erased = { ...record, value: null };
  const range = { from: 0, to: 3, signal: new AbortController().signal };
  const against = (ours: Plain[], theirs: Plain[], mayBeErased: boolean): Promise<Comparison> =>
    compareRecords(new RecordWalk(supplyOf(ours, 3)), new RecordWalk(supplyOf(theirs, 5)), { ...range, mayBeErased });
  const equal = { unknown: 0, firstDifference: undefined };
  const here = [record, erased, erased];
  expect(await against(here, [record, record, erased], true)).toEqual({ ...equal, compared: 2, erased: 1 });
  const different = { offset: 1, field: 'value' };
  expect(await against(here, [record, record, erased], false)).toMatchObject({ firstDifference: different });
  // What is erased there is still here.
  expect(await against([record, record, record], here, true)).toMatchObject({ firstDifference: different });
  const later = { ...record, timestampMs: 6 };
  expect(await against(here, [record, later, erased], true)).toMatchObject({ firstDifference: { field: 'timestamp' } });
  const other = { ...record, headers: [] };
  expect(await against(here, [record, other, erased], true)).toMatchObject({ firstDifference: { field: 'headers' } });
  const filler = { ...erased, key: null };
  expect(await against([record, filler, erased], [record, record, erased], true)).toMatchObject({
    firstDifference: { field: 'key' },
  });
});

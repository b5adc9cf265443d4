import { describe, expect, test } from 'vitest';
import type { RawValue, Reading } from '../../connectors/contract.ts';
import { type ArrayValue, ValueKind } from '../core/sample.ts';
import { DuplicateFilter, REMEMBER_MS } from './duplicate-filter.ts';
import { countsOf, IntakeKit, message, raw } from './intake-kit.ts';
import { rebuildDuplicates } from './rebuild.ts';

const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;
const pressure = 'northmill/loop/pressure';
const array: ArrayValue = { shape: [2], stepNs: 10, element: 'double', items: Float64Array.of(-0, 2) };

const values: Partial<RawValue>[] = [
  { value: 1.5 },
  { value: -0 },
  { value: NaN },
  { kind: ValueKind.null, value: null, quality: 0x809b0000 },
  { tag: 'f', kind: ValueKind.float, value: 0.5 },
  { tag: 'b', kind: ValueKind.boolean, value: false },
  { tag: 'l', kind: ValueKind.long, value: -3 },
  { tag: 'l', kind: ValueKind.long, value: 2n ** 62n },
  { tag: 'u', kind: ValueKind.uint64, value: 2n ** 64n - 1n },
  { tag: 's', kind: ValueKind.string, value: 'läuft\ud800' },
  { tag: 'y', kind: ValueKind.bytes, value: Uint8Array.of(0, 255) },
  { tag: 'a', kind: ValueKind.array, value: array },
  { tag: 'widened', declared: 'double', kind: ValueKind.long, value: 7 },
];

/** One message for each value, with a packet id of its own. */
function messages(timeUs: number | null, resent: boolean): Reading[] {
  return values.map((members, i) =>
    message([raw({ ...members, timeUs: timeUs === null ? null : timeUs + i })], {
      delivery: { packetId: 100 + i, resent },
    }),
  );
}

/** The filter as a restarted worker has it. */
function rebuilt(kit: IntakeKit): { duplicates: DuplicateFilter; read: number } {
  const duplicates = new DuplicateFilter();
  return { duplicates, read: rebuildDuplicates(duplicates, kit.folder.log, kit.ends, kit.clock) };
}

/** A value without device time. */
function send(packetId: number, resent: boolean, members: Partial<RawValue> = {}, source = 'pump-7'): Reading {
  return message([raw({ timeUs: null, ...members })], { source, delivery: { packetId, resent } });
}

describe('a message that is sent again', () => {
  test('with device time is logged once, whether it says so or not', async () => {
    await using kit = await IntakeKit.open();
    const { take, tally } = kit.intake();
    await take(message([raw()], { delivery: { packetId: 1, resent: false } }));
    await take(message([raw()], { delivery: { packetId: 2, resent: false } }));
    await take(message([raw()], { delivery: { packetId: 1, resent: true } }), message([raw()], { source: 'pump-8' }));
    expect(kit.samples()).toHaveLength(1);
    expect(countsOf(tally)).toEqual({ [pressure]: { received: 4, logged: 1, duplicate: 3 } });
  });

  test('with another value, quality or time it is another sample: both are kept, in order', async () => {
    await using kit = await IntakeKit.open();
    const { take } = kit.intake();
    await take(message([raw(), raw({ value: 2 }), raw({ quality: 0x40000000 }), raw({ timeUs: NOON_US + 1 })]));
    expect(kit.samples().map(({ value }) => value)).toEqual([1.5, 2, 1.5, 1.5]);
  });

  test('without device time is a duplicate only if it says so, with the same client, packet id and value', async () => {
    await using kit = await IntakeKit.open();
    const { take, tally } = kit.intake();
    await take(send(1, false));
    kit.clock.ms += 1000;
    await take(send(1, true), send(1, true));
    expect(countsOf(tally)[pressure]).toEqual({ received: 3, logged: 1, duplicate: 2 });
    await take(send(1, false), send(2, true), send(1, true, { value: 2 }), send(1, true, {}, 'pump-8'));
    expect(countsOf(tally)[pressure], 'a packet id comes again').toEqual({ received: 4, logged: 4 });
    await take(message([raw({ timeUs: null })]), message([raw({ timeUs: null })]));
    expect(countsOf(tally)[pressure], 'nothing to be known by').toEqual({ received: 2, logged: 2 });
  });

  test('ten to twenty minutes later is another sample', async () => {
    await using kit = await IntakeKit.open();
    const { take } = kit.intake();
    await take(message([raw()]));
    kit.clock.ms += REMEMBER_MS - 1;
    expect(await take(message([raw()]))).toMatchObject({ samples: 1 });
    kit.clock.ms += 2 * REMEMBER_MS;
    expect(await take(message([raw()]))).toMatchObject({ samples: 2 });
  });
});

describe('after a restart', () => {
  test.each([
    ['with', NOON_US],
    ['without', null],
  ])('every kind of value %s device time is known from the log', async (_, timeUs) => {
    await using kit = await IntakeKit.open();
    await kit.intake().take(...messages(timeUs, false));
    const { duplicates, read } = rebuilt(kit);
    expect(read).toBe(values.length);
    const { take, tally } = kit.intake('floor', { duplicates });
    kit.clock.ms += 5000;
    expect(await take(...messages(timeUs, true))).toMatchObject({ samples: values.length });
    const counts = Object.values(countsOf(tally));
    expect(counts.reduce((sum, { duplicate = 0 }) => sum + duplicate, 0)).toBe(values.length);
  });

  test('what was logged more than ten minutes ago is not read again', async () => {
    await using kit = await IntakeKit.open();
    const { take } = kit.intake();
    // Batches of their own, so that each has its ingest time.
    for (let minute = 0; minute < 30; minute++) {
      await take(message([raw({ timeUs: minute })]));
      kit.clock.ms += 60_000;
    }
    const { duplicates, read } = rebuilt(kit);
    expect(read).toBe(10);
    const again = kit.intake('floor', { duplicates });
    await again.take(message(Array.from({ length: 30 }, (_, minute) => raw({ timeUs: minute }))));
    expect(countsOf(again.tally)).toEqual({ [pressure]: { received: 30, logged: 20, duplicate: 10 } });
  });

  test('what was erased is not known any more, all else is', async () => {
    await using kit = await IntakeKit.open();
    const { take } = kit.intake();
    await take(message([raw({ timeUs: 1 }), raw({ timeUs: 2 }), raw({ tag: 'other', timeUs: 1 })]));
    const erasure = { tags: [pressure], fromUs: 1, toUs: 2, upTo: { samples: 1e9 } };
    expect(await kit.log.repacking.erase(erasure)).toMatchObject({ records: 1, unread: [] });
    const { duplicates, read } = rebuilt(kit);
    expect([read, duplicates.size]).toEqual([3, 2]);
    const again = kit.intake('floor', { duplicates });
    await again.take(message([raw({ timeUs: 1 }), raw({ timeUs: 2 })]));
    expect(countsOf(again.tally)).toEqual({ [pressure]: { received: 2, logged: 1, duplicate: 1 } });
  });

  test('an empty log gives an empty filter', async () => {
    await using kit = await IntakeKit.open();
    const { duplicates, read } = rebuilt(kit);
    expect([duplicates.size, read]).toEqual([0, 0]);
  });
});

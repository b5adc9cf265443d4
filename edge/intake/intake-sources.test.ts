import { describe, expect, test } from 'vitest';
import type { Reading } from '../../connectors/contract.ts';
import { Flag } from '../core/flags.ts';
import { ValueKind } from '../core/sample.ts';
import { StatusCode } from '../core/status-code.ts';
import { countsOf, IntakeKit, message, raw } from './intake-kit.ts';

const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;
const pressure = 'northmill/loop/pressure';

function lost(source: string): Reading {
  return { type: 'lost', source };
}

describe('a source', () => {
  test('one that is lost: each of its tags gets one null sample, generated, and an event says so', async () => {
    await using kit = await IntakeKit.open();
    const { take, tally, intake } = kit.intake();
    await take(
      { type: 'event', event: 'connected', source: 'pump-7', address: '10.0.0.7:1' },
      message([raw(), raw({ tag: 'loop/flow' }), raw({ timeUs: NOON_US + 1 })]),
      message([raw({ tag: 'other' })], { source: 'pump-8' }),
    );
    expect([...intake.connected]).toEqual(['pump-7']);
    countsOf(tally);
    kit.clock.ms += 500;
    expect(await take(lost('pump-7'))).toMatchObject({ samples: 6, events: 2 });
    const gap = { kind: ValueKind.null, value: null, quality: StatusCode.BadNoCommunication, flags: Flag.gap };
    const nulls = { ...gap, timeUs: NOON_US + 500_000, serverTimeUs: null };
    expect(kit.samples().slice(4)).toEqual([
      { tag: pressure, ...nulls },
      { tag: 'northmill/loop/flow', ...nulls },
    ]);
    expect(countsOf(tally)).toEqual({ [pressure]: { generated: 1 }, 'northmill/loop/flow': { generated: 1 } });
    expect(kit.events()).toMatchObject([
      { v: 1, at: NOON_US, type: 'connected', connector: 'floor', source: 'pump-7', address: '10.0.0.7:1' },
      { v: 1, at: NOON_US + 500_000, type: 'disconnected', connector: 'floor', source: 'pump-7', reason: 'lost' },
    ]);
    expect(kit.records('events')[0]?.key).toBe('connector/floor');
    expect(intake.connected.size).toBe(0);
    expect(await take(lost('pump-7'), lost('never')), 'lost again').toMatchObject({ samples: 6 });
  });

  test('of a device whose clock is ahead: the gap begins behind its last sample, not before it', async () => {
    await using kit = await IntakeKit.open();
    const { take } = kit.intake();
    const ahead = raw({ timeUs: NOON_US + 2_000_000 });
    const wayAhead = raw({ tag: 'suspect', timeUs: NOON_US + 3_600_000_000 });
    await take(message([ahead, raw({ timeUs: NOON_US + 1_000_000, value: 5 }), wayAhead]));
    await take(lost('pump-7'));
    const nulls = kit.samples().filter(({ flags }) => flags === Flag.gap);
    expect(nulls.map(({ tag, timeUs }) => [tag, timeUs - NOON_US])).toEqual([
      [pressure, 2_000_001],
      // Its own time does not count.
      ['northmill/suspect', 0],
    ]);
  });

  test('a value that has stood since before the connection was lost is stated once more when the source says so: the gap ends', async () => {
    await using kit = await IntakeKit.open();
    const { take, tally } = kit.intake();
    const old = raw({ timeUs: NOON_US - 1_000_000, standing: true });
    await take(message([old, raw({ tag: 'moved', timeUs: NOON_US - 1, standing: true })]));
    await take(lost('pump-7'));
    countsOf(tally);
    kit.clock.ms += 3000;
    const moved = raw({ tag: 'moved', timeUs: NOON_US + 2_000_000, standing: true });
    await take(message([old, moved]));
    const restated = {
      tag: pressure,
      timeUs: NOON_US + 3_000_000,
      value: old.value,
      quality: 0,
      flags: Flag.substituted,
    };
    expect(kit.samples().slice(4)).toMatchObject([
      restated,
      { tag: 'northmill/moved', timeUs: NOON_US + 2_000_000, flags: 0 },
    ]);
    expect(countsOf(tally)).toEqual({
      [pressure]: { received: 1, duplicate: 1, generated: 1 },
      'northmill/moved': { received: 1, logged: 1 },
    });
    // The tag belongs to its source again: the next loss begins the next gap.
    expect(await take(lost('pump-7'))).toMatchObject({ samples: 8 });
    expect(
      await take(message([old, raw({ tag: 'moved', timeUs: NOON_US - 5 })])),
      'late data is no state',
    ).toMatchObject({
      samples: 10,
    });
    expect(kit.samples().at(-2)).toMatchObject({ tag: pressure, flags: Flag.substituted });
    expect(kit.samples().at(-1)).toMatchObject({ tag: 'northmill/moved', timeUs: NOON_US - 5, flags: 0 });
  });

  test('a tag belongs to the source that sent it last', async () => {
    await using kit = await IntakeKit.open();
    const { take } = kit.intake();
    await take(message([raw()]), message([raw({ timeUs: NOON_US + 1 })], { source: 'pump-8' }));
    expect(await take(lost('pump-7'))).toMatchObject({ samples: 2 });
    expect(await take(lost('pump-8'))).toMatchObject({ samples: 3 });
  });

  test('the same name at another connector is another source', async () => {
    await using kit = await IntakeKit.open();
    const floor = kit.intake('floor');
    const hall = kit.intake('hall');
    await floor.take(message([raw()]));
    await hall.take(message([raw({ tag: 'hall/light' })]));
    expect(await floor.take(lost('pump-7'))).toMatchObject({ samples: 3 });
    expect(kit.samples()[2]?.tag).toBe(pressure);
    expect(countsOf(hall.tally)).toEqual({ 'northmill/hall/light': { received: 1, logged: 1 } });
    expect(await hall.take(lost('pump-7'))).toMatchObject({ samples: 4 });
  });

  test('when the connector itself loses its connection, all its sources are lost', async () => {
    await using kit = await IntakeKit.open();
    const { take, intake, tally } = kit.intake();
    const hall = kit.intake('hall');
    await take(message([raw()]), message([raw({ tag: 'b' })], { source: 'pump-8' }));
    await take({ type: 'event', event: 'connected', source: 'silent' });
    await hall.take(message([raw({ tag: 'hall/light' })]));
    countsOf(tally);
    intake.connectionLost();
    await intake.drained();
    expect(countsOf(tally)).toEqual({ [pressure]: { generated: 1 }, 'northmill/b': { generated: 1 } });
    const lostSources = kit.events().filter(({ type }) => type === 'disconnected');
    expect(lostSources.map(({ source }) => source)).toEqual(['silent', 'pump-7', 'pump-8']);
    expect(intake.connected.size).toBe(0);
  });

  test('data that was refused unread is one sample of (unmapped), counted when its event is durable', async () => {
    await using kit = await IntakeKit.open();
    const { take, tally } = kit.intake();
    const refused = { type: 'event', event: 'refused', source: 'pump-7', address: 'plant/x' } as const;
    await take({ ...refused, bytes: 17_000_000, reason: 'larger than 16 MiB' });
    expect(kit.events()).toMatchObject([
      { type: 'refused', source: 'pump-7', address: 'plant/x', bytes: 17_000_000, reason: 'larger than 16 MiB' },
    ]);
    expect(countsOf(tally)).toEqual({ '(unmapped)': { received: 1, refused: 1 } });
  });

  test('an event with names without end is on record all the same, with the names cut', async () => {
    await using kit = await IntakeKit.open();
    const endless = '\u0001'.repeat(65_535);
    await kit.intake().take({ type: 'event', event: 'refused', source: endless, address: endless, reason: endless });
    expect(String(kit.events()[0]?.['source'])).toHaveLength(4096);
  });
});

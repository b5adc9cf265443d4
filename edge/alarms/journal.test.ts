import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AlarmDefinition, Evidence, StandingAlarm } from './alarm.ts';
import { alarmsState, identityOf, journalText, parseAlarms, parseFirstSnapshot, parseJournal } from './journal.ts';

const number = fc.oneof(fc.double({ noDefaultInfinity: true }), fc.integer()).map((value) => value + 0);
const definition: fc.Arbitrary<AlarmDefinition> = fc.record({
  id: fc.string(),
  name: fc.string(),
  kind: fc.constantFrom('limit', 'model'),
  tag: fc.string(),
  asset: fc.string(),
  priority: fc.constantFrom('low', 'medium', 'high', 'urgent'),
  onReturn: fc.constantFrom('latched', 'normal'),
});
const evidence: fc.Arbitrary<Evidence> = fc.record({
  message: fc.string(),
  value: number,
  limit: number,
  reasons: fc.array(fc.record({ signal: fc.string(), expected: number, seen: number, share: number }), {
    maxLength: 8,
  }),
});
const time = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const until = fc.option(time);

describe('the alarm journal', () => {
  test('gives back every line', () => {
    const state = fc.constantFrom('NORM', 'UNACK', 'ACKED', 'RTNUN', 'SHLVD' as const);
    const transition = fc.constantFrom('raised', 'returned', 'acknowledged', 'shelved', 'unshelved' as const);
    const line = fc.record({
      transition,
      atUs: time,
      by: fc.option(fc.string()),
      definition,
      state,
      sinceUs: time,
      shelvedUntilUs: until,
      evidence,
      seen: fc
        .option(fc.dictionary(fc.constantFrom('samples', 'derived'), fc.nat()))
        .map((seen) => seen && { ...seen }),
    });
    fc.assert(
      fc.property(line, (entry) => {
        expect(parseJournal(journalText(entry))).toEqual(entry);
      }),
    );
  });

  test('gives back every alarm that stands, through JSON', () => {
    const alarm: fc.Arbitrary<StandingAlarm> = fc
      .tuple(
        definition,
        evidence,
        time,
        until,
        fc.boolean(),
        fc.constantFrom('UNACK', 'ACKED', 'RTNUN', 'SHLVD' as const),
      )
      .map(([of, why, sinceUs, shelvedUntilUs, stands, state]) => ({
        ...of,
        evidence: why,
        sinceUs,
        shelvedUntilUs,
        stands,
        state,
      }));
    fc.assert(
      fc.property(fc.array(alarm, { maxLength: 5 }), (alarms) => {
        expect(parseAlarms(JSON.parse(JSON.stringify(alarmsState(alarms))))).toEqual(alarms);
      }),
    );
  });

  test('a snapshot of the first version is read, another is none', () => {
    const first = { v: 1, at: 5, events: 7, alarms: [] };
    expect(parseFirstSnapshot(first)).toEqual({
      atUs: 5,
      inputs: {},
      outputs: { events: 7 },
      watermarkUs: null,
      state: { alarms: [] },
    });
    expect([parseFirstSnapshot({ ...first, v: 2 }), parseFirstSnapshot(null)]).toEqual([undefined, undefined]);
  });

  test('a line that a sample made has an identity; what a person did, or time, has none', () => {
    const line = {
      transition: 'raised' as const,
      atUs: 9,
      by: null,
      definition: {
        id: 'a',
        name: 'a',
        kind: 'limit',
        tag: 't',
        asset: 's',
        priority: 'low',
        onReturn: 'normal',
      } as const,
      state: 'UNACK' as const,
      sinceUs: 5,
      shelvedUntilUs: null,
      evidence: { message: '', value: 1, limit: 1, reasons: [] },
      seen: null,
    };
    expect(identityOf(line)).toBe('a raised 5');
    expect(identityOf({ ...line, atUs: 10 })).toBe('a raised 5');
    expect([identityOf({ ...line, seen: { samples: 3 } }), identityOf({ ...line, by: 'anna' })]).toEqual([
      undefined,
      undefined,
    ]);
  });

  test('other events are not lines of it; what only looks like one is refused', () => {
    expect(parseJournal('{"v":1,"type":"heartbeat"}')).toBeUndefined();
    expect(parseJournal('null')).toBeUndefined();
    expect(() => parseJournal('{"v":1,"type":"alarm"}')).toThrow(/transition/);
    expect(() => parseAlarms([{ id: 'a' }])).toThrow(/name/);
  });
});

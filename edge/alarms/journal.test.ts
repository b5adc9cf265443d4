import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AlarmDefinition, Evidence, StandingAlarm } from './alarm.ts';
import { journalText, parseJournal, parseSnapshot, snapshotText } from './journal.ts';

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
    });
    fc.assert(
      fc.property(line, (entry) => {
        expect(parseJournal(journalText(entry))).toEqual(entry);
      }),
    );
  });

  test('gives back every snapshot', () => {
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
      fc.property(time, fc.array(alarm, { maxLength: 5 }), (eventsOffset, alarms) => {
        expect(parseSnapshot(snapshotText({ eventsOffset, alarms }, 1))).toEqual({ eventsOffset, alarms });
      }),
    );
  });

  test('other events are not lines of it; what only looks like one is refused', () => {
    expect(parseJournal('{"v":1,"type":"heartbeat"}')).toBeUndefined();
    expect(parseJournal('null')).toBeUndefined();
    expect(() => parseJournal('{"v":1,"type":"alarm"}')).toThrow(/transition/);
    expect(() => parseSnapshot('{"v":2}')).toThrow(/events/);
  });
});

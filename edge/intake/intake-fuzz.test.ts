import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { QuarantineReason, RawValue, Reading } from '../../connectors/contract.ts';
import { Flag } from '../core/flags.ts';
import { isBalanced, newCounts, Term } from '../core/ledger.ts';
import { type TagType, ValueKind } from '../core/sample.ts';
import { SAMPLE_TOPICS, sampleTopic, TAG_CLASSES } from '../core/topics.ts';
import { IntakeKit } from './intake-kit.ts';

const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;
const limits = { perDevice: 4, perGateway: 12 };

const tags = fc.constantFrom(
  'a',
  'A',
  'b',
  'b/c',
  'B/c',
  'x%25',
  '',
  '/',
  'a/',
  '#',
  'e\u0301',
  'y'.repeat(260),
  ' z',
  'q',
);
const values = fc.oneof(
  fc.constant({ kind: ValueKind.null, value: null }),
  fc.boolean().map((value) => ({ kind: ValueKind.boolean, value })),
  fc.constantFrom(1, 2, 2n ** 60n).map((value) => ({ kind: ValueKind.long, value })),
  fc.constantFrom(0, -0, 1, NaN, Infinity).map((value) => ({ kind: ValueKind.double, value })),
  fc.constantFrom('', 'x', '\ud800').map((value) => ({ kind: ValueKind.string, value })),
  fc.constantFrom(10, 600_000).map((n) => ({ kind: ValueKind.bytes, value: new Uint8Array(n) })),
);
const times = fc.constantFrom(null, NOON_US, NOON_US + 0.5, NOON_US + 1e9, NaN, -Infinity, 2 ** 60);
const declared = fc.constantFrom<TagType | null>(null, null, null, 'double', 'string');
const rawValues: fc.Arbitrary<RawValue> = fc
  .tuple(
    tags,
    values,
    times,
    declared,
    fc.constantFrom(0, 0x80000000),
    fc.constantFrom(undefined, NOON_US, NaN),
    fc.constantFrom(undefined, ...TAG_CLASSES),
  )
  .map(([tag, value, timeUs, type, quality, serverTimeUs, ofClass]) => ({
    tag,
    ...value,
    timeUs,
    declared: type,
    quality,
    flags: 0,
    ...(serverTimeUs === undefined ? {} : { serverTimeUs }),
    ...(ofClass === undefined ? {} : { class: ofClass }),
  }));
const problems = fc.record({
  reason: fc.constantFrom<QuarantineReason>('malformed', 'no-mapping', 'no-value', 'no-zone'),
  detail: fc.string(),
  tag: tags,
});
const sources = fc.constantFrom('pump-1', 'pump-2', '', '\ud800');
const readings: fc.Arbitrary<Reading> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('message' as const),
      source: sources,
      address: fc.string(),
      original: fc.uint8Array(),
      delivery: fc.record({ packetId: fc.constantFrom(1, 65_535), resent: fc.boolean() }),
      values: fc.array(rawValues, { maxLength: 4 }),
      problems: fc.array(problems, { maxLength: 2 }),
    }),
  },
  { weight: 1, arbitrary: sources.map((source) => ({ type: 'lost' as const, source })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(sources, fc.constantFrom('connected', 'disconnected', 'refused', 'problem'))
      .map(([source, event]) => ({ type: 'event' as const, event, source, bytes: 20_000_000 })),
  },
);

test('whatever a source sends: each value ends in exactly one place, the log says the same as the ledger, all is acknowledged', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(readings, { maxLength: 6 }), { maxLength: 6 }), async (batches) => {
      await using kit = await IntakeKit.open({ limits });
      const { intake, tally, ranges } = kit.intake();
      const total = newCounts();
      const add = (): void => {
        for (const { counts } of tally.take()) {
          expect(isBalanced(counts)).toBe(true);
          counts.forEach((n, i) => (total[i] = (total[i] ?? 0) + n));
        }
      };
      let received = 0;
      let acknowledged = 0;
      for (const batch of batches) {
        await intake.process({ readings: batch, acknowledge: () => acknowledged++ });
        add();
        for (const reading of batch)
          if (reading.type === 'message') received += Math.max(1, reading.values.length + reading.problems.length);
          else if (reading.type === 'event' && reading.event === 'refused') received++;
      }
      await intake.drained();
      add();
      expect(acknowledged).toBe(batches.length);
      expect(total[Term.inFlight]).toBe(0);
      expect(total[Term.received]).toBe(received);
      const samples = kit.samples();
      expect(samples.filter(({ flags }) => (flags & Flag.gap) === 0)).toHaveLength(total[Term.logged] ?? NaN);
      expect(samples.filter(({ flags }) => (flags & Flag.gap) !== 0)).toHaveLength(total[Term.generated] ?? NaN);
      const quarantined = kit.records('quarantine').filter(({ headers }) => headers['copy'] === undefined);
      expect(quarantined).toHaveLength(total[Term.quarantined] ?? NaN);
      expect(kit.events().filter(({ type }) => type === 'refused')).toHaveLength(total[Term.refused] ?? NaN);
      for (const topic of [...SAMPLE_TOPICS, 'quarantine', 'events']) {
        const own = ranges.filter((range) => range.topic === topic);
        expect(own.reduce((next, { first, last }) => (first === next ? last + 1 : NaN), 0)).toBe(kit.ends.end(topic));
      }
      for (const topic of SAMPLE_TOPICS)
        for (const { tag } of kit.samples([topic])) {
          const entry = kit.dictionary.find(tag);
          expect(entry?.path).toBe(tag);
          expect(sampleTopic(entry?.class ?? 'standard')).toBe(topic);
        }
    }),
    { numRuns: 25 },
  );
}, 120_000);

import { describe, expect, test } from 'vitest';
import { realDisk } from '../core/disk.ts';
import { systemError, TracedDisk } from '../core/kit/traced-disk.ts';
import { countsOf, IntakeKit, message, raw, settled } from './intake-kit.ts';

const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;
const pressure = 'northmill/loop/pressure';

/** A log whose next sync fails. */
async function failing(): Promise<{ kit: IntakeKit; disk: TracedDisk }> {
  const disk = new TracedDisk();
  const kit = await IntakeKit.open({ disk });
  disk.before = ({ op, file }) => {
    if (op === 'sync' && file.endsWith('.log')) throw systemError('EIO');
  };
  return { kit, disk };
}

describe('a batch is acknowledged when all of it is durable', () => {
  test('by the real log: whatever a batch put there lies below the durable ends when it is acknowledged', async () => {
    await using kit = await IntakeKit.open();
    const { intake, ranges } = kit.intake();
    const acknowledged: number[] = [];
    const expected = { samples: 0, 'samples.critical': 0, quarantine: 0, events: 0 };
    const topics = ['samples', 'samples.critical', 'quarantine', 'events'] as const;
    const waits: Promise<void>[] = [];
    for (let i = 0; i < 300; i++) {
      const values = Array.from({ length: 1 + (i % 5) }, (_, k) => raw({ timeUs: NOON_US + i * 10 + k }));
      const problems = i % 3 === 0 ? [{ reason: 'malformed', detail: '' } as const] : [];
      const event = { type: 'event', event: 'connected', source: `s${i}` } as const;
      if (i % 2 === 0) values.push(raw({ tag: 'alarm', class: 'critical', timeUs: NOON_US + i }));
      expected['samples.critical'] += 1 - (i % 2);
      expected.samples += 1 + (i % 5);
      expected.quarantine += problems.length;
      expected.events += i % 4 === 0 ? 1 : 0;
      const least = { ...expected };
      const acknowledge = Promise.withResolvers<void>();
      waits.push(acknowledge.promise);
      await intake.process({
        readings: [message(values, { problems }), ...(i % 4 === 0 ? [event] : [])],
        acknowledge: () => {
          acknowledged.push(i);
          const ends = kit.topicEnds();
          for (const topic of topics)
            if ((ends[topic] ?? 0) < least[topic]) acknowledge.reject(new Error(`${topic} of batch ${i}`));
          acknowledge.resolve();
        },
      });
    }
    await Promise.all(waits);
    expect(acknowledged, 'in the order of the batches').toEqual(waits.map((_, i) => i));
    expect(kit.topicEnds()).toMatchObject(expected);
    for (const topic of topics) {
      const own = ranges.filter((range) => range.topic === topic);
      expect(own.reduce((next, { first, last }) => (first === next ? last + 1 : NaN), 0)).toBe(expected[topic]);
    }
  });

  test('not while the log has not said so; the next may be read meanwhile', async () => {
    await using kit = await IntakeKit.open({ disk: realDisk });
    const { begin, acknowledged, intake, tally } = kit.intake();
    await begin('first', message([raw()]));
    await begin('second', message([raw({ timeUs: 1 })]));
    await settled();
    expect(acknowledged).toEqual([]);
    expect(countsOf(tally)).toEqual({ [pressure]: { received: 2, inFlight: 2 } });
    await kit.held?.commit();
    expect(acknowledged).toEqual(['first', 'second']);
    expect(countsOf(tally)).toEqual({ [pressure]: { logged: 2, inFlight: -2 } });
    await intake.drained();
  });

  test('a batch of nothing at all is acknowledged, after what was before it', async () => {
    await using kit = await IntakeKit.open({ disk: realDisk });
    const { begin, acknowledged } = kit.intake();
    await begin('empty');
    await settled();
    expect(acknowledged).toEqual(['empty']);
    await begin('samples', message([raw()]));
    await begin('empty again');
    await settled();
    expect(acknowledged).toEqual(['empty']);
    await kit.held?.commit();
    expect(acknowledged).toEqual(['empty', 'samples', 'empty again']);
  });

  test('a batch of nothing but duplicates waits for the batch that it repeats', async () => {
    await using kit = await IntakeKit.open({ disk: realDisk });
    const { begin, acknowledged } = kit.intake();
    await begin('sent', message([raw()]));
    await begin('sent again', message([raw()]));
    await settled();
    expect(acknowledged).toEqual([]);
    await kit.held?.commit();
    expect(acknowledged).toEqual(['sent', 'sent again']);
    expect(kit.samples()).toHaveLength(1);
  });

  test('also where another connector took it in', async () => {
    await using kit = await IntakeKit.open({ disk: realDisk });
    const floor = kit.intake('floor');
    const hall = kit.intake('hall');
    await floor.begin('sent', message([raw()]));
    await hall.begin('sent again', message([raw()]));
    await settled();
    expect([floor.acknowledged, hall.acknowledged]).toEqual([[], []]);
    await kit.held?.commit();
    expect([floor.acknowledged, hall.acknowledged]).toEqual([['sent'], ['sent again']]);
  });

  test('events and refused data are counted when they are durable, and their offsets are told', async () => {
    await using kit = await IntakeKit.open({ disk: realDisk });
    const { begin, intake, tally, ranges } = kit.intake();
    intake.heartbeat({ kind: 'test', state: 'up' });
    await begin('refused', { type: 'event', event: 'refused', source: 'pump-7' });
    expect(countsOf(tally)).toEqual({ '(unmapped)': { received: 1, inFlight: 1 } });
    expect(ranges).toEqual([]);
    await kit.held?.commit();
    expect(countsOf(tally)).toEqual({ '(unmapped)': { refused: 1, inFlight: -1 } });
    expect(ranges).toEqual([
      { topic: 'events', first: 0, last: 0 },
      { topic: 'events', first: 1, last: 1 },
    ]);
  });
});

describe('a log that has failed', () => {
  test('acknowledges nothing from then on, and process rejects', async () => {
    const { kit, disk } = await failing();
    await using _ = kit;
    const { begin, acknowledged, failures, intake, tally, ranges } = kit.intake();
    await begin('lost', message([raw()]));
    await begin('behind it', message([raw({ timeUs: 1 })]));
    await begin('nothing', message([raw()]));
    await kit.held?.commit();
    expect(acknowledged).toEqual([]);
    expect(failures).toEqual([expect.objectContaining({ code: 'log-write-failed' })]);
    await expect(begin('later', message([raw({ timeUs: 2 })]))).rejects.toMatchObject({ code: 'log-write-failed' });
    await expect(intake.drained()).rejects.toMatchObject({ code: 'log-write-failed' });
    disk.before = undefined;
    await expect(begin('much later', message([raw({ timeUs: 3 })]))).rejects.toMatchObject({
      code: 'log-write-failed',
    });
    intake.heartbeat({});
    await kit.held?.commit();
    expect([acknowledged, ranges]).toEqual([[], []]);
    expect(countsOf(tally)[pressure]).toMatchObject({ received: 3, inFlight: 2, duplicate: 1 });
  });

  test('is told to each connector once, and keeps the next connector from acknowledging what lies behind it', async () => {
    const { kit } = await failing();
    await using _ = kit;
    const floor = kit.intake('floor');
    const hall = kit.intake('hall');
    await floor.begin('a', message([raw()]));
    await hall.begin('b', message([raw()]));
    await kit.held?.commit();
    await kit.held?.commit();
    expect([floor.acknowledged, hall.acknowledged]).toEqual([[], []]);
    expect([floor.failures.length, hall.failures.length]).toEqual([1, 1]);
  });
});

describe('other failures', () => {
  test('a connector that cannot take its acknowledgement hears of it at the next batch; the log is well', async () => {
    await using kit = await IntakeKit.open();
    const { intake, take, failures } = kit.intake();
    await intake.process({
      readings: [message([raw()])],
      acknowledge() {
        throw new Error('the socket is gone');
      },
    });
    await intake.drained();
    await expect(take(message([raw({ timeUs: 1 })]))).rejects.toThrow('the socket is gone');
    expect(await take(message([raw({ timeUs: 1 })]))).toMatchObject({ samples: 2 });
    expect(failures).toEqual([]);
  });

  test('a dictionary that cannot be written: the batch is not taken in, nor is anything of it acknowledged', async () => {
    const dictionaryDisk = new TracedDisk();
    await using kit = await IntakeKit.open({ dictionaryDisk });
    const { take, tally, failures } = kit.intake();
    await take(message([raw()]));
    countsOf(tally);
    dictionaryDisk.before = ({ op }) => {
      if (op === 'write') throw systemError('ENOSPC');
    };
    const batch = message([raw({ timeUs: 1 }), raw({ tag: 'new' })]);
    await expect(take(batch)).rejects.toMatchObject({ code: 'file-unwritable' });
    expect(countsOf(tally)).toEqual({});
    expect(await take(message([raw({ timeUs: 2 })])), 'known tags need no dictionary').toMatchObject({ samples: 2 });
    dictionaryDisk.before = undefined;
    expect(await take(batch)).toMatchObject({ samples: 4 });
    expect(failures).toEqual([]);
  });
});

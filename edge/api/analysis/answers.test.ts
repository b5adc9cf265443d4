import { describe, expect, test } from 'vitest';
import type { Tagged } from '../../../historian/kit/history-kit.ts';
import { ValueKind } from '../../core/sample.ts';
import { formatTime } from '../time-text.ts';
import { framesShape, tableShape, wideShape } from './shapes.ts';
import { waitFor } from '../../../test/services/wait.ts';
import { HistorianServer } from './historian-kit.ts';

const A = 'plant/a';
const B = 'plant/b';
const HOUR = 3600e6;

function at(tag: string, text: string, value: number | null, quality = 0): Tagged {
  const kind = value === null ? ValueKind.null : ValueKind.double;
  return { tag, sample: { timeUs: Date.parse(text) * 1000, kind, value, quality, flags: 0, serverTimeUs: null } };
}

/** A value of 1 every quarter of an hour, from one instant to the other. */
function quarters(tag: string, from: string, to: string): Tagged[] {
  const samples: Tagged[] = [];
  for (let ms = Date.parse(from); ms < Date.parse(to); ms += 900_000)
    samples.push(at(tag, new Date(ms).toISOString(), 1));
  return samples;
}

const serverWith = (samples: readonly Tagged[]): Promise<HistorianServer> => HistorianServer.with(samples, waitFor);

const url = (parameters: Record<string, string>, tags = [A]): string => {
  const query = new URLSearchParams(parameters);
  for (const tag of tags) query.append('tag', tag);
  return `/api/v1/history?${query.toString()}`;
};

describe('calendar days on the clock of the site', () => {
  test.each([
    [
      '2026-03-28',
      '2026-03-31',
      ['2026-03-27T23:00:00.000000Z', '2026-03-28T23:00:00.000000Z', '2026-03-29T22:00:00.000000Z'],
      [96, 92, 96],
      '+01:00',
      '+02:00',
    ],
    [
      '2026-10-24',
      '2026-10-27',
      ['2026-10-23T22:00:00.000000Z', '2026-10-24T22:00:00.000000Z', '2026-10-25T23:00:00.000000Z'],
      [96, 100, 96],
      '+02:00',
      '+01:00',
    ],
  ])('have 23, 24 or 25 hours: %s', async (first, behind, starts, counts, offset, offsetBehind) => {
    const samples = quarters(A, `${first}T00:00:00${offset}`, `${behind}T00:00:00${offsetBehind}`);
    await using server = await serverWith(samples);
    const span = { from: `${first}T00:00:00${offset}`, to: `${behind}T00:00:00${offsetBehind}` };
    const answer = tableShape.parse(
      await server.json(url({ ...span, interval: 'day', aggregate: 'count,DurationGood,Total' })),
    );
    const [item] = answer.items;
    expect(item).toMatchObject({ tag: A, interval: 'day', timezone: 'Europe/Berlin', partial: [] });
    expect(item?.columns).toEqual([
      'time',
      'end',
      'label',
      'count',
      'DurationGood',
      'DurationGood_quality',
      'Total',
      'Total_quality',
    ]);
    expect(item?.rows.map(([time]) => time)).toEqual(starts);
    expect(item?.rows.map(([, , , count]) => count)).toEqual(counts);
    // The last sample is the last that is known: the day's last quarter of an hour is not covered.
    const hours = counts.map((count) => count / 4);
    expect(item?.rows.slice(0, 2).map((row) => row[4])).toEqual(hours.slice(0, 2).map((each) => each * 3_600_000));
    expect(item?.rows.slice(0, 2).map((row) => row[6])).toEqual(hours.slice(0, 2).map((each) => each * 3600));
    const utc = tableShape.parse(
      await server.json(url({ ...span, interval: 'day', aggregate: 'count', timezone: 'UTC' })),
    );
    expect(utc.items[0]).toMatchObject({
      timezone: 'UTC',
      partial: [expect.stringContaining('T00:00:00'), expect.anything()],
    });
    expect(utc.items[0]?.rows.map((row) => row[3]).reduce((sum: number, count) => sum + Number(count), 0)).toBe(
      samples.length,
    );
  });

  test('shifts are those of the site; what lies between them belongs to none', async () => {
    await using server = await serverWith(quarters(A, '2026-03-28T00:00:00Z', '2026-03-30T00:00:00Z'));
    const span = {
      from: '2026-03-28T12:00:00Z',
      to: '2026-03-29T12:00:00Z',
      interval: 'shift',
      aggregate: 'count,Average',
    };
    expect(await server.json(url(span))).toMatchObject({
      status: 400,
      detail: expect.stringContaining('names no shifts') as unknown,
    });
    server.services.calendar = {
      timezone: 'Europe/Berlin',
      shifts: [
        { name: 'early', from: '06:00', to: '14:00' },
        { name: 'night', from: '22:00', to: '06:00' },
      ],
      counterOf: () => undefined,
    };
    expect(await server.csv(url(span))).toBe(
      'time,end,label,count,Average,Average_quality\n' +
        '2026-03-28T05:00:00.000000Z,2026-03-28T13:00:00.000000Z,early 2026-03-28,4,1,1025\n' +
        '2026-03-28T21:00:00.000000Z,2026-03-29T04:00:00.000000Z,night 2026-03-28,28,1,1025\n' +
        '2026-03-29T04:00:00.000000Z,2026-03-29T12:00:00.000000Z,early 2026-03-29,32,1,1025\n',
    );
  });
});

describe('aggregates of Part 13', () => {
  const samples = [
    at(A, '2026-03-01T00:00:01Z', 10),
    at(A, '2026-03-01T00:00:03Z', 20),
    at(A, '2026-03-01T00:00:05Z', null, 0x80310000),
    at(A, '2026-03-01T00:00:07Z', 40),
    at(A, '2026-03-01T00:00:21Z', 50),
  ];
  const span = { from: '2026-03-01T00:00:00Z', to: '2026-03-01T00:00:20Z', interval: '10s' };

  test('have their StatusCodes, and their own times, beside the short ones', async () => {
    await using server = await serverWith(samples);
    expect(await server.csv(url({ ...span, aggregate: 'mean,timeaverage2,PercentGood,MaximumActualTime,End' }))).toBe(
      'time,mean,TimeAverage2,TimeAverage2_quality,PercentGood,PercentGood_quality,MaximumActualTime,MaximumActualTime_quality,MaximumActualTime_time,End,End_quality,End_time\n' +
        '2026-03-01T00:00:00.000000Z,23.333333333333332,27.60204081632653,1084490757,70,1029,40,1084490756,2026-03-01T00:00:07.000000Z,40,1028,2026-03-01T00:00:07.000000Z\n' +
        '2026-03-01T00:00:10.000000Z,,45.714285714285715,1025,100,1025,,2157641728,,,2157641728,\n',
    );
  });

  test('a cut interval has what lies in the span, and is named', async () => {
    await using server = await serverWith(samples);
    const cut = { ...span, from: '2026-03-01T00:00:02Z', to: '2026-03-01T00:00:12Z', aggregate: 'count,DurationGood' };
    expect(await server.json(url(cut))).toMatchObject({
      items: [
        {
          partial: ['2026-03-01T00:00:00.000000Z', '2026-03-01T00:00:10.000000Z'],
          rows: [
            ['2026-03-01T00:00:00.000000Z', 2, 6000, expect.anything()],
            ['2026-03-01T00:00:10.000000Z', 0, 2000, expect.anything()],
          ],
        },
      ],
    });
  });

  test('of texts there are those that look at no value', async () => {
    const text = (second: number, value: string): Tagged => {
      const sample = {
        timeUs: Date.parse('2026-03-01T00:00:00Z') * 1000 + second * 1e6,
        kind: ValueKind.string,
        value,
      };
      return { tag: A, sample: { ...sample, quality: 0, flags: 0, serverTimeUs: null } };
    };
    await using server = await serverWith([
      text(1, 'run'),
      text(2, 'run'),
      text(3, 'stop'),
      text(4, 'run'),
      text(12, 'x'),
    ]);
    server.types.set(A, 'string');
    expect(await server.json(url({ ...span, aggregate: 'NumberOfTransitions,Count' }))).toMatchObject({
      items: [
        { rows: [['2026-03-01T00:00:00.000000Z', 3, expect.anything(), 4, expect.anything()], expect.anything()] },
      ],
    });
    expect(await server.json(url({ ...span, aggregate: 'Average' }))).toMatchObject({
      type: 'urn:millrace:error:aggregate-type',
      detail: expect.stringContaining('There are AnnotationCount, Count, NumberOfTransitions') as unknown,
    });
  });
});

describe('values at times', () => {
  const samples = [
    at(A, '2026-03-01T00:00:10Z', 10),
    at(A, '2026-03-01T00:00:20Z', 20),
    at(B, '2026-03-01T00:00:15Z', 7),
  ];
  const from = { from: '2026-03-01T00:00:05Z', to: '2026-03-01T00:00:25Z' };

  test('lie on lines between samples, or are those samples', async () => {
    await using server = await serverWith(samples);
    expect(await server.csv(url({ at: '2026-03-01T00:00:15Z' }))).toBe(
      'time,value,quality\n2026-03-01T00:00:15.000000Z,15,1026\n',
    );
    expect(await server.csv(url({ ...from, every: '10s', method: 'previous' }))).toBe(
      'time,value,quality,sample_time\n' +
        '2026-03-01T00:00:10.000000Z,10,1024,2026-03-01T00:00:10.000000Z\n' +
        '2026-03-01T00:00:20.000000Z,20,1024,2026-03-01T00:00:20.000000Z\n',
    );
    expect(await server.csv(url({ ...from, every: '5s', method: 'next' }))).toContain(
      '2026-03-01T00:00:15.000000Z,20,1024,2026-03-01T00:00:20.000000Z\n',
    );
    expect(await server.json(url({ at: '2026-03-01T00:00:15Z', from: '2026-03-01T00:00:00Z' }))).toMatchObject({
      status: 400,
      detail: 'at: not together with from and to.',
    });
  });

  test('stand side by side, a column for each tag', async () => {
    await using server = await serverWith(samples);
    const wide = { ...from, every: '5s', layout: 'wide' };
    expect(await server.csv(url(wide, [A, B]))).toBe(
      'time,plant/a,plant/b\n' +
        '2026-03-01T00:00:05.000000Z,,\n' +
        '2026-03-01T00:00:10.000000Z,10,\n' +
        '2026-03-01T00:00:15.000000Z,15,7\n' +
        '2026-03-01T00:00:20.000000Z,20,7\n',
    );
    const answer = wideShape.parse(await server.json(url({ ...from, layout: 'wide' }, [A, B])));
    expect(answer).toEqual({
      columns: ['time', A, B],
      rows: [
        ['2026-03-01T00:00:10.000000Z', 10, null],
        ['2026-03-01T00:00:15.000000Z', null, 7],
        ['2026-03-01T00:00:20.000000Z', 20, null],
      ],
      gaps: [],
    });
    expect(await server.csv(url({ ...from, interval: '10s', aggregate: 'mean,max', layout: 'wide' }, [A, B]))).toBe(
      'time,plant/a mean,plant/a max,plant/b mean,plant/b max\n' +
        '2026-03-01T00:00:00.000000Z,,,,\n' +
        '2026-03-01T00:00:10.000000Z,10,10,7,7\n' +
        '2026-03-01T00:00:20.000000Z,20,20,,\n',
    );
  });
});

function anyAt(tag: string, second: number, value: string | bigint | boolean): Tagged {
  const kinds = { string: ValueKind.string, bigint: ValueKind.long, boolean: ValueKind.boolean } as const;
  const kind = kinds[typeof value as keyof typeof kinds];
  const timeUs = Date.parse('2026-03-01T00:00:00Z') * 1000 + second * 1e6;
  return { tag, sample: { timeUs, kind, value, quality: 0, flags: 0, serverTimeUs: null } };
}

describe('values at times of any type', () => {
  test('are those of their samples: texts, booleans, integers with all digits', async () => {
    const big = 2n ** 60n + 1n;
    await using server = await serverWith([
      anyAt(A, 1, 'idle'),
      anyAt(A, 5, 'recipe "7", warm'),
      anyAt(B, 1, true),
      anyAt(B, 4, false),
      anyAt('plant/c', 2, big),
    ]);
    server.types.set(A, 'string').set(B, 'boolean').set('plant/c', 'long');
    const times = { at: '2026-03-01T00:00:03Z' };
    expect(await server.csv(`${url(times, [A, B, 'plant/c'])}&at=2026-03-01T00:00:06Z`)).toBe(
      'tag,time,value,quality\n' +
        'plant/a,2026-03-01T00:00:03.000000Z,idle,1026\n' +
        'plant/a,2026-03-01T00:00:06.000000Z,"recipe ""7"", warm",1084490754\n' +
        'plant/b,2026-03-01T00:00:03.000000Z,true,1026\n' +
        'plant/b,2026-03-01T00:00:06.000000Z,false,1084490754\n' +
        `plant/c,2026-03-01T00:00:03.000000Z,${big},1084490754\n` +
        `plant/c,2026-03-01T00:00:06.000000Z,${big},1084490754\n`,
    );
    expect(await server.json(url({ ...times, stepped: 'false' }))).toMatchObject({ status: 400 });
  });

  test('that lie far apart are the same as those that lie near', async () => {
    const samples = Array.from({ length: 12_000 }, (_, i) =>
      at(A, formatTime(Date.parse('2026-03-01T00:00:00Z') * 1000 + i * 1e6), i),
    );
    await using server = await serverWith(samples);
    const near = await server.csv(url({ every: '500ms', from: '2026-03-01T00:00:00Z', to: '2026-03-01T04:00:00Z' }));
    const far = await server.csv(
      `${url({ at: '2026-03-01T00:00:10.5Z' })}&at=2026-03-01T03:00:00.5Z&at=2026-03-01T03:00:00Z`,
    );
    const lines = far.split('\n').slice(1, -1);
    expect(lines.map((line) => line.split(',')[1])).toEqual(['10.5', '10800', '10800.5']);
    for (const line of lines) expect(near).toContain(`${line}\n`);
  });
});

describe('charts of samples', () => {
  test.each(['minmax', 'lttb'])('%s keeps the peak and the edges', async (shape) => {
    const start = Date.parse('2026-03-01T00:00:00Z');
    const samples = Array.from({ length: 5000 }, (_, i) =>
      at(A, new Date(start + i * 1000).toISOString(), i === 2345 ? 99 : i % 2),
    );
    await using server = await serverWith(samples);
    const text = await server.csv(url({ points: '50', shape }));
    const values = text
      .split('\n')
      .slice(1, -1)
      .map((line) => Number(line.split(',')[1]));
    expect(Math.max(...values)).toBe(99);
    expect(values.length).toBeGreaterThan(20);
    expect(values.length).toBeLessThanOrEqual(shape === 'lttb' ? 52 : 200);
    const few = await server.csv(url({ points: '50', shape, to: '2026-03-01T00:00:02Z' }));
    expect(few.split('\n')).toHaveLength(4);
  });
});

describe('counters', () => {
  test('count through rollovers and resets, and tell them', async () => {
    const readings = [10, 90, 95, 5, 30, 2].map((value, i) =>
      at(A, formatTime(Date.parse('2026-03-01T00:00:00Z') * 1000 + i * HOUR), value),
    );
    await using server = await serverWith(readings);
    const span = { from: '2026-03-01T00:00:00Z', to: '2026-03-01T06:00:00Z', interval: '2h', aggregate: 'counted' };
    expect(await server.json(url(span))).toMatchObject({
      status: 400,
      detail: expect.stringContaining('is not said to be a counter') as unknown,
    });
    server.services.calendar = { ...server.services.calendar, counterOf: () => ({ rollover: 100, correction: 0 }) };
    const { items } = tableShape.parse(await server.json(url(span)));
    expect(items[0]?.columns).toEqual(['time', 'counted', 'counted_quality', 'marks']);
    expect(items[0]?.rows.map((row) => [row[1], row[3]])).toEqual([
      [85, ''],
      [35, 'rollover'],
      [2, 'reset ambiguous'],
    ]);
    expect(items[0]?.events).toMatchObject([
      { kind: 'rollover', before: 95, after: 5, counted: 10 },
      { kind: 'reset', before: 30, after: 2, counted: 2, ambiguous: true },
    ]);
  });
});

describe('event frames', () => {
  test('are told with what happened in them', async () => {
    const values = [70, 85, 90, 70, 95, 70];
    const samples = values.map((value, i) =>
      at(A, formatTime(Date.parse('2026-03-01T00:00:00Z') * 1000 + i * HOUR), value),
    );
    await using server = await serverWith(samples);
    const asked = `/api/v1/event-frames?tag=${A}&above=80&for=90m&to=2026-03-02T00:00:00Z`;
    expect(framesShape.parse(await server.json(asked)).items).toEqual([
      {
        tag: A,
        start: '2026-03-01T01:00:00.000000Z',
        end: '2026-03-01T03:00:00.000000Z',
        startIs: 'condition',
        endIs: 'condition',
        certain: true,
        seconds: 7200,
        samples: 2,
        min: 85,
        max: 90,
        mean: 87.5,
        gapSeconds: 0,
        quality: 0,
      },
    ]);
    expect(await server.csv(asked)).toBe(
      'start,end,start_is,end_is,certain,seconds,samples,min,max,mean,gap_seconds,quality\n' +
        '2026-03-01T01:00:00.000000Z,2026-03-01T03:00:00.000000Z,condition,condition,true,7200,2,85,90,87.5,0,0\n',
    );
    expect(await server.json(`/api/v1/event-frames?tag=${A}`)).toMatchObject({ status: 400 });
    expect(await server.json('/api/v1/event-frames?tag=x&above=1')).toMatchObject({ status: 404 });
  });
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Flag } from '../../edge/core/flags.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { StatusCode } from '../../edge/core/status-code.ts';
import { unescapeSegment } from '../../edge/core/tag-path.ts';
import { MAX_PROBLEMS, MAX_VALUES, type PayloadReading } from './harvest.ts';
import type { MappingConfig } from './mapping-config.ts';
import { PayloadMap } from './payload-map.ts';

function mapOf(...configs: MappingConfig[]): PayloadMap {
  const map = PayloadMap.compile(configs);
  if (!(map instanceof PayloadMap)) throw new Error(JSON.stringify(map.problems));
  return map;
}

const bytes = (payload: unknown): Uint8Array =>
  new TextEncoder().encode(typeof payload === 'string' ? payload : JSON.stringify(payload));

function read(
  config: Omit<MappingConfig, 'match'> & { match?: string },
  payload: unknown,
  topic = 'plant/a/b/c',
  retained = false,
): PayloadReading {
  return mapOf({ match: '#', ...config }).read(topic, bytes(payload), retained);
}

/** Tags with their values. */
const pairs = ({ values }: PayloadReading): unknown[] => values.map(({ tag, value }) => [tag, value]);
const reasons = ({ problems }: PayloadReading): string[] => problems.map(({ reason }) => reason);

/** Tags with their classes. */
const classes = (given: Omit<MappingConfig, 'match'>, payload: unknown): unknown[] =>
  read(given, payload).values.map(({ tag, class: ofClass }) => [tag, ofClass]);

describe('one value', () => {
  const config: MappingConfig = { match: 'plant/+/+/+', tag: '{1}/{2}/{3}', value: '$.value', time: '$.timestamp' };

  test('value and time out of the payload, tag out of the topic', () => {
    expect(
      read({ ...config, unit: 'Cel', type: 'float' }, { value: 21.5, timestamp: '2026-03-01T12:00:00Z', other: 1 }),
    ).toEqual({
      values: [
        {
          tag: 'a/b/c',
          kind: ValueKind.float,
          value: 21.5,
          declared: 'float',
          unit: 'Cel',
          timeUs: Date.parse('2026-03-01T12:00:00Z') * 1000,
          quality: StatusCode.Good,
          flags: 0,
        },
      ],
      problems: [],
    });
  });

  test('the class of its mapping, and so have the members of a structure; a field may have another one', () => {
    expect(classes({ tag: 't' }, 1)).toEqual([['t', undefined]]);
    expect(classes({ tag: 't', class: 'critical' }, 1)).toEqual([['t', 'critical']]);
    expect(classes({ tag: 't', class: 'bulk' }, { a: 1, b: { c: 2 } })).toEqual([
      ['t/a', 'bulk'],
      ['t/b/c', 'bulk'],
    ]);
    const fields = { '$.a': { tag: 'a', class: 'critical' }, '$.b': { tag: 'b' } } as const;
    expect(classes({ prefix: 'p', fields }, { a: 1, b: 2 })).toEqual([
      ['p/a', 'critical'],
      ['p/b', undefined],
    ]);
    expect(classes({ prefix: 'p', fields, class: 'bulk' }, { a: 1, b: 2 })).toEqual([
      ['p/a', 'critical'],
      ['p/b', 'bulk'],
    ]);
  });

  test.each<[string, unknown, string]>([
    ['no value', { timestamp: 1 }, 'no-value'],
    ['no time', { value: 1 }, 'bad-time'],
    ['a time that is none', { value: 1, timestamp: 'soon' }, 'bad-time'],
    ['a time without a zone', { value: 1, timestamp: '2026-03-01T12:00:00' }, 'no-zone'],
    ['not JSON', 'value=1', 'malformed'],
    ['mixed array', { value: [1, 'a'], timestamp: 1 }, 'malformed'],
  ])('%s', (_name, payload, reason) => {
    const reading = read(config, payload);
    expect(reading).toMatchObject({ values: [], problems: [{ reason, tag: 'a/b/c' }] });
  });

  test('a wrong type', () => {
    expect(reasons(read({ ...config, type: 'long' }, { value: 'x', timestamp: 1 }))).toEqual(['wrong-type']);
  });

  test('not UTF-8', () => {
    expect(reasons(mapOf({ match: '#' }).read('a', Uint8Array.of(0x22, 0xff, 0x22), false))).toEqual(['malformed']);
  });

  test('null has no data, NaN is passed on', () => {
    const reading = mapOf({ match: '#' }).read('a', bytes('{"x": null, "y": NaN}'), false);
    expect(reading.values.map(({ kind, value, quality }) => [kind, value, quality])).toEqual([
      [ValueKind.null, null, StatusCode.BadNoData],
      [ValueKind.double, Number.NaN, StatusCode.Good],
    ]);
  });

  test('`{1}` of # takes all levels; names are escaped, level by level', () => {
    expect(pairs(read({ match: 'x/#', tag: 'all/{1}' }, 1, 'x/50%/ y/T[1]'))).toEqual([['all/50%25/%20y/T%5B1%5D', 1]]);
  });

  test('a text payload', () => {
    expect(pairs(read({ payload: 'text', type: 'double' }, '21.5', 'plug/power'))).toEqual([['plug/power', 21.5]]);
  });
});

describe('several values', () => {
  const config: MappingConfig = {
    match: 'plant/+/state',
    prefix: 'hall/{1}',
    time: '$.ts',
    timeFormat: 'ms',
    fields: {
      '$.temp': { tag: 'temperature', unit: 'Cel', type: 'float' },
      '$.serial': { tag: 'serial', type: 'string' },
      '$.data.*': { tag: 'data/{key}' },
    },
  };
  const topic = 'plant/3/state';

  test('each path gives its tag, `*` one for each key', () => {
    const payload = { ts: 1584440073123, temp: 20.5, serial: 'S7', data: { 'a/b': 1, c: { d: true } } };
    const reading = read(config, payload, topic);
    expect(pairs(reading)).toEqual([
      ['hall/3/temperature', 20.5],
      ['hall/3/serial', 'S7'],
      ['hall/3/data/a%2Fb', 1],
      ['hall/3/data/c/d', true],
    ]);
    expect(new Set(reading.values.map(({ timeUs }) => timeUs))).toEqual(new Set([1584440073123000]));
    expect(reading.values[0]).toMatchObject({ declared: 'float', unit: 'Cel' });
  });

  test('an empty level or name stays in the tag, for which the host refuses it: it is never another tag', () => {
    const all: MappingConfig = { match: '+/state', prefix: '{1}', fields: { '$.*': { tag: '{key}' } } };
    expect(pairs(read(all, { temp: 1 }, '/state'))).toEqual([['/temp', 1]]);
    expect(pairs(read({ ...all, prefix: undefined }, { '': { temp: 1 }, temp: 2 }, 'a/state'))).toEqual([
      ['/temp', 1],
      ['temp', 2],
    ]);
  });

  test('a name with a lone surrogate is none: as UTF-8 several would be one', () => {
    const payload = '{"x":{"\\ud800":1,"\\ufffd":2},"\\udfff":3}';
    for (const fields of [{ $: { tag: 'all' } }, { '$.*': { tag: 'all/{key}' } }]) {
      const reading = read({ match: 'a', fields }, payload, 'a');
      expect(pairs(reading)).toEqual([['all/x/\ufffd', 2]]);
      expect(reasons(reading)).toEqual(['bad-tag', 'bad-tag']);
    }
  });

  test('what is left out is no problem while something is there', () => {
    expect(read(config, { ts: 1, temp: 20 }, topic)).toMatchObject({
      values: [{ tag: 'hall/3/temperature' }],
      problems: [],
    });
    expect(reasons(read(config, { ts: 1, other: 2 }, topic))).toEqual(['no-value']);
  });

  test('a part that cannot be read does not keep the others back', () => {
    const reading = read(config, { ts: 1, temp: 'hot', serial: 'S7' }, topic);
    expect(pairs(reading)).toEqual([['hall/3/serial', 'S7']]);
    expect(reading.problems).toMatchObject([{ reason: 'wrong-type', tag: 'hall/3/temperature' }]);
  });
});

describe('the mapping of everything else', () => {
  test('the topic is the tag, members are child tags', () => {
    const payload = { speed: 5, motor: { on: true, phase: [1, 2, 3], name: 'M1' }, timestamp: 7 };
    expect(pairs(read({}, payload, 'line/1'))).toEqual([
      ['line/1/speed', 5],
      ['line/1/motor/on', true],
      ['line/1/motor/phase', expect.objectContaining({ shape: [3] })],
      ['line/1/motor/name', 'M1'],
      ['line/1/timestamp', 7],
    ]);
    expect(pairs(read({}, 'true', 'line/1'))).toEqual([['line/1', true]]);
  });

  test('time and quality are not values besides', () => {
    const payload = { v: 5, meta: { t: 1584440073, q: 'bad', t2: 1 }, t: 6 };
    const reading = read({ time: '$.meta.t', quality: '$.meta.q' }, payload, 'x');
    expect(pairs(reading)).toEqual([
      ['x/v', 5],
      ['x/meta/t2', 1],
      ['x/t', 6],
    ]);
    expect(reading.values[0]).toMatchObject({ timeUs: 1584440073000000, quality: StatusCode.Bad });
  });

  test('a prefix stands in place of the topic', () => {
    expect(pairs(read({ match: 'x/+', prefix: 'p/{1}' }, { a: 1 }, 'x/y'))).toEqual([['p/y/a', 1]]);
  });

  test.each<[unknown, string]>([
    [{}, 'no-value'],
    [{ a: {} }, 'no-value'],
    [[{}], 'malformed'],
  ])('%j: %s', (payload, reason) => {
    expect(reasons(read({}, payload))).toEqual([reason]);
  });

  test('deeper than a tag can be', () => {
    const payload = `${'{"n":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
    expect(reasons(read({}, payload, 'a'))).toEqual(['bad-tag']);
  });
});

describe('bounds', () => {
  test('more values than a payload may have: none, and one problem', () => {
    const many = Object.fromEntries(Array.from({ length: MAX_VALUES + 1 }, (_, i) => [`k${i}`, i]));
    const { k0: _first, ...most } = many;
    expect(read({}, most).values).toHaveLength(MAX_VALUES);
    expect(read({}, many)).toMatchObject({ values: [], problems: [{ reason: 'too-large' }] });
    expect(read({ fields: { '$.*': { tag: '{key}' } } }, many)).toMatchObject({
      values: [],
      problems: [{ reason: 'too-large' }],
    });
  });

  test('many problems are summed up', () => {
    const reading = read(
      {},
      Array.from({ length: 100 }, () => 0).reduce<Record<string, unknown>>(
        (all, _, i) => ({ ...all, [`k${i}`]: [true] }),
        { good: 1 },
      ),
    );
    expect(reading.values).toHaveLength(1);
    expect(reading.problems).toHaveLength(MAX_PROBLEMS);
    expect(reading.problems.at(-1)).toEqual({
      reason: 'too-large',
      detail: `${100 - MAX_PROBLEMS + 1} more parts could not be read.`,
    });
  });
});

describe('which mapping', () => {
  const map = mapOf(
    { match: 'a/b', tag: 'first' },
    { match: 'a/+', tag: 'second' },
    { match: 'a/b', tag: 'third' },
    { match: '$dev/#', tag: 'dollar' },
  );

  test('the first that matches', () => {
    expect(['a/b', 'a/c', 'a/b'].map((topic) => map.read(topic, bytes('1'), false).values[0]?.tag)).toEqual([
      'first',
      'second',
      'first',
    ]);
    expect(map.read('$dev/x', bytes('1'), false).values[0]?.tag).toBe('dollar');
  });

  test('none', () => {
    expect(map.read('b', bytes('1'), false)).toMatchObject({ values: [], problems: [{ reason: 'no-mapping' }] });
    expect(reasons(mapOf({ match: '#' }).read('$x', bytes('1'), false))).toEqual(['no-mapping']);
  });

  test('all that is wrong is told with the number of its mapping', () => {
    const result = PayloadMap.compile([{ match: 'a' }, { match: 'a#' }, { match: 'b', time: 't' }]);
    expect(result).toMatchObject({
      problems: [
        { index: 1, key: ['match'] },
        { index: 2, key: ['time'] },
      ],
    });
  });
});

describe('retained messages', () => {
  test('are flagged where they have no time of their own', () => {
    expect(read({}, 1, 'a', true).values[0]?.flags).toBe(Flag.retained);
    expect(read({ payload: 'text' }, 'x', 'a', true).values[0]?.flags).toBe(Flag.retained);
    expect(read({ time: '$.t' }, { v: 1, t: 5 }, 'a', true).values[0]?.flags).toBe(0);
  });

  test('can be ignored', () => {
    expect(read({ retained: 'ignore' }, 'not JSON', 'a', true)).toEqual({ values: [], problems: [] });
    expect(read({ retained: 'ignore' }, 1, 'a', false).values).toHaveLength(1);
  });
});

test.each<[unknown, 'status' | 'opc-da', number]>([
  [0, 'status', StatusCode.Good],
  [0x80310000, 'status', StatusCode.BadNoCommunication],
  [192, 'status', StatusCode.Good],
  [64, 'status', StatusCode.Uncertain],
  [24, 'status', StatusCode.Bad],
  ['GOOD', 'status', StatusCode.Good],
  [' uncertain', 'status', StatusCode.Uncertain],
  ['BadTimeout', 'status', StatusCode.BadTimeout],
  [true, 'status', StatusCode.Good],
  [false, 'status', StatusCode.Bad],
  [null, 'status', StatusCode.Good],
  ['perhaps', 'status', StatusCode.Uncertain],
  [-1, 'status', StatusCode.Uncertain],
  [1.5, 'status', StatusCode.Uncertain],
  [2 ** 32, 'status', StatusCode.Uncertain],
  [{}, 'status', StatusCode.Uncertain],
  [0, 'opc-da', StatusCode.Bad],
  [216, 'opc-da', StatusCode.Good],
  [0x12c0, 'opc-da', StatusCode.Good],
])('quality %j as %s', (q, qualityFormat, expected) => {
  expect(read({ value: '$.v', quality: '$.q', qualityFormat }, { v: 1, q }).values[0]?.quality).toBe(expected);
});

test.each(['-0', '-0.0', '-2.5e-400'])('quality %s is the 0 of Good', (q) => {
  expect(read({ value: '$.v', quality: '$.q' }, `{"v":1,"q":${q}}`).values[0]?.quality).toBe(StatusCode.Good);
});

/** Quality of a null whose source says this. */
function qualityOfNull(q: string): unknown {
  return read({ value: '$.v', quality: '$.q' }, { v: null, q }).values[0]?.quality;
}

test('a value that is null keeps the quality that says why', () => {
  expect([qualityOfNull('good'), qualityOfNull('BadTimeout')]).toEqual([StatusCode.BadNoData, StatusCode.BadTimeout]);
});

describe('whatever the bytes', () => {
  const configs: MappingConfig[] = [
    { match: '1/#' },
    { match: '2/+', tag: 't/{1}', value: '$.v', time: '$.t', quality: '$.q', timezone: 'Europe/Berlin' },
    { match: '3/#', prefix: 'p/{1}', fields: { '$.*': { tag: '{key}' }, '$.a[0]': { tag: 'a', type: 'uint64' } } },
    { match: '4/#', payload: 'text', type: 'float' },
  ];
  const map = mapOf(...configs);
  const topic = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.string({ unit: 'binary' })).map((parts) => parts.join('/'));
  const json = fc.jsonValue({ depthSize: 'large' });
  const named = fc.record(
    { v: json, t: fc.oneof(json, fc.integer(), fc.date({ noInvalidDate: true })), q: json, a: json, __proto__: json },
    { requiredKeys: [] },
  );
  const text = fc.oneof(json, named).map((value) => JSON.stringify(value));
  const broken = fc
    .tuple(text, fc.nat(), fc.constantFrom('NaN', '}', '"', '\\', '12345678901234567890'))
    .map(([whole, at, piece]) => {
      const place = at % (whole.length + 1);
      return whole.slice(0, place) + piece + whole.slice(place);
    });
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 50 }),
    fc.oneof(text, broken).map((whole) => new TextEncoder().encode(whole)),
  );

  test('there are values or problems, and nothing is thrown', () => {
    fc.assert(
      fc.property(topic, payload, fc.boolean(), (address, original, retained) => {
        const { values, problems } = map.read(address, original, retained);
        expect(values.length + problems.length).toBeGreaterThan(0);
        for (const { timeUs, quality, tag } of values) {
          expect(timeUs === null || Number.isFinite(timeUs)).toBe(true);
          expect(quality >>> 0).toBe(quality);
          expect(tag.isWellFormed()).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('names of topics and members can be told from the tag again', () => {
    const name = fc.string({ unit: 'binary', minLength: 1 }).map((raw) => raw.toWellFormed());
    fc.assert(
      fc.property(
        name.filter((level) => !level.includes('/')),
        name,
        (level, member) => {
          const [value] = map.read(`1/${level}`, bytes(`{${JSON.stringify(member)}: 1}`), false).values;
          expect(value?.tag.split('/').map(unescapeSegment)).toEqual(['1', level, member]);
        },
      ),
    );
  });
});

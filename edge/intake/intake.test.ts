import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Message, RawValue } from '../../connectors/contract.ts';
import { Flag } from '../core/flags.ts';
import { MAX_BATCH_BYTES, readBatchHeader } from '../core/record-batch.ts';
import { LogReader } from '../core/reader.ts';
import { ValueKind } from '../core/sample.ts';
import { StatusCode } from '../core/status-code.ts';
import { countsOf, IntakeKit, message, raw } from './intake-kit.ts';

const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;
const pressure = 'northmill/loop/pressure';
const text = new TextEncoder();

/** A null that the source said. */
const none: Partial<RawValue> = { kind: ValueKind.null, value: null, quality: StatusCode.BadNoData };

/** A message that is no JSON. */
function bad(content: string): Message {
  return message([], { original: text.encode(content), problems: [{ reason: 'malformed', detail: '' }] });
}

/** Bytes of each batch of topic `samples`. */
function batchSizes(kit: IntakeKit): number[] {
  const reader = new LogReader({ logFolder: kit.folder.log, topic: 'samples', ends: kit.ends });
  const sizes: number[] = [];
  for (let result = reader.read(); result.kind === 'data'; result = reader.read()) {
    const view = new DataView(result.bytes.buffer, result.bytes.byteOffset, result.bytes.byteLength);
    for (let at = 0; at < result.bytes.length; at += sizes.at(-1) ?? 0) sizes.push(readBatchHeader(view, at).bytes);
  }
  reader.close();
  return sizes;
}

describe('what becomes of a value', () => {
  test('it stands in the log, bit for bit, under its absolute path, before it is acknowledged', async () => {
    await using kit = await IntakeKit.open();
    const { take, tally, ranges } = kit.intake();
    const values = [
      raw({ value: 54.25, quality: StatusCode.Uncertain, flags: Flag.backfilled, serverTimeUs: NOON_US + 1 }),
      raw({ tag: 'loop/running', kind: ValueKind.boolean, value: true }),
      raw({ tag: 'loop/serial', kind: ValueKind.string, value: 'Ö-17' }),
      raw({ tag: 'loop/pressure', timeUs: NOON_US + 1000, value: -0 }),
    ];
    expect(await take(message(values))).toMatchObject({ samples: 4, quarantine: 0 });
    const common = { quality: 0, flags: 0, serverTimeUs: null, timeUs: NOON_US };
    const double = { ...common, tag: pressure, kind: ValueKind.double };
    expect(kit.samples()).toEqual([
      { ...double, value: 54.25, quality: StatusCode.Uncertain, flags: Flag.backfilled, serverTimeUs: NOON_US + 1 },
      { ...common, tag: 'northmill/loop/running', kind: ValueKind.boolean, value: true },
      { ...common, tag: 'northmill/loop/serial', kind: ValueKind.string, value: 'Ö-17' },
      { ...double, timeUs: NOON_US + 1000, value: -0 },
    ]);
    expect(ranges).toEqual([{ topic: 'samples', first: 0, last: 3 }]);
    expect(countsOf(tally)).toEqual({
      [pressure]: { received: 2, logged: 2 },
      'northmill/loop/running': { received: 1, logged: 1 },
      'northmill/loop/serial': { received: 1, logged: 1 },
    });
  });

  test('the record carries the ingest time; headers c and p stand only where the device gave no time', async () => {
    await using kit = await IntakeKit.open();
    const { take } = kit.intake();
    const delivery = { packetId: 0x1234, resent: false };
    await take(message([raw(), raw({ tag: 'loop/count', timeUs: null })], { delivery }), message([raw({ tag: 'x' })]));
    const [timed, untimed, third] = kit.records('samples');
    expect(timed?.headers).toEqual({});
    expect(untimed?.headers).toEqual({ c: 'pump-7', p: '\u00124' });
    expect(third?.headers).toEqual({});
    expect(kit.samples()[1]?.timeUs).toBe(kit.clock.nowUs());
  });

  test('a type is learned from the first value that is not null, or taken as declared; another type is quarantined', async () => {
    await using kit = await IntakeKit.open();
    const { take, tally, reasons } = kit.intake();
    const at = (ms: number, members: Partial<RawValue>): RawValue => raw({ timeUs: NOON_US + ms * 1000, ...members });
    await take(message([at(0, none), at(1, { kind: ValueKind.long, value: 5 }), at(2, { value: 2.5 })]));
    const declared = { tag: 'loop/level', declared: 'double' } as const;
    await take(
      message([at(0, { ...declared, kind: ValueKind.string, value: 'high' })]),
      message([at(1, { ...declared, kind: ValueKind.long, value: 7 }), at(2, { ...declared, ...none })]),
    );
    expect(kit.samples().map(({ tag, kind, value }) => [tag, kind, value])).toEqual([
      [pressure, ValueKind.null, null],
      [pressure, ValueKind.long, 5],
      ['northmill/loop/level', ValueKind.double, 7],
      ['northmill/loop/level', ValueKind.null, null],
    ]);
    expect(reasons).toEqual(['wrong-type', 'wrong-type']);
    expect(kit.records('quarantine').map(({ key, headers }) => [key, headers['detail']])).toEqual([
      [pressure, `2.5 at ${NOON_US + 2000} µs for northmill/loop/pressure, type long.`],
      ['northmill/loop/level', `high at ${NOON_US} µs for northmill/loop/level, type double.`],
    ]);
    expect(countsOf(tally)).toEqual({
      [pressure]: { received: 3, logged: 2, quarantined: 1 },
      'northmill/loop/level': { received: 3, logged: 2, quarantined: 1 },
    });
  });

  test('NaN is logged as null with BadOutOfRange, and its original goes to quarantine as a copy outside the equation', async () => {
    await using kit = await IntakeKit.open();
    const { take, tally } = kit.intake();
    await take(
      message([raw({ value: NaN }), raw({ tag: 'loop/flow', value: 2 }), raw({ tag: 'x', value: -Infinity })]),
    );
    expect(kit.samples().map(({ value, quality }) => [value, quality])).toEqual([
      [null, StatusCode.BadOutOfRange],
      [2, 0],
      [null, StatusCode.BadOutOfRange],
    ]);
    const [first, second] = kit.records('quarantine');
    expect(first).toMatchObject({ key: pressure, headers: { reason: 'not-finite', copy: '1' } });
    expect(first?.value).toEqual(text.encode('{"pressure":1.5}'));
    expect(second).toMatchObject({ key: 'northmill/x', value: null, headers: { reason: 'not-finite', copy: '1' } });
    expect(countsOf(tally)[pressure]).toEqual({ received: 1, logged: 1 });
    expect(await take(message([raw({ value: NaN })])), 'sent again').toMatchObject({ samples: 3, quarantine: 2 });
    expect(countsOf(tally)[pressure]).toEqual({ received: 1, duplicate: 1 });
  });

  test('`time: ingest` takes the time of ingest for every value', async () => {
    await using kit = await IntakeKit.open();
    const { take } = kit.intake('floor', { ignoreDeviceTime: true });
    await take(message([raw({ timeUs: 0 })], { delivery: { packetId: 1, resent: false } }));
    expect(kit.samples()[0]).toMatchObject({ timeUs: kit.clock.nowUs(), flags: 0 });
    expect(kit.records('samples')[0]?.headers['c']).toBe('pump-7');
  });
});

describe('quarantine', () => {
  test('problems of a message: the first record carries the original, the others only its hash', async () => {
    await using kit = await IntakeKit.open();
    const { take, tally, reasons } = kit.intake();
    await take(message([raw()]));
    const original = text.encode('x'.repeat(70_000));
    const problems = [
      { reason: 'malformed', detail: 'No JSON.' },
      { reason: 'no-value', detail: 'No $.value.', tag: 'loop/pressure' },
      { reason: 'no-zone', detail: 'A time without zone.', tag: 'loop/never-seen' },
    ] as const;
    expect(await take(message([], { original, problems }))).toMatchObject({ samples: 1, quarantine: 3 });
    const records = kit.records('quarantine');
    expect(records.map(({ key, value }) => [key, value?.length ?? null])).toEqual([
      ['(unmapped)', 65_536],
      [pressure, null],
      ['(unmapped)', null],
    ]);
    const hash = createHash('sha256').update(original).digest();
    for (const { headers } of records)
      expect(headers).toMatchObject({
        connector: 'floor',
        source: 'pump-7',
        address: 'plant/pump-7',
        length: '70000',
        sha256: new TextDecoder().decode(hash),
      });
    expect(records[0]?.headers).not.toHaveProperty('copy');
    expect(records.map(({ headers }) => [headers['reason'], headers['detail']])).toEqual(
      problems.map(({ reason, detail }) => [reason, detail]),
    );
    expect(reasons).toEqual(['malformed', 'no-value', 'no-zone']);
    expect(countsOf(tally)).toEqual({
      '(unmapped)': { received: 2, quarantined: 2 },
      [pressure]: { received: 2, logged: 1, quarantined: 1 },
    });
  });

  test('each message has its own original', async () => {
    await using kit = await IntakeKit.open();
    await kit.intake().take(bad('{'), bad('['), bad(''));
    expect(kit.records('quarantine').map(({ value }) => value)).toEqual(['{', '[', ''].map((of) => text.encode(of)));
  });

  test('names without end are cut', async () => {
    await using kit = await IntakeKit.open();
    const endless = '€'.repeat(60_000);
    const problems = [{ reason: 'malformed', detail: endless }] as const;
    await kit.intake().take(message([], { source: endless, address: endless, problems }));
    expect(kit.records('quarantine')[0]?.headers).toMatchObject({
      detail: '€'.repeat(1000),
      source: '€'.repeat(4096),
      address: '€'.repeat(4096),
    });
  });

  test('a bad time goes there under its tag, or under (unmapped): it makes no tag and teaches no type', async () => {
    await using kit = await IntakeKit.open();
    const { take, tally, reasons } = kit.intake();
    await take(message([raw({ timeUs: NaN }), raw({ tag: 'loop/bad', timeUs: 1e300 })]));
    await take(message([raw({ kind: ValueKind.null, value: null })]));
    await take(message([raw({ timeUs: Infinity, kind: ValueKind.string, value: 'x' }), raw()]));
    expect(reasons).toEqual(['bad-time', 'bad-time', 'bad-time']);
    expect(kit.records('quarantine').map(({ key }) => key)).toEqual(['(unmapped)', '(unmapped)', pressure]);
    expect(kit.dictionary.all()).toMatchObject([{ path: pressure, type: 'double' }]);
    expect(countsOf(tally)[pressure]).toEqual({ received: 3, logged: 2, quarantined: 1 });
  });

  test('a path that can be no tag goes there under (unmapped)', async () => {
    await using kit = await IntakeKit.open({ limits: { perDevice: 2 } });
    const { take, tally, reasons } = kit.intake();
    const tags = ['loop/pressure', 'Loop/Pressure', 'loop//x', 'loop/#', 'x'.repeat(250), 'loop/b', 'loop/c'];
    const values = tags.map((tag) => raw({ tag }));
    await take(message(values));
    expect(reasons).toEqual(['case-conflict', 'bad-tag', 'bad-tag', 'tag-too-long', 'tag-quota']);
    expect(kit.records('quarantine').map(({ key }) => key)).toEqual(Array<string>(5).fill('(unmapped)'));
    expect(kit.samples().map(({ tag }) => tag)).toEqual([pressure, 'northmill/loop/b']);
    expect(countsOf(tally)).toEqual({
      [pressure]: { received: 1, logged: 1 },
      '(unmapped)': { received: 5, quarantined: 5 },
      'northmill/loop/b': { received: 1, logged: 1 },
    });
  });

  test('a message that the configuration leaves out counts as filtered', async () => {
    await using kit = await IntakeKit.open();
    const { take, tally } = kit.intake();
    await take(message([]));
    expect(kit.records('quarantine')).toEqual([]);
    expect(countsOf(tally)).toEqual({ '(unmapped)': { received: 1, filtered: 1 } });
  });
});

describe('the quota of a device', () => {
  test('keeps out only what is new: 10,000 topics of one device, and the good data around them is all there', async () => {
    await using kit = await IntakeKit.open({ limits: { perDevice: 50 } });
    const { take, tally } = kit.intake();
    for (let i = 0; i < 200; i++) {
      const flood = Array.from({ length: 50 }, (_, k) => raw({ tag: `flood/t${i * 50 + k}` }));
      const good = raw({ tag: 'hall/good', timeUs: NOON_US + i });
      await take(message(flood, { source: 'mad' }), message([good], { source: 'sane' }));
    }
    const counts = countsOf(tally);
    expect(counts['northmill/hall/good']).toEqual({ received: 200, logged: 200 });
    expect(counts['(unmapped)']).toEqual({ received: 9950, quarantined: 9950 });
    expect(kit.dictionary.size).toBe(51);
  });

  test('after a restart, the tags that a full device has already are taken, whatever new ones it sends before', async () => {
    await using kit = await IntakeKit.open({ limits: { perDevice: 3 } });
    const old = ['a', 'b', 'c'].map((name) => ({ path: `northmill/${name}`, kind: ValueKind.double }));
    kit.registrar.answer(old.map((question) => ({ ...question, connector: 'floor', source: 'pump-7' })));
    const { take, reasons } = kit.intake();
    await take(message([raw({ tag: 'new' }), raw({ tag: 'a' })]));
    await take(message([raw({ tag: 'b' }), raw({ tag: 'new' }), raw({ tag: 'c' })]));
    expect(kit.samples().map(({ tag }) => tag)).toEqual(['northmill/a', 'northmill/b', 'northmill/c']);
    expect(reasons).toEqual(['tag-quota', 'tag-quota']);
  });

  test('a path that was refused is asked for again after ten seconds', async () => {
    await using kit = await IntakeKit.open();
    const { take, reasons } = kit.intake();
    await take(message([raw({ tag: 'A' })]));
    let questions = 0;
    const answer = kit.registrar.answer.bind(kit.registrar);
    kit.registrar.answer = (asked) => {
      questions += asked.length;
      return answer(asked);
    };
    for (let i = 0; i < 10; i++) await take(message([raw({ tag: 'a' })]));
    expect(questions).toBe(1);
    kit.clock.ms += 10_000;
    await take(message([raw({ tag: 'a' })]));
    expect(questions).toBe(2);
    expect(reasons).toEqual(Array(11).fill('case-conflict'));
  });
});

describe('sizes', () => {
  test('10,000 values of one message are one acknowledgement', async () => {
    await using kit = await IntakeKit.open();
    const { take, tally } = kit.intake();
    const values = Array.from({ length: 10_000 }, (_, i) => raw({ tag: `line${i % 7}/p${i}`, value: i }));
    expect(await take(message(values))).toMatchObject({ samples: 10_000 });
    expect(kit.samples().map(({ value }) => value)).toEqual(values.map(({ value }) => value));
    expect(Object.keys(countsOf(tally))).toHaveLength(10_000);
  });

  test('a batch larger than a record batch is split; all of it is durable when it is acknowledged', async () => {
    await using kit = await IntakeKit.open();
    const { take, ranges } = kit.intake();
    const noise = Uint8Array.from({ length: 150_000 }, (_, i) => (i * 7919) >> 5);
    const values = Array.from({ length: 20 }, (_, i) =>
      raw({ tag: 'picture', kind: ValueKind.bytes, value: noise, timeUs: NOON_US + i }),
    );
    expect(await take(message(values))).toMatchObject({ samples: 20 });
    const sizes = batchSizes(kit);
    expect(sizes.length).toBeGreaterThan(3);
    for (const size of sizes) expect(size).toBeLessThanOrEqual(MAX_BATCH_BYTES);
    expect(ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0)).toBe(20);
    expect(kit.samples().map(({ timeUs }) => timeUs - NOON_US)).toEqual(values.map((_, i) => i));
  });

  test('records of the largest size fit, whatever stands before them', async () => {
    await using kit = await IntakeKit.open();
    const { take } = kit.intake();
    const sizes = [387_000, 511_900, 5, 300_000, 511_900, 86_000, 511_900, 511_900];
    const values = sizes.map((length, i) =>
      raw({ tag: 'text', kind: ValueKind.bytes, value: new Uint8Array(length), timeUs: NOON_US + i }),
    );
    expect(await take(message(values))).toMatchObject({ samples: 8, quarantine: 0 });
  });

  test('a sample that does not fit a record is quarantined (too-large), and acknowledged', async () => {
    await using kit = await IntakeKit.open();
    const { take, tally, reasons } = kit.intake();
    const large = raw({ kind: ValueKind.string, value: 'ö'.repeat(300_000) });
    expect(await take(message([large, raw({ tag: 'small' })]))).toMatchObject({ samples: 1, quarantine: 1 });
    expect(kit.records('quarantine')[0]).toMatchObject({ key: pressure, headers: { reason: 'too-large' } });
    expect(reasons).toEqual(['too-large']);
    expect(countsOf(tally)[pressure]).toEqual({ received: 1, quarantined: 1 });
  });
});

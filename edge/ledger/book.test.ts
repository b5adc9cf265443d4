import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { realDisk } from '../core/disk.ts';
import { Flag } from '../core/flags.ts';
import { INTAKE_TERMS, type IntakeTerm, type LedgerChange, newCounts, Tally, Term, UNMAPPED } from '../core/ledger.ts';
import { LogFolder, type OpenLog } from '../core/kit/log-kit.ts';
import { BatchEncoder, type RecordHeader } from '../core/record-batch.ts';
import { type Sample, ValueKind } from '../core/sample.ts';
import { LedgerBook } from './book.ts';
import { SampleKey } from '../core/sample-key.ts';

const TOPICS = ['samples', 'samples.critical', 'samples.bulk', 'derived', 'quarantine', 'events', 'tags'];
const a = 'northmill/a';
const b = 'northmill/b';
const text = new TextEncoder();

let folder: LogFolder;
let log: OpenLog;
beforeEach(() => {
  folder = new LogFolder();
  log = folder.open({ topics: TOPICS });
});
afterEach(() => {
  log.writer.close();
  folder[Symbol.dispose]();
});

const file = (): string => path.join(folder.data, 'ledger.json');

function opened(): LedgerBook {
  const book = new LedgerBook({
    disk: realDisk,
    file: file(),
    logFolder: folder.log,
    ends: log.ends,
    connectorOf: (tag) => (tag === a ? 'floor' : tag === b ? 'hall' : ''),
  });
  book.open();
  return book;
}

/** What changed for a tag, by term. */
function change(tag: string, terms: Partial<Record<IntakeTerm, number>>, connector = 'floor'): LedgerChange {
  const counts = newCounts();
  for (const term of INTAKE_TERMS) counts[Term[term]] = terms[term] ?? 0;
  return { tag, connector, counts };
}

/** Terms of a report's item that are not 0. */
function itemOf(book: LedgerBook, tag: string, stored: ReadonlyMap<string, number> = new Map()) {
  const item = book.report(stored).items.find((candidate) => candidate.tag === tag);
  return Object.fromEntries(Object.entries(item ?? {}).filter(([, value]) => value !== 0));
}

function append(topic: string, records: readonly [key: string, value: Uint8Array | null, RecordHeader[]?][]): number {
  const encoder = new BatchEncoder();
  for (const [key, value, headers] of records) encoder.addRecord(text.encode(key), value, headers);
  const batch = encoder.finish(1_600_000_000_000);
  const [answer] = log.writer.append([{ topic, batch, records: records.length }]);
  if (typeof answer !== 'number') throw new Error(JSON.stringify(answer));
  return answer;
}

function appendSamples(...tags: (readonly [tag: string, flags: number])[]): number {
  return appendTo('samples', ...tags);
}

function appendTo(topic: string, ...tags: (readonly [tag: string, flags: number])[]): number {
  const encoder = new BatchEncoder();
  const sample: Sample = { timeUs: 1, kind: ValueKind.double, value: 1, quality: 0, flags: 0, serverTimeUs: null };
  for (const [tag, flags] of tags) encoder.addSample(SampleKey.of(tag), { ...sample, flags });
  const batch = encoder.finish(1_600_000_000_000);
  const [answer] = log.writer.append([{ topic, batch, records: tags.length }]);
  if (typeof answer !== 'number') throw new Error(JSON.stringify(answer));
  return answer;
}

describe('the report', () => {
  test('adds up what workers report, by tag and connector, in order, with a total', () => {
    const book = opened();
    book.apply(
      [change(b, { received: 3, logged: 1, inFlight: 2 }, 'hall'), change(a, { received: 1, duplicate: 1 })],
      [{ topic: 'samples', first: 0, last: 0 }],
    );
    book.apply([change(b, { logged: 2, inFlight: -2 }, 'hall')], [{ topic: 'samples', first: 1, last: 2 }]);
    book.apply([change(b, { received: 1, quarantined: 1 })], [{ topic: 'quarantine', first: 0, last: 0 }]);
    const { items, total, balanced } = book.report(new Map());
    expect(items.map(({ tag, connector }) => [tag, connector])).toEqual([
      [a, 'floor'],
      [b, 'floor'],
      [b, 'hall'],
    ]);
    expect(total).toEqual({
      received: 5,
      logged: 3,
      generated: 0,
      quarantined: 1,
      duplicate: 1,
      filtered: 0,
      refused: 0,
      lost: 0,
      inFlight: 0,
      stored: 0,
      lag: 3,
    });
    expect(balanced).toBe(true);
    expect([...book.sums()].map(([connector, counts]) => [connector, counts[Term.received]])).toEqual([
      ['hall', 3],
      ['floor', 2],
    ]);
  });

  test('lag is what the historian has not taken over yet', () => {
    const book = opened();
    book.apply([change(a, { received: 5, logged: 5, generated: 1 })], [{ topic: 'samples', first: 0, last: 5 }]);
    expect(itemOf(book, a)).toMatchObject({ lag: 6 });
    expect(itemOf(book, a, new Map([[a, 4]]))).toMatchObject({ stored: 4, lag: 2 });
    expect(itemOf(book, a, new Map([[a, 6]])), 'nothing behind').not.toHaveProperty('lag');
    expect(itemOf(book, a, new Map([[a, 9]])), 'the historian is a moment ahead').toMatchObject({ stored: 6 });
  });

  test('what two connectors logged under one tag is stored under one: together no more than is stored', () => {
    const book = opened();
    const logged = { received: 3, logged: 3 };
    book.apply([change(a, logged), change(a, logged, 'hall')], [{ topic: 'samples', first: 0, last: 5 }]);
    const { total, items } = book.report(new Map([[a, 4]]));
    expect(items.map(({ stored, lag }) => [stored, lag])).toEqual([
      [3, 0],
      [1, 2],
    ]);
    expect(total).toMatchObject({ stored: 4, lag: 2 });
  });

  test('is not balanced when a row does not add up', () => {
    const book = opened();
    book.apply([change(a, { received: 2, quarantined: 1 })], []);
    expect(book.report(new Map()).balanced).toBe(false);
    book.apply([change(a, { lost: 1 })], []);
    expect(book.report(new Map()).balanced).toBe(true);
  });

  test('takes samples of every class: what was appended stands in whatever topic', () => {
    const book = opened();
    const ranges = ['samples', 'samples.critical', 'samples.bulk', 'derived'].map((topic, i) => {
      return { topic, first: 0, last: i };
    });
    book.apply([change(a, { received: 6, logged: 6 }), change(b, { generated: 4 })], ranges);
    expect(book.report(new Map()).balanced).toBe(true);
    book.apply([change(a, { received: 1, logged: 1 })], [{ topic: 'samples.bulk', first: 3, last: 4 }]);
    expect(book.report(new Map()).balanced).toBe(false);
  });

  test('is not balanced once counts and offsets of a report disagreed', () => {
    for (const [counts, last] of [
      [{ received: 2, logged: 2 }, 0],
      [{ received: 1, logged: 1 }, 1],
      [{ generated: 2 }, 0],
    ] as const) {
      const book = opened();
      book.apply([change(a, counts)], [{ topic: 'samples', first: 0, last }]);
      expect(book.report(new Map()).balanced).toBe(false);
    }
  });

  test('the equation holds for every row after any sequence of outcomes', () => {
    const outcome = fc.constantFrom<IntakeTerm>('logged', 'quarantined', 'duplicate', 'filtered', 'refused', 'lost');
    const step = fc.record({
      tag: fc.constantFrom(a, b, UNMAPPED),
      outcome,
      later: fc.boolean(),
      report: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const book = new LedgerBook({
          disk: realDisk,
          file: file(),
          logFolder: folder.log,
          ends: log.ends,
          connectorOf: () => '',
        });
        const tally = new Tally('floor');
        const waiting: { tag: string; outcome: IntakeTerm }[] = [];
        let logged = 0;
        let next = 0;
        const report = (): void => {
          const last = next + logged - 1;
          book.apply(tally.take(), logged === 0 ? [] : [{ topic: 'samples', first: next, last }]);
          next += logged;
          logged = 0;
          expect(book.report(new Map()).balanced).toBe(true);
        };
        for (const own of steps) {
          tally.add(own.tag, 'received');
          if (own.later) {
            tally.add(own.tag, 'inFlight');
            waiting.push(own);
          } else {
            tally.add(own.tag, own.outcome);
            if (own.outcome === 'logged') logged++;
          }
          if (!own.report) continue;
          for (const { tag, outcome: term } of waiting.splice(0)) {
            tally.settle(tag, term);
            if (term === 'logged') logged++;
          }
          report();
        }
        report();
        expect(book.report(new Map()).total).toMatchObject({ received: steps.length, inFlight: waiting.length });
      }),
    );
  });
});

describe('the snapshot', () => {
  test('holds everything but what is in flight: after a crash that is in the log, or was never acknowledged', () => {
    const book = opened();
    const terms = {
      received: 9,
      logged: 2,
      quarantined: 1,
      duplicate: 1,
      refused: 1,
      lost: 1,
      filtered: 1,
      inFlight: 2,
    };
    appendSamples([a, 0], [a, 0], [b, Flag.gap]);
    append('quarantine', [[a, null]]);
    append('events', [['connector/floor', text.encode('{"type":"refused","connector":"floor"}')]]);
    book.apply(
      [change(a, terms), change(b, { generated: 1 }, 'hall')],
      [
        { topic: 'samples', first: 0, last: 2 },
        { topic: 'quarantine', first: 0, last: 0 },
        { topic: 'events', first: 0, last: 0 },
      ],
    );
    book.save();
    const again = opened();
    const { inFlight: _, ...settled } = terms;
    expect(itemOf(again, a)).toEqual({ tag: a, connector: 'floor', ...settled, received: 7, lag: 2 });
    expect(itemOf(again, b)).toEqual({ tag: b, connector: 'hall', generated: 1, lag: 1 });
    expect(again.report(new Map()).balanced).toBe(true);
    expect(itemOf(book, a), 'the running book keeps them').toMatchObject({ received: 9, inFlight: 2 });
  });

  test('is written only when something changed', () => {
    const book = opened();
    book.save();
    expect(existsSync(file())).toBe(false);
    book.apply([change(a, { received: 1, duplicate: 1 })], []);
    book.save();
    writeFileSync(file(), 'as it was');
    book.save();
    expect(readFileSync(file(), 'utf8')).toBe('as it was');
  });

  test('that cannot be read stops the start: counts must not be guessed', () => {
    for (const content of [
      '',
      '{',
      '{"v":2}',
      '{"v":1,"covered":{},"rows":[{"tag":1}]}',
      '{"v":1,"covered":{"x":{}},"rows":[]}',
    ]) {
      writeFileSync(file(), content);
      expect(opened, `of ${content}`).toThrow(expect.objectContaining({ code: 'state-damaged' }));
    }
  });

  test('with fewer terms, of an older version, is read', () => {
    writeFileSync(
      file(),
      JSON.stringify({ v: 1, covered: {}, rows: [{ tag: a, connector: 'floor', counts: [3, 2] }] }),
    );
    expect(itemOf(opened(), a)).toMatchObject({ received: 3, logged: 2 });
  });
});

function event(value: string): [string, Uint8Array] {
  return ['connector/floor', text.encode(value)];
}

describe('what the snapshot does not cover', () => {
  test('is counted from the log: samples under the connector that the tag came from first, generated ones apart', () => {
    appendSamples([a, 0], [b, Flag.clockSuspect], [a, Flag.gap], [a, Flag.backfilled], ['northmill/c', 0]);
    const book = opened();
    expect(itemOf(book, a)).toEqual({ tag: a, connector: 'floor', received: 2, logged: 2, generated: 1, lag: 3 });
    expect(itemOf(book, b)).toMatchObject({ connector: 'hall', received: 1, logged: 1 });
    expect(itemOf(book, 'northmill/c')).toMatchObject({ connector: '', received: 1, logged: 1 });
    expect(book.report(new Map()).balanced).toBe(true);
  });

  test('so are samples of every class, each topic from where its own offsets are not covered', () => {
    appendTo('samples.critical', [a, 0], [b, Flag.gap]);
    appendTo('samples.bulk', [b, 0], [b, Flag.substituted]);
    const first = opened();
    expect(itemOf(first, a)).toMatchObject({ received: 1, logged: 1 });
    first.save();
    appendTo('samples', [b, 0]);
    appendTo('samples.critical', [a, 0], [a, 0]);
    const again = opened();
    expect(itemOf(again, a)).toEqual({ tag: a, connector: 'floor', received: 3, logged: 3, lag: 3 });
    expect(itemOf(again, b)).toEqual({ tag: b, connector: 'hall', received: 2, logged: 2, generated: 2, lag: 4 });
  });

  test('quarantine under the connector that it names, without copies', () => {
    const headers = (connector: string, copy = false): RecordHeader[] => [
      ['connector', text.encode(connector)],
      ...(copy ? [['copy', text.encode('1')] as const] : []),
    ];
    append('quarantine', [
      [a, text.encode('{'), headers('hall')],
      [a, null, headers('floor', true)],
      [UNMAPPED, null, headers('floor')],
    ]);
    const book = opened();
    expect(itemOf(book, a)).toEqual({ tag: a, connector: 'hall', received: 1, quarantined: 1 });
    expect(itemOf(book, UNMAPPED)).toEqual({ tag: UNMAPPED, connector: 'floor', received: 1, quarantined: 1 });
  });

  test('events of refused data, and no others', () => {
    append('events', [
      event('{"v":1,"type":"heartbeat","connector":"floor"}'),
      event('{"v":1,"type":"refused","connector":"floor","bytes":17000000}'),
      event('{"v":1,"type":"problem","connector":"floor","source":"unit 1","reason":"2 cycles were left out"}'),
      event('{"v":1,"type":"gap","topic":"samples"}'),
    ]);
    const book = opened();
    expect(itemOf(book, UNMAPPED)).toEqual({ tag: UNMAPPED, connector: 'floor', received: 1, refused: 1 });
    expect(book.report(new Map()).items).toHaveLength(1);
  });

  test('a record that stands for lost ones is not a sample', () => {
    const encoder = new BatchEncoder();
    encoder.addRecord(null, null, [['gap', text.encode('{"reason":"damage","first":0,"last":0}')]]);
    log.writer.append([{ topic: 'samples', batch: encoder.finish(1), records: 1 }]);
    expect(opened().report(new Map()).items).toEqual([]);
  });

  test('holes between reported ranges are counted, and each record once, however often the book is opened', () => {
    appendSamples([a, 0], [a, 0], [b, 0], [a, 0], [b, 0]);
    const first = opened();
    first.save();
    appendSamples([a, 0], [b, 0]);
    appendSamples([a, 0]);
    // The range in the middle was reported by one worker, those around it were not.
    first.apply([change(b, { received: 1, logged: 1 }, 'hall')], [{ topic: 'samples', first: 6, last: 6 }]);
    first.save();
    for (let time = 0; time < 3; time++) {
      const again = opened();
      expect(itemOf(again, a)).toMatchObject({ received: 5, logged: 5 });
      expect(itemOf(again, b)).toMatchObject({ received: 3, logged: 3 });
      again.save();
    }
  });

  test('a log that has lost records: their offsets, given again, are counted again', () => {
    appendSamples([a, 0], [a, 0], [a, 0]);
    const before = opened();
    before.save();
    log.writer.close();
    folder[Symbol.dispose]();
    log = folder.open({ topics: TOPICS });
    before.apply([change(a, { received: 1, duplicate: 1 })], []);
    before.save();
    opened().save();
    appendSamples([b, 0]);
    expect(itemOf(opened(), b)).toMatchObject({ received: 1, logged: 1 });
  });
});

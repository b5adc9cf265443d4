import { beforeEach, describe, expect, test } from 'vitest';
import type { Score } from '../../models/model.ts';
import { AlarmBook } from '../alarms/book.ts';
import { StatusCode } from '../core/status-code.ts';
import { AlarmWatch } from './alarm-watch.ts';
import type { LimitAlarm, WatchedModel } from './messages.ts';

const START_US = 1e15;
const S = 1e6;
const TAG = 'northmill/loop/pressure';

const alarm: LimitAlarm = {
  name: 'too-high',
  tag: TAG,
  high: 80,
  low: undefined,
  deadband: 2,
  onDelayMs: 0,
  priority: 'high',
  onReturn: 'latched',
};

const model: WatchedModel = {
  spec: { name: 'health', asset: 'northmill/loop', signals: [TAG], kind: 'autoencoder', window: 8, hop: 4, holdS: 10 },
  scoreTag: 'loop/health-score',
  priority: 'medium',
  onReturn: 'normal',
};

let book: AlarmBook;
let watch: AlarmWatch;
let lines: string[];

/** A watch over one alarm; `before` brings the book to where an earlier run left it. */
function start(members: Partial<LimitAlarm> = {}, before = (_book: AlarmBook): void => {}): void {
  book = new AlarmBook();
  lines = [];
  watch = new AlarmWatch(book, START_US, (line) =>
    lines.push(`${line.transition} ${line.state} ${(line.sinceUs - START_US) / S} ${line.evidence.message}`),
  );
  watch.add({ ...alarm, ...members });
  watch.addModel(model, 'northmill');
  before(book);
  watch.resume();
}

/** The alarm as an earlier run left it: it stands, and was acknowledged. */
function acknowledged(before: AlarmBook, sinceUs: number): void {
  const evidence = { message: 'm', value: 90, limit: 80, reasons: [] };
  before.restore('too-high', { state: 'ACKED', stands: true, sinceUs, shelvedUntilUs: null, evidence });
}

/** A sample so many seconds after the start. */
function sample(s: number, value: number | bigint | boolean | string | null, quality: number = StatusCode.Good): void {
  const us = START_US + s * S;
  watch.sample(TAG, us, Math.max(us, START_US), value, quality);
}

beforeEach(() => start());

test('a value beyond the limit raises, one back behind the deadband returns; the message is of the value beyond it', () => {
  sample(1, 79);
  sample(2, 81.23456);
  sample(3, 95);
  sample(4, 79);
  expect(book.standing()).toMatchObject([{ evidence: { message: 'pressure is 95, above 80', value: 95, limit: 80 } }]);
  sample(5, 77);
  expect(lines).toEqual(['raised UNACK 2 pressure is 81.23, above 80', 'returned RTNUN 5 pressure is 95, above 80']);
});

test('integers of 64 bits count; booleans, texts and nulls say nothing', () => {
  for (const value of [true, '99', null]) sample(1, value);
  expect(lines).toEqual([]);
  sample(2, 81n);
  expect(lines).toEqual(['raised UNACK 2 pressure is 81, above 80']);
  for (const value of [false, '0', null]) sample(3, value);
  expect(book.standing()).toHaveLength(1);
});

test('a value that is not Good neither raises nor ends', () => {
  sample(1, 99, StatusCode.BadNoCommunication);
  expect(lines).toEqual([]);
  sample(2, 99);
  sample(3, 0, StatusCode.BadNoCommunication);
  expect(lines).toHaveLength(1);
});

test('a source that reports only changes: the delay ends by the clock, but not before all samples have been seen', () => {
  start({ onDelayMs: 3000 });
  sample(1, 90);
  watch.tick(START_US + 2 * S, START_US + 60 * S);
  expect(lines).toEqual([]);
  watch.tick(START_US + 4 * S, START_US + 4 * S);
  expect(lines).toEqual(['raised UNACK 1 pressure is 90, above 80']);
});

test('what was shelved comes back when its time is over', () => {
  sample(1, 90);
  book.act('too-high', { action: 'shelve', by: 'anna', untilUs: START_US + 60 * S }, START_US + 2 * S);
  watch.tick(START_US + 59 * S, START_US + 59 * S);
  expect(lines).toHaveLength(1);
  watch.tick(START_US + 60 * S, START_US + 60 * S);
  expect(lines[1]).toBe('unshelved UNACK 60 pressure is 90, above 80');
});

describe('samples from before the start', () => {
  test('raise nothing', () => {
    sample(-1, 99);
    expect(lines).toEqual([]);
    sample(0, 99);
    expect(lines).toHaveLength(1);
  });

  test('that arrive later end what an earlier run left standing, unless they are older than it', () => {
    start({}, (before) => acknowledged(before, START_US - 60 * S));
    sample(-61, 20);
    sample(-59, 85);
    expect([lines, book.standing()]).toMatchObject([[], [{ state: 'ACKED' }]]);
    sample(-58, 20);
    expect(lines).toEqual(['returned NORM -58 pressure is 85, above 80']);
  });
});

test('what stood before stands on without a new line, with its deadband, until the first good value behind it', () => {
  start({}, (before) => acknowledged(before, 7));
  sample(1, 79);
  sample(2, 10, StatusCode.BadNoCommunication);
  expect([lines, book.standing()]).toMatchObject([[], [{ state: 'ACKED', sinceUs: 7 }]]);
  sample(3, 10);
  expect([lines.length, book.standing()]).toEqual([1, []]);
});

function raise(): void {
  const contributions = [{ signal: 0, expected: 10, seen: 20, share: 1 }];
  watch.scored('health', { timeUs: START_US + S, score: 3, stands: true, contributions }, START_US);
}

describe('a model that looks no more', () => {
  test('ends its alarm, and the message says why', () => {
    raise();
    watch.silenced('health', 'it is damaged', START_US + 5 * S);
    expect(book.standing()).toEqual([]);
    expect(lines[1]).toBe(
      'returned NORM 5 unusual behaviour: pressure is 20, expected 10; ended because the model looks no more: it is damaged',
    );
    watch.silenced('health', 'it is damaged', START_US + 6 * S);
    expect(lines).toHaveLength(2);
    raise();
    expect(lines[2]).toBe('raised UNACK 1 unusual behaviour: pressure is 20, expected 10');
  });

  test('a shelved one does not come back', () => {
    raise();
    book.act('health', { action: 'shelve', by: 'anna', untilUs: START_US + 60 * S }, START_US + 2 * S);
    watch.silenced('health', 'it is damaged', START_US + 5 * S);
    watch.tick(START_US + 61 * S, START_US + 61 * S);
    expect([book.standing(), lines.at(-1)?.split(' ').slice(0, 2)]).toEqual([[], ['unshelved', 'NORM']]);
  });
});

test('a score raises the alarm of its model with ranked reasons, and ends it', () => {
  const score = (s: number, stands: boolean): Score => ({
    timeUs: START_US + s * S,
    score: stands ? 3 : 0.2,
    stands,
    contributions: [{ signal: 0, expected: 10.123456, seen: 20, share: 1 }],
  });
  watch.scored('health', score(-1, true), START_US);
  watch.scored('unknown', score(1, true), START_US);
  expect(lines).toEqual([]);
  watch.scored('health', score(2, true), START_US);
  expect(book.standing()).toMatchObject([
    {
      id: 'health',
      kind: 'model',
      tag: 'northmill/loop/health-score',
      asset: 'northmill/loop',
      evidence: { value: 3, limit: 1, reasons: [{ signal: TAG, expected: 10.123456, seen: 20, share: 1 }] },
    },
  ]);
  watch.scored('health', score(3, false), START_US);
  expect(lines.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual(['raised UNACK 2', 'returned NORM 3']);
  expect(lines[0]).toContain('unusual behaviour: pressure is 20, expected 10.12');
});

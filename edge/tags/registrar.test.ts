import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../core/clock.ts';
import { type Disk, realDisk } from '../core/disk.ts';
import { Fault } from '../core/fault.ts';
import { LogFolder } from '../core/kit/log-kit.ts';
import { Log } from '../core/log.ts';
import type { Producer } from '../core/producer.ts';
import { LogReader } from '../core/reader.ts';
import { RecordCursor } from '../core/record-cursor.ts';
import { type TagType, ValueKind } from '../core/sample.ts';
import type { TagClass } from '../core/topics.ts';
import { systemError, TracedDisk } from '../core/kit/traced-disk.ts';
import { TagDictionary } from './dictionary.ts';
import { lastPublishedTag } from './published.ts';
import { type TagAnswer, type TagLimits, type TagQuestion, TagRegistrar, type TagReply } from './registrar.ts';

const NOW_MS = Date.UTC(2026, 2, 1, 12);
const clock: Clock = { nowMs: () => NOW_MS, nowUs: () => NOW_MS * 1000, monotonicMs: () => 0 };
const quickDisk: Disk = { ...realDisk, sync: () => undefined, syncFolder: () => undefined };

let folder: LogFolder;
beforeEach(() => {
  folder = new LogFolder();
});
afterEach(() => folder[Symbol.dispose]());

interface Announced {
  readonly id: number;
  readonly path: string;
  readonly type: string | null;
  readonly unit: string | null;
}

/** Records of batches for topic `tags`, as JSON. */
function decode(bytes: Uint8Array): (Announced & Record<string, unknown>)[] {
  const cursor = new RecordCursor();
  const records: (Announced & Record<string, unknown>)[] = [];
  for (let at = 0; at < bytes.length;) {
    at = cursor.open(bytes, at);
    while (cursor.next()) {
      const value = JSON.parse(new TextDecoder().decode(cursor.value() ?? undefined)) as Announced;
      expect(cursor.keyText()).toBe(value.path);
      records.push({ ...value });
    }
  }
  return records;
}

/** A registrar that gathers what it announces. */
function registrarOn(disk: Disk = quickDisk, limits?: TagLimits) {
  const dictionary = new TagDictionary(disk, path.join(folder.data, 'tags'));
  dictionary.open();
  const announced: (Announced & Record<string, unknown>)[] = [];
  const publish = (batch: Uint8Array<ArrayBuffer>, records: number): void => {
    const decoded = decode(batch);
    expect(decoded).toHaveLength(records);
    announced.push(...decoded);
  };
  const registrar = new TagRegistrar(dictionary, clock, publish, limits);
  const start = (): void => registrar.start(undefined);
  return { dictionary, registrar, announced, start };
}

function ask(name: string, kind: TagQuestion['kind'] = ValueKind.double, source = 'pump-7'): TagQuestion {
  return { path: `northmill/${name}`, kind, connector: 'floor', source };
}

const ids = (answers: readonly TagAnswer[]): (number | string)[] =>
  answers.map((answer) => ('problem' in answer ? answer.problem : answer.id));

describe('answers', () => {
  test('stand in the order of the questions: new tags get the next ids, known ones keep theirs', () => {
    const { registrar, dictionary } = registrarOn();
    expect(registrar.answer([ask('a'), ask('b')])).toEqual([
      { id: 1, type: 'double', class: 'standard' },
      { id: 2, type: 'double', class: 'standard' },
    ]);
    expect(ids(registrar.answer([ask('c'), ask('a'), ask('d'), ask('b')]))).toEqual([3, 1, 4, 2]);
    expect(dictionary.byId(3)).toEqual({
      id: 3,
      path: 'northmill/c',
      unit: null,
      class: 'standard',
      type: 'double',
      connector: 'floor',
      source: 'pump-7',
      createdUs: NOW_MS * 1000,
    });
  });

  test('are on the disk: the dictionary is synced before the answer is given', () => {
    const disk = new TracedDisk();
    const { registrar } = registrarOn(disk);
    disk.calls.length = 0;
    registrar.answer([ask('a'), ask('b'), ask('c')]);
    expect(disk.calls.map(({ op }) => op)).toEqual(['write', 'sync']);
    disk.calls.length = 0;
    registrar.answer([ask('a'), ask('c')]);
    expect(disk.calls).toEqual([]);
  });

  test('a path twice in one request is one tag', () => {
    const { registrar, dictionary, announced } = registrarOn();
    expect(ids(registrar.answer([ask('a'), ask('b'), ask('a')]))).toEqual([1, 2, 1]);
    expect(dictionary.size).toBe(2);
    expect(announced.map(({ path: of }) => of)).toEqual(['northmill/a', 'northmill/b']);
  });

  test('a path that differs from a tag only in case is a conflict, also within one request', () => {
    const { registrar, dictionary } = registrarOn();
    const first = registrar.answer([ask('Loop/Flow'), ask('loop/flow'), ask('Loop/Flow')]);
    expect(ids(first)).toEqual([1, 'case-conflict', 1]);
    expect(first[1]).toEqual({
      problem: 'case-conflict',
      detail: 'northmill/loop/flow differs only in case from northmill/Loop/Flow.',
    });
    expect(ids(registrar.answer([ask('LOOP/FLOW'), ask('Loop/Flow')]))).toEqual(['case-conflict', 1]);
    expect(dictionary.size).toBe(1);
  });

  test('100,000 questions at once are answered, and announced in batches that a log takes', () => {
    const { registrar, dictionary } = registrarOn(quickDisk, { perGateway: 250_000, perDevice: 250_000 });
    const questions = Array.from({ length: 100_000 }, (_, i) => ask(`line${i % 100}/point${i}`));
    expect(ids(registrar.answer(questions))).toEqual(questions.map((_, i) => i + 1));
    expect(dictionary.size).toBe(100_000);
    dictionary.close();
    expect(registrarOn().dictionary.size).toBe(100_000);
  });
});

describe('the type of a tag', () => {
  test('is learned once, from the first value that is not null', () => {
    const { registrar } = registrarOn();
    const typeOf = (kind: TagQuestion['kind']): unknown => registrar.answer([ask('a', kind)])[0];
    expect(typeOf(ValueKind.null)).toMatchObject({ id: 1, type: null });
    expect(typeOf(ValueKind.null)).toMatchObject({ id: 1, type: null });
    expect(typeOf(ValueKind.long)).toMatchObject({ id: 1, type: 'long' });
    expect(typeOf(ValueKind.string)).toMatchObject({ id: 1, type: 'long' });
    expect(typeOf(ValueKind.null)).toMatchObject({ id: 1, type: 'long' });
  });

  test('is learned from null first and a value later in one request, and the first value wins', () => {
    const { registrar } = registrarOn();
    const kinds = [ValueKind.null, ValueKind.boolean, ValueKind.string];
    expect(registrar.answer(kinds.map((kind) => ask('a', kind)))).toMatchObject(
      kinds.map(() => ({ id: 1, type: 'boolean' })),
    );
    registrar.answer([ask('b', ValueKind.null)]);
    expect(registrar.answer(kinds.map((kind) => ask('b', kind)))).toMatchObject(
      kinds.map(() => ({ id: 2, type: 'boolean' })),
    );
  });

  test('stays as it was learned over a restart', () => {
    const first = registrarOn();
    first.registrar.answer([ask('a', ValueKind.null), ask('b', ValueKind.null), ask('c', ValueKind.float)]);
    first.registrar.answer([ask('b', ValueKind.uint64)]);
    first.dictionary.close();
    const second = registrarOn();
    second.start();
    expect(second.registrar.answer([ask('a', ValueKind.null), ask('b'), ask('c')])).toMatchObject([
      { id: 1, type: null },
      { id: 2, type: 'uint64' },
      { id: 3, type: 'float' },
    ]);
  });
});

describe('limits', () => {
  const limits: TagLimits = { perGateway: 10, perDevice: 3 };

  test('a device has its number of tags; another device of the same connector has its own', () => {
    const { registrar } = registrarOn(quickDisk, limits);
    expect(ids(registrar.answer(['a', 'b', 'c', 'd'].map((name) => ask(name))))).toEqual([1, 2, 3, 'tag-quota']);
    expect(registrar.answer([ask('d')])).toEqual([
      { problem: 'tag-quota', detail: 'pump-7 has 3 tags; northmill/d would be one more.' },
    ]);
    expect(ids(registrar.answer([ask('a'), ask('d', ValueKind.double, 'pump-8')]))).toEqual([1, 4]);
    const otherConnector = { ...ask('e'), connector: 'hall' };
    expect(ids(registrar.answer([otherConnector]))).toEqual([5]);
  });

  test('tags that the device has already are found, however full it is', () => {
    const { registrar } = registrarOn(quickDisk, limits);
    registrar.answer([ask('a'), ask('b'), ask('c')]);
    expect(ids(registrar.answer([ask('x'), ask('a'), ask('y'), ask('c')]))).toEqual(['tag-quota', 1, 'tag-quota', 3]);
  });

  test('the gateway has its number of tags, whatever device asks', () => {
    const { registrar, dictionary } = registrarOn(quickDisk, limits);
    const questions = Array.from({ length: 12 }, (_, i) => ask(`t${i}`, ValueKind.double, `pump-${i}`));
    const answers = registrar.answer(questions);
    expect(ids(answers).slice(9)).toEqual([10, 'tag-quota', 'tag-quota']);
    expect(answers[10]).toEqual({
      problem: 'tag-quota',
      detail: 'The gateway has 10 tags; northmill/t10 would be one more.',
    });
    expect(dictionary.size).toBe(10);
  });

  test('hold over a restart', () => {
    const first = registrarOn(quickDisk, limits);
    first.registrar.answer([ask('a'), ask('b'), ask('c')]);
    first.dictionary.close();
    const second = registrarOn(quickDisk, limits);
    second.start();
    expect(ids(second.registrar.answer([ask('d'), ask('b')]))).toEqual(['tag-quota', 2]);
  });

  test('a device with an endless name is known by the first 256 characters', () => {
    const { registrar, dictionary } = registrarOn(quickDisk, limits);
    const name = 'x'.repeat(60_000);
    registrar.answer(['a', 'b', 'c'].map((tag) => ask(tag, ValueKind.double, `${name}${tag}`)));
    expect(dictionary.byId(1)?.source).toHaveLength(256);
    expect(ids(registrar.answer([ask('d', ValueKind.double, name)]))).toEqual(['tag-quota']);
  });
});

describe('the class of a tag', () => {
  test('is what the first question says, for ever; later ones are told which it is', () => {
    const { registrar, dictionary, announced } = registrarOn();
    const asked = (name: string, ofClass?: TagClass): TagClass | undefined => {
      const [answer] = registrar.answer([{ ...ask(name), class: ofClass }]);
      return answer === undefined || 'problem' in answer ? undefined : answer.class;
    };
    expect([asked('a', 'critical'), asked('b', 'bulk'), asked('c', 'standard'), asked('d')]).toEqual([
      'critical',
      'bulk',
      'standard',
      'standard',
    ]);
    for (const ofClass of [undefined, 'bulk', 'standard', 'critical'] as const)
      expect([asked('a', ofClass), asked('d', ofClass)]).toEqual(['critical', 'standard']);
    expect(announced.map(({ id, class: told }) => [id, told])).toEqual([
      [1, 'critical'],
      [2, 'bulk'],
      [3, 'standard'],
      [4, 'standard'],
    ]);
    dictionary.close();
    const again = registrarOn();
    expect(again.dictionary.all().map(({ class: kept }) => kept)).toEqual(['critical', 'bulk', 'standard', 'standard']);
    expect(again.registrar.answer([{ ...ask('a'), class: 'bulk' }])).toMatchObject([{ id: 1, class: 'critical' }]);
    again.start();
    expect(again.announced.map(({ id, class: told }) => [id, told])).toContainEqual([1, 'critical']);
  });
});

describe('a disk that fails', () => {
  test('a request that could not be written is not answered, counts against no quota, and may be put again', () => {
    const disk = new TracedDisk();
    const { registrar, dictionary, announced } = registrarOn(disk, { perGateway: 10, perDevice: 3 });
    disk.before = ({ op }) => {
      if (op === 'write') throw systemError('ENOSPC');
    };
    for (let i = 0; i < 5; i++) expect(() => registrar.answer([ask('a'), ask('b'), ask('c')])).toThrow(Fault);
    disk.before = undefined;
    expect(announced).toEqual([]);
    expect(dictionary.size).toBe(0);
    expect(ids(registrar.answer([ask('a'), ask('b'), ask('c')]))).toEqual([1, 2, 3]);
  });

  test('the worker that asked is told the fault, and the thread of the dictionary goes on', async () => {
    const disk = new TracedDisk();
    const { registrar } = registrarOn(disk);
    const { port1, port2 } = new MessageChannel();
    registrar.serve(port1);
    const reply = (id: number, questions: readonly TagQuestion[]): Promise<TagReply> =>
      new Promise((resolve) => {
        port2.once('message', resolve);
        port2.postMessage({ id, questions });
      });
    disk.before = ({ op }) => {
      if (op === 'write') throw systemError('ENOSPC');
    };
    expect(await reply(1, [ask('a')])).toMatchObject({ id: 1, fault: { code: 'file-unwritable' } });
    disk.before = undefined;
    expect(await reply(2, [ask('a')])).toMatchObject({ id: 2, answers: [{ id: 1, type: 'double' }] });
    port1.close();
  });
});

describe('topic `tags`', () => {
  test('tells each change: a new tag, and a type that was learned', () => {
    const { registrar, announced } = registrarOn();
    registrar.answer([ask('a', ValueKind.null), ask('b')]);
    registrar.answer([ask('b'), ask('a', ValueKind.long), ask('c', ValueKind.string)]);
    expect(announced.map(({ id, type }) => [id, type])).toEqual([
      [1, null],
      [2, 'double'],
      [3, 'string'],
      [1, 'long'],
    ]);
    expect(announced[1]).toEqual({
      v: 1,
      at: NOW_MS * 1000,
      id: 2,
      path: 'northmill/b',
      former: [],
      type: 'double',
      unit: null,
      class: 'standard',
      range: null,
      description: null,
      connector: 'floor',
      validFrom: NOW_MS * 1000,
    });
  });

  test('start announces what a crash kept out of it: every change behind the last one that stands there', () => {
    const first = registrarOn();
    const types: TagType[] = ['double', 'long', 'string'];
    const model: Announced[] = [];
    for (let i = 0; i < 30; i++) {
      const kind = i % 3 === 0 ? ValueKind.null : ValueKind[types[i % types.length] ?? 'double'];
      first.registrar.answer([ask(`t${i % 12}`, kind), ask(`u${i % 7}`, kind)]);
    }
    for (const { id, path: of, type, unit } of first.announced) model.push({ id, path: of, type, unit });
    expect(model.length).toBeGreaterThan(20);
    first.dictionary.close();
    for (let published = 0; published <= model.length; published++) {
      const second = registrarOn();
      const last = model[published - 1];
      second.registrar.start(last);
      const missing = new Set(model.slice(published).map(({ id }) => id));
      expect(new Set(second.announced.map(({ id }) => id)), `after ${published}`).toEqual(missing);
      for (const { id, type } of second.announced) expect(type).toBe(second.dictionary.byId(id)?.type);
      // What was announced now is the end of the topic: the next start has nothing to add.
      const third = registrarOn();
      third.registrar.start(second.announced.at(-1) ?? last);
      expect(third.announced).toEqual([]);
      third.dictionary.close();
      second.dictionary.close();
    }
  });

  test('a unit is told with a new tag, and put on record when it changes', () => {
    const { dictionary, registrar, announced } = registrarOn();
    registrar.answer([{ ...ask('a'), unit: 'bar' }, ask('b')]);
    registrar.answer([{ ...ask('a'), unit: 'bar' }]);
    registrar.answer([
      { ...ask('a', ValueKind.null), unit: 'Cel' },
      { ...ask('b'), unit: 'kW' },
    ]);
    expect(announced.map(({ id, unit }) => [id, unit])).toEqual([
      [1, 'bar'],
      [2, null],
      [1, 'Cel'],
      [2, 'kW'],
    ]);
    dictionary.close();
    const again = registrarOn();
    expect(again.dictionary.all().map(({ unit }) => unit)).toEqual(['Cel', 'kW']);
    const { id, type, unit } = announced[2] ?? { id: 0, type: null, unit: null };
    again.registrar.start({ id, type, unit });
    expect(again.announced.map((one) => [one.id, one.unit])).toEqual([[2, 'kW']]);
    again.dictionary.close();
  });

  test('a tag that the topic knows and the dictionary does not is damage: its id must not be given again', () => {
    const { registrar } = registrarOn();
    registrar.answer([ask('a')]);
    expect(() => registrar.start({ id: 2, type: null, unit: null })).toThrow(
      expect.objectContaining({ code: 'tag-dictionary-damaged' }),
    );
  });

  test('its last record is found in the real log', async () => {
    const log = new Log({ dataFolder: folder.data, budgetBytes: 1e12, nowMs: NOW_MS });
    await log.open((fault) => {
      throw fault;
    });
    expect(lastPublishedTag(log.folder, log.ends)).toBeUndefined();
    const dictionary = new TagDictionary(realDisk, path.join(folder.data, 'tags'));
    dictionary.open();
    const producer: Producer = log.producer();
    const appended: Promise<number>[] = [];
    const publish = (batch: Uint8Array<ArrayBuffer>, records: number): void => {
      appended.push(producer.append('tags', batch, records));
    };
    const registrar = new TagRegistrar(dictionary, clock, publish);
    registrar.answer(Array.from({ length: 3000 }, (_, i) => ask(`t${i}`, i === 0 ? ValueKind.null : ValueKind.double)));
    registrar.answer([ask('t0', ValueKind.long)]);
    await Promise.all(appended);
    expect(lastPublishedTag(log.folder, log.ends)).toEqual({ id: 1, type: 'long', unit: null });
    const reader = new LogReader({ logFolder: log.folder, topic: 'tags', ends: log.ends });
    const read: Announced[] = [];
    for (let result = reader.read(); result.kind === 'data'; result = reader.read()) read.push(...decode(result.bytes));
    reader.close();
    expect(read.map(({ id }) => id)).toEqual([...Array.from({ length: 3000 }, (_, i) => i + 1), 1]);
    producer.close();
    dictionary.close();
    await log.close();
  });
});

import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ValueKind } from '../core/sample.ts';
import type { TagAnswer, TagQuestion, TagRequest } from '../tags/registrar.ts';
import { TagTable } from './tag-table.ts';

let line: MessageChannel;
let table: TagTable;
let requests: TagRequest[];

beforeEach(() => {
  line = new MessageChannel();
  requests = [];
  table = new TagTable('northmill', line.port2).start();
});
afterEach(() => line.port1.close());

/** Answers each question by what the test says. */
function answerWith(answer: (question: TagQuestion) => TagAnswer): void {
  line.port1.on('message', (request: TagRequest) => {
    requests.push(request);
    line.port1.postMessage({ id: request.id, answers: request.questions.map(answer) });
  });
}

function wanted(...names: string[]): Map<string, Omit<TagQuestion, 'path'>> {
  return new Map(names.map((name) => [name, { kind: ValueKind.double, connector: 'floor', source: 'pump-7' }]));
}

test('many tags are one request; afterwards they are known, with path and key', async () => {
  let id = 0;
  answerWith(() => ({ id: ++id, type: 'double', class: 'bulk' }));
  const names = Array.from({ length: 1000 }, (_, i) => `loop/t${i}`);
  expect(await table.learn(wanted(...names), 0)).toEqual(new Map());
  expect(requests).toHaveLength(1);
  const known = table.known('loop/t999');
  expect(new TextDecoder().decode(known?.key.bytes)).toBe('northmill/loop/t999');
  expect(known).toMatchObject({
    id: 1000,
    path: 'northmill/loop/t999',
    type: 'double',
    class: 'bulk',
    topic: 'samples.bulk',
    connector: '',
    source: '',
    lastUs: -Infinity,
    gapUs: -Infinity,
  });
  expect(table.known('loop/t1000')).toBeUndefined();
});

test('a path that cannot be a tag is refused without asking', async () => {
  answerWith(() => ({ id: 1, type: null, class: 'standard' }));
  const refused = await table.learn(wanted('a//b', 'x'.repeat(300)), 0);
  expect([...refused.values()].map(({ problem }) => problem)).toEqual(['bad-tag', 'tag-too-long']);
  expect(requests).toEqual([]);
});

test('answers find their questions, in whatever order they come', async () => {
  const first = table.learn(wanted('a'), 0);
  const second = table.learn(wanted('b'), 0);
  line.port1.postMessage({ id: 2, answers: [{ id: 22, type: null }] });
  line.port1.postMessage({ id: 1, answers: [{ id: 11, type: null }] });
  await Promise.all([first, second]);
  expect([table.known('a')?.id, table.known('b')?.id]).toEqual([11, 22]);
});

test('a type that is learned later reaches the tag that is known already', async () => {
  let type: 'double' | null = null;
  answerWith(() => ({ id: 1, type, class: 'standard' }));
  await table.learn(wanted('a'), 0);
  const tag = table.known('a');
  expect(tag?.type).toBeNull();
  type = 'double';
  await table.learn(wanted('a'), 0);
  expect(tag?.type).toBe('double');
  expect(table.known('a')).toBe(tag);
});

test('a refusal is kept for ten seconds, for its own path alone, and at most 10,000 of them', async () => {
  answerWith(() => ({ problem: 'tag-quota', detail: 'full' }));
  const refusal = new Map([['a', { problem: 'tag-quota', detail: 'full' }]]);
  expect(await table.learn(wanted('a'), 0)).toEqual(refusal);
  expect(await table.learn(wanted('a'), 9999)).toEqual(refusal);
  expect(requests).toHaveLength(1);
  await table.learn(wanted('a', 'b'), 9999);
  expect(requests.at(-1)?.questions.map(({ path }) => path)).toEqual(['northmill/b']);
  await table.learn(wanted('a'), 10_000);
  expect(requests).toHaveLength(3);
  await table.learn(wanted(...Array.from({ length: 10_000 }, (_, i) => `t${i}`)), 10_000);
  await table.learn(wanted('a'), 10_000);
  expect(requests, 'beyond the bound all are asked for again').toHaveLength(5);
});

describe('whose a tag is', () => {
  test('it is of the source that sent it last, at one connector; detached, it is nobody’s', async () => {
    let id = 0;
    answerWith(() => ({ id: ++id, type: null, class: 'standard' }));
    await table.learn(wanted('a', 'b', 'c'), 0);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => table.known(name));
    if (a === undefined || b === undefined || c === undefined) throw new Error('unknown');
    table.attribute(a, 'floor', 'pump-7');
    table.attribute(b, 'floor', 'pump-7');
    table.attribute(c, 'hall', 'pump-7');
    table.attribute(b, 'floor', 'pump-8');
    expect(table.sources('floor')).toEqual(['pump-7', 'pump-8']);
    expect(table.sources('hall')).toEqual(['pump-7']);
    expect([...table.detach('floor', 'pump-7')]).toEqual([a]);
    expect([...table.detach('floor', 'pump-7')]).toEqual([]);
    expect(table.sources('floor')).toEqual(['pump-8']);
    table.attribute(a, 'floor', 'pump-7');
    expect([...table.detach('floor', 'pump-7')]).toEqual([a]);
    table.attribute(c, 'floor', 'pump-8');
    expect(table.sources('hall')).toEqual([]);
    expect([...table.detach('floor', 'pump-8')]).toEqual([b, c]);
    expect(table.sources('nowhere')).toEqual([]);
  });
});

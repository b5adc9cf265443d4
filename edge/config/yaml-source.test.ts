import { expect, test } from 'vitest';
import { readYaml } from './yaml-source.ts';

function problemsOf(text: string): string[] {
  return readYaml(text).problems.map(({ at, path, wrong }) => `${at.line}:${at.column} ${path.join('.')} ${wrong}`);
}

test('words that other versions of YAML take for booleans and numbers stay text', () => {
  const { value, problems } = readYaml('a: no\nb: on\nc: 12:30\nd: 0777\ne: ~\nf: 1_000\n');
  expect(problems).toEqual([]);
  expect(value).toEqual({ a: 'no', b: 'on', c: '12:30', d: 777, e: null, f: '1_000' });
});

test('places of values, keys and missing parts are found', () => {
  const source = readYaml('a:\n  - x: 1\n    yy: [5, 6]\nb: { c: 7 }\n');
  expect(source.positionOf(['a', 0, 'yy', 1])).toEqual({ line: 3, column: 13 });
  expect(source.positionOfKey(['a', 0], 'yy')).toEqual({ line: 3, column: 5 });
  expect(source.positionOf(['b', 'missing'])).toEqual({ line: 4, column: 4 });
  expect(source.positionOf(['b', 'c'])).toEqual({ line: 4, column: 9 });
});

test.each([
  ['a key twice', 'a: 1\na: 2\n', ['2:1  "a" stands twice']],
  ['tabs', 'a:\n\tb: 1\n', ['2:1  is indented with a tab']],
  ['a key that is no text', '? [a]\n: 3\n', ['1:3  is a key that is no text']],
  ['two documents', 'a: 1\n---\nb: 2\n', ['2:1  is a second document']],
  ['a tag', 'a: !!binary aGk=\n', ['1:4  "!!binary" has a tag (`!…`)']],
  ['another version', '%YAML 1.1\n---\na: no\n', ['1:1  declares YAML 1.1']],
  ['an alias of nothing', 'a: *b\n', ['1:4 a is the alias "*b" of no anchor']],
])('%s is refused with its place', (_name, text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});

test('broken syntax is refused with its place, and what was read so far is not judged', () => {
  const source = readYaml('a: [1, 2\nb: 3\n');
  expect(source.whole).toBe(false);
  expect(source.problems[0]?.at.line).toBe(2);
});

test('aliases are followed', () => {
  const { value, problems } = readYaml('a: &x { y: 1 }\nb: *x\n');
  expect(problems).toEqual([]);
  expect(value).toEqual({ a: { y: 1 }, b: { y: 1 } });
});

test('an alias bomb is refused', () => {
  const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`);
  const source = readYaml(`l0: &l0 [x, x, x]\n${levels.join('\n')}\n`);
  expect(source.whole).toBe(false);
  expect(source.problems).toHaveLength(1);
  expect(source.problems[0]?.wrong).toBe('uses more than 100 aliases');
});

test('an anchor that holds itself is refused', () => {
  expect(problemsOf('a: &x [*x]\n')).toEqual([`1:8 a${'.0'.repeat(32)} is nested deeper than 32 levels`]);
});

test.each([3, 50, 5000, 200_000])('%d open brackets neither throw nor take long', (depth) => {
  expect(problemsOf('['.repeat(depth)).length).toBeGreaterThan(0);
});

test('a document of very many values is refused', () => {
  expect(problemsOf(`a: [${'1,'.repeat(100_001)}]`)).toEqual(['1:200001 a.99998 has more than 100000 values']);
});

test('__proto__ is a key like any other', () => {
  const { value } = readYaml('__proto__: { polluted: true }\n');
  expect(Object.keys(value as object)).toEqual(['__proto__']);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

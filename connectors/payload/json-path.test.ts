import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePath, valueAt, valuesAt } from './json-path.ts';
import { parseJson } from './json.ts';

const root = { a: { b: [10, { 'c d': 'x' }], "it's": 1, '*': 2 }, 'a.b': 3, list: [{ v: 1 }, { w: 2 }, { v: 3 }] };

function read(text: string): unknown {
  const path = compilePath(text);
  if (typeof path === 'string') return path;
  return path.many ? valuesAt(root, path.steps) : valueAt(root, path.steps);
}

describe('JSON paths', () => {
  test.each([
    ['$', root],
    ['$.a.b[0]', 10],
    ["$.a.b[1]['c d']", 'x'],
    ['$["a.b"]', 3],
    [String.raw`$.a['it\'s']`, 1],
    ["$.a['*']", 2],
    ['$.a.none', undefined],
    ['$.a.b[7]', undefined],
    ['$.a.b.length', undefined],
    ['$.constructor', undefined],
    ['$.__proto__', undefined],
    ['$.a[0]', undefined],
    [
      '$.list.*.v',
      [
        ['0', 1],
        ['2', 3],
      ],
    ],
    ['$.list[*].w', [['1', 2]]],
    ['$.none.*', []],
  ])('%s', (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  test.each(['', 'a', '.a', '$a', '$.', '$..a', '$.a[', '$.a[-1]', '$.a[1:2]', '$[?(@.a)]', '$.a b', '$.*.*', "$['a]"])(
    '%j is refused with a reason',
    (text) => {
      expect(compilePath(text)).toBeTypeOf('string');
    },
  );

  test('says from where on it is not understood', () => {
    expect(compilePath('$.a..b')).toBe('not understood from character 4 on: ..b');
  });

  test('any name can be reached in quotes, `__proto__` too', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor')), (name) => {
        const quoted = name.replaceAll(/['\\]/g, String.raw`\$&`);
        const path = compilePath(`$['${quoted}']`);
        const parsed = parseJson(`{${JSON.stringify(name)}:7}`);
        expect(typeof path === 'object' && parsed.error === undefined && valueAt(parsed.value, path.steps)).toBe(7);
      }),
    );
  });

  test('never throws', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('$', '.', '[', ']', '*', "'", '"', '\\', 'a', '0', '-') }),
        (text) => {
          expect(['string', 'object']).toContain(typeof compilePath(text));
        },
      ),
    );
  });
});

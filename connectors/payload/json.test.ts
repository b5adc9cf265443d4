import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeUtf8, parseJson } from './json.ts';

const value = (text: string): unknown => {
  const parsed = parseJson(text);
  return parsed.error === undefined ? parsed.value : parsed;
};

describe('JSON', () => {
  test('integers that a double cannot hold come exactly, all others as numbers', () => {
    expect(value('[9007199254740993, 9007199254740991, -9223372036854775808, 18446744073709551615]')).toEqual([
      9007199254740993n,
      9007199254740991,
      -9223372036854775808n,
      18446744073709551615n,
    ]);
    expect(value('[1234567890123456.5, 1e20]')).toEqual([1234567890123456.5, 1e20]);
  });

  test('an integer of absurd length is a double, not minutes of work', () => {
    expect(value('9'.repeat(400_000))).toBe(Infinity);
  });

  test('bare NaN and infinities are numbers, in strings they are text', () => {
    expect(value(String.raw`{"a": NaN, "b": [Infinity, -Infinity], "c": "NaN \" NaN", "d": 1e400}`)).toEqual({
      a: Number.NaN,
      b: [Infinity, -Infinity],
      c: 'NaN " NaN',
      d: Infinity,
    });
  });

  test.each(['', '{', 'NaNa', 'Nan', '{"a":Infinit}', "{'a':1}", '[1,]', 'undefined', '{"NaN": nope}'])(
    '%j is none',
    (text) => {
      expect(parseJson(text).error).toBeTypeOf('string');
    },
  );

  test('nested a hundred thousand deep it ends with an error, or a value', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(() => parseJson(deep)).not.toThrow();
    expect(() => parseJson(deep.replace('[]', '[1234567890123456789]'))).not.toThrow();
  });

  test('`__proto__` is a name', () => {
    expect(Object.keys(value('{"__proto__": {"x": 12345678901234567890}}') as object)).toEqual(['__proto__']);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  test('gives what JSON.parse gives, but for integers that it would round', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(rounded(value(text))).toEqual(rounded(JSON.parse(text)));
      }),
    );
  });

  test('UTF-8 or nothing; a byte order mark is taken off', () => {
    expect(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31))).toBe('1');
    expect(decodeUtf8(Uint8Array.of(0xc3))).toBeUndefined();
    expect(decodeUtf8(Uint8Array.of(0xed, 0xa0, 0x80))).toBeUndefined();
  });
});

/** With every integer as a double. */
function rounded(json: unknown): unknown {
  const text = JSON.stringify(json, (_name, member: unknown) => (typeof member === 'bigint' ? Number(member) : member));
  return JSON.parse(text);
}

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ValueKind } from '../../edge/core/sample.ts';
import { parseJson } from './json.ts';
import { tagTypeOf, toValue } from './json-value.ts';
import { DECLARED_TYPES, type DeclaredType } from './mapping-config.ts';
import { textToValue } from './text-value.ts';

function read(text: string, declared?: DeclaredType): unknown {
  const parsed = parseJson(text);
  if (parsed.error !== undefined) return parsed.error;
  const { kind, value, problem } = { kind: undefined, value: undefined, ...toValue(parsed.value, declared) };
  return problem ?? [kind, value];
}

function array(shape: number[], element: string, items: unknown): unknown {
  return [ValueKind.array, { shape, stepNs: null, element, items }];
}

describe('a JSON value without a declared type', () => {
  test.each<[string, unknown]>([
    ['true', [ValueKind.boolean, true]],
    ['1', [ValueKind.double, 1]],
    ['-0', [ValueKind.double, -0]],
    ['9007199254740993', [ValueKind.double, 9007199254740992]],
    ['NaN', [ValueKind.double, Number.NaN]],
    ['"x"', [ValueKind.string, 'x']],
    [String.raw`"\ud800"`, [ValueKind.string, '\ufffd']],
    ['null', [ValueKind.null, null]],
  ])('%s', (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  test('arrays of one shape', () => {
    expect(read('[]')).toEqual(array([0], 'double', new Float64Array()));
    expect(read('[1, 2.5, -Infinity]')).toEqual(array([3], 'double', Float64Array.of(1, 2.5, -Infinity)));
    expect(read('["a", "b"]')).toEqual(array([2], 'string', ['a', 'b']));
    expect(read('[[1, 2, 3], [4, 5, 6]]')).toEqual(array([2, 3], 'double', Float64Array.of(1, 2, 3, 4, 5, 6)));
    expect(read('[[], []]')).toEqual(array([2, 0], 'double', new Float64Array()));
    expect(read('[[[1], [2]]]', 'array')).toEqual(array([1, 2, 1], 'double', Float64Array.of(1, 2)));
  });

  test.each([
    '[1, "a"]',
    '[1, null]',
    '[true]',
    '[{}]',
    '[[1], [2, 3]]',
    '[[1], 2]',
    '[1, [2]]',
    '[[], [1]]',
    '[[[]], []]',
    `${'['.repeat(17)}${']'.repeat(17)}`,
  ])('%s is no array of one shape', (text) => {
    expect(read(text)).toBe('malformed');
  });
});

describe('a declared type', () => {
  test.each<[DeclaredType, string, unknown]>([
    ['boolean', 'false', [ValueKind.boolean, false]],
    ['long', '12.0', [ValueKind.long, 12]],
    ['long', '9007199254740993', [ValueKind.long, 9007199254740993n]],
    ['long', '-9223372036854775808', [ValueKind.long, -9223372036854775808n]],
    ['long', '9223372036854775807', [ValueKind.long, 9223372036854775807n]],
    ['long', '-0', [ValueKind.long, 0]],
    ['long', 'NaN', [ValueKind.long, Number.NaN]],
    ['uint64', '18446744073709551615', [ValueKind.uint64, 18446744073709551615n]],
    ['uint64', '7', [ValueKind.uint64, 7n]],
    ['float', '0.1', [ValueKind.float, Math.fround(0.1)]],
    ['float', 'Infinity', [ValueKind.float, Infinity]],
    ['double', '0.1', [ValueKind.double, 0.1]],
    ['string', '"1"', [ValueKind.string, '1']],
    ['bytes', '"3q0="', [ValueKind.bytes, Uint8Array.of(0xde, 0xad)]],
    ['bytes', '""', [ValueKind.bytes, new Uint8Array()]],
    ['int8', '-128', [ValueKind.long, -128]],
    ['uint32', '4294967295', [ValueKind.long, 4294967295]],
    ['double', 'null', [ValueKind.null, null]],
  ])('%s takes %s', (declared, text, expected) => {
    expect(read(text, declared)).toEqual(expected);
  });

  test.each<[DeclaredType, string]>([
    ['boolean', '1'],
    ['boolean', '"true"'],
    ['long', '1.5'],
    ['long', '"1"'],
    ['long', '9223372036854775808'],
    ['long', '1e300'],
    ['long', 'true'],
    ['uint64', '-1'],
    ['uint64', '18446744073709551616'],
    ['float', '1e39'],
    ['float', '"1.5"'],
    ['double', '"1.5"'],
    ['double', '[1]'],
    ['string', '1'],
    ['string', '{}'],
    ['bytes', '"3q0"'],
    ['bytes', '"3q1="'],
    ['bytes', '"-_8="'],
    ['array', '1'],
    ['int8', '128'],
    ['uint8', '-1'],
    ['uint16', '65536'],
    ['int32', '1.5'],
  ])('%s does not take %s', (declared, text) => {
    expect(read(text, declared)).toBe('wrong-type');
  });

  test('small integers are tags of type long', () => {
    expect(DECLARED_TYPES.map(tagTypeOf)).toEqual([
      ...DECLARED_TYPES.slice(0, 8),
      ...Array.from({ length: 6 }, () => 'long'),
    ]);
  });
});

function roundTrip(text: string, declared?: DeclaredType): unknown {
  const parsed = parseJson(text);
  return parsed.error === undefined ? toValue(parsed.value, declared) : parsed;
}

describe('values come back bit for bit', () => {
  test('doubles', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = Object.is(value, -0) ? '-0' : JSON.stringify(value);
        expect(roundTrip(text)).toEqual({ kind: ValueKind.double, value });
      }),
    );
  });

  test('floats', () => {
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, noDefaultInfinity: true }).filter((value) => value !== 0),
        (value) => {
          expect(roundTrip(JSON.stringify(value), 'float')).toEqual({ kind: ValueKind.float, value });
        },
      ),
    );
  });

  test('64-bit integers', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (value) => {
        const long = roundTrip(String(value), 'long') as { value?: number | bigint };
        expect(long.value === undefined ? undefined : BigInt(long.value)).toBe(value < 2n ** 63n ? value : undefined);
        const uint64 = roundTrip(String(value), 'uint64') as { value?: bigint };
        expect(uint64.value).toBe(value < 0n ? undefined : value);
      }),
    );
  });

  test('texts and bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.uint8Array(), (text, bytes) => {
        expect(roundTrip(JSON.stringify(text))).toEqual({ kind: ValueKind.string, value: text });
        const base64 = JSON.stringify(Buffer.from(bytes).toString('base64'));
        expect(roundTrip(base64, 'bytes')).toEqual({ kind: ValueKind.bytes, value: bytes });
      }),
    );
  });

  test('arrays with their shape', () => {
    const doubles = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(doubles, { minLength: 20, maxLength: 20 }),
        (rows, columns, pool) => {
          const matrix = Array.from({ length: rows }, (_, row) => pool.slice(row * columns, (row + 1) * columns));
          const value = {
            shape: [rows, columns],
            stepNs: null,
            element: 'double',
            items: Float64Array.from(matrix.flat()),
          };
          expect(roundTrip(JSON.stringify(matrix))).toEqual({ kind: ValueKind.array, value });
        },
      ),
    );
  });
});

describe('a payload of text', () => {
  test.each<[string, DeclaredType | undefined, unknown]>([
    [' 21.5 ', undefined, [ValueKind.string, ' 21.5 ']],
    ['', undefined, [ValueKind.string, '']],
    [' 21.5\r\n', 'double', [ValueKind.double, 21.5]],
    ['+1e-3', 'float', [ValueKind.float, Math.fround(0.001)]],
    ['.5', 'double', [ValueKind.double, 0.5]],
    ['nan', 'double', [ValueKind.double, Number.NaN]],
    ['-INF', 'double', [ValueKind.double, -Infinity]],
    ['+9223372036854775807', 'long', [ValueKind.long, 9223372036854775807n]],
    ['18446744073709551615', 'uint64', [ValueKind.uint64, 18446744073709551615n]],
    ['ON', 'boolean', [ValueKind.boolean, true]],
    ['0', 'boolean', [ValueKind.boolean, false]],
    ['3q0=\n', 'bytes', [ValueKind.bytes, Uint8Array.of(0xde, 0xad)]],
  ])('%j as %s', (text, declared, expected) => {
    const { kind, value } = { kind: undefined, value: undefined, ...textToValue(text, declared) };
    expect([kind, value]).toEqual(expected);
  });

  test.each<[string, DeclaredType]>([
    ['', 'double'],
    ['0x10', 'double'],
    ['1,5', 'double'],
    ['1.5', 'long'],
    ['256', 'uint8'],
    ['yes', 'boolean'],
    ['1', 'array'],
    ['!', 'bytes'],
  ])('%j is no %s', (text, declared) => {
    expect(textToValue(text, declared).problem).toBe('wrong-type');
  });
});

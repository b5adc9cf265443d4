import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ArrayValue, type Value, ValueKind } from '../core/sample.ts';
import { csvValue, jsonValue } from './value-text.ts';

const doubles: ArrayValue = { shape: [3], stepNs: 1000, element: 'double', items: Float64Array.of(0.5, -0.5, 2) };
const longs: ArrayValue = { shape: [1], stepNs: null, element: 'long', items: BigInt64Array.of(9007199254740993n) };
const texts: ArrayValue = { shape: [1, 2], stepNs: null, element: 'string', items: ['a', '"b"'] };

test.each<[keyof typeof ValueKind, Value, string, string]>([
  ['null', null, 'null', ''],
  ['boolean', true, 'true', 'true'],
  ['long', 5, '5', '5'],
  ['long', 9007199254740993n, '9007199254740993', '9007199254740993'],
  ['uint64', 18446744073709551615n, '18446744073709551615', '18446744073709551615'],
  ['double', 0.1, '0.1', '0.1'],
  ['double', -0, '-0', '-0'],
  ['double', 5e-324, '5e-324', '5e-324'],
  ['double', 1e21, '1e+21', '1e+21'],
  ['float', Math.fround(0.1), '0.10000000149011612', '0.10000000149011612'],
  ['string', 'run', '"run"', 'run'],
  ['string', 'a "b", c', '"a \\"b\\", c"', '"a ""b"", c"'],
  ['string', 'two\nlines', '"two\\nlines"', '"two\nlines"'],
  ['string', '', '""', '""'],
  ['bytes', Uint8Array.of(0xde, 0xad), '"3q0="', '3q0='],
  ['bytes', new Uint8Array(0), '""', '""'],
  [
    'array',
    doubles,
    '{"shape":[3],"stepNs":1000,"d":[0.5,-0.5,2]}',
    '"{""shape"":[3],""stepNs"":1000,""d"":[0.5,-0.5,2]}"',
  ],
  [
    'array',
    longs,
    '{"shape":[1],"stepNs":null,"i":[9007199254740993]}',
    '"{""shape"":[1],""stepNs"":null,""i"":[9007199254740993]}"',
  ],
  [
    'array',
    texts,
    '{"shape":[1,2],"stepNs":null,"s":["a","\\"b\\""]}',
    '"{""shape"":[1,2],""stepNs"":null,""s"":[""a"",""\\""b\\""""]}"',
  ],
])('%s %s is %s in JSON and %s in CSV', (kind, value, json, csv) => {
  expect(jsonValue(ValueKind[kind], value)).toBe(json);
  expect(csvValue(ValueKind[kind], value)).toBe(csv);
});

test('every double is read back bit for bit', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Object.is(Number(jsonValue(ValueKind.double, value)), value)).toBe(true);
      expect(Object.is(Number(csvValue(ValueKind.double, value)), value)).toBe(true);
    }),
  );
});

test('every text is read back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const field = csvValue(ValueKind.string, text);
      const content = field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
      expect(content).toBe(text);
      expect(JSON.parse(jsonValue(ValueKind.string, text))).toBe(text);
    }),
  );
});

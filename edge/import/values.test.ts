import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeclaredType } from '../../connectors/payload/mapping-config.ts';
import { ValueKind } from '../core/sample.ts';
import { StatusCode } from '../core/status-code.ts';
import { ValueReader } from './values.ts';

const plain = new ValueReader({});
const comma = new ValueReader({ decimal: ',' });
const good = StatusCode.Good;

describe('a value is read', () => {
  const cases: [ValueReader, string, DeclaredType | undefined, unknown][] = [
    [plain, '12.5', undefined, { kind: ValueKind.double, value: 12.5, quality: good }],
    [plain, ' 1e3 ', 'double', { kind: ValueKind.double, value: 1000, quality: good }],
    [plain, '-0', 'double', { kind: ValueKind.double, value: -0, quality: good }],
    [plain, '9007199254740993', 'long', { kind: ValueKind.long, value: 9_007_199_254_740_993n, quality: good }],
    [plain, '9223372036854775808', 'double', { kind: ValueKind.double, value: 2 ** 63, quality: good }],
    [plain, '9223372036854776000', 'double', { kind: ValueKind.double, value: 2 ** 63, quality: good }],
    [plain, '0.1', 'float', { kind: ValueKind.float, value: Math.fround(0.1), quality: good }],
    [plain, 'true', undefined, { kind: ValueKind.boolean, value: true, quality: good }],
    [plain, 'running', undefined, { kind: ValueKind.string, value: 'running', quality: good }],
    [plain, 'NaN', 'double', { kind: ValueKind.null, value: null, quality: StatusCode.BadOutOfRange }],
    [plain, '', 'double', { kind: ValueKind.null, value: null, quality: StatusCode.BadNoData }],
    [plain, 'I/O Timeout', 'double', { kind: ValueKind.null, value: null, quality: StatusCode.BadNoCommunication }],
    [plain, 'error', 'string', { kind: ValueKind.string, value: 'error', quality: good }],
    [comma, '12,5', undefined, { kind: ValueKind.double, value: 12.5, quality: good }],
    [comma, '12', 'double', { kind: ValueKind.double, value: 12, quality: good }],
    [comma, 'a,b', undefined, { kind: ValueKind.string, value: 'a,b', quality: good }],
  ];
  test.each(cases)('%#: %j', (reader, text, declared, expected) => {
    expect(reader.read(text, undefined, declared, false)).toEqual(expected);
  });

  test.each([
    [plain, '12,5', undefined, 'decimal-comma'],
    [plain, '12,5', 'double', 'decimal-comma'],
    [comma, '1.234,5', 'double', 'wrong-type'],
    [comma, '12.5', 'double', 'wrong-type'],
    [plain, 'open', 'double', 'wrong-type'],
    [plain, '1.5', 'long', 'wrong-type'],
    [plain, '300', 'uint8', 'wrong-type'],
    [plain, '9223372036854775807', undefined, 'wrong-type'],
    [plain, '-9007199254740993', 'double', 'wrong-type'],
  ] as const)('%#: %j is refused', (reader, text, declared, problem) => {
    expect(reader.read(text, undefined, declared, false)).toMatchObject({ problem });
  });

  test('an empty text in quotes is a text', () => {
    expect(plain.read('', undefined, 'string', true)).toEqual({ kind: ValueKind.string, value: '', quality: good });
  });

  test('the map says what stands in place of values, also for texts', () => {
    const reader = new ValueReader({ nulls: { 'Kein Wert': 'BadNoData', '-999': 'BadDeviceFailure' } });
    expect(reader.read('kein wert', undefined, 'string', false)).toMatchObject({
      kind: ValueKind.null,
      quality: StatusCode.BadNoData,
    });
    expect(reader.read('-999', undefined, 'double', false)).toMatchObject({
      kind: ValueKind.null,
      quality: StatusCode.BadDeviceFailure,
    });
  });
});

describe('a quality is read', () => {
  const daily = new ValueReader({ qualityFormat: 'opc-da', qualities: { Manuell: 'UncertainLastUsableValue' } });
  test.each([
    [plain, '', good],
    [plain, '0', good],
    [plain, '192', good],
    [plain, '64', StatusCode.Uncertain],
    [plain, '2147483648', StatusCode.Bad],
    [plain, '0x80310000', StatusCode.BadNoCommunication],
    [plain, 'GOOD', good],
    [plain, 'BadTimeout', StatusCode.BadTimeout],
    [plain, 'questionable', StatusCode.Uncertain],
    [daily, '0', StatusCode.Bad],
    [daily, '216', good],
    [daily, 'manuell', StatusCode.UncertainLastUsableValue],
  ] as const)('%#: %j', (reader, text, quality) => {
    expect(reader.read('1', text, 'double', false)).toEqual({ kind: ValueKind.double, value: 1, quality });
  });

  test('one that nobody knows is refused, not guessed', () => {
    expect(plain.read('1', 'so so', 'double', false)).toMatchObject({ problem: 'bad-quality' });
    expect(plain.read('1', '4294967296', 'double', false)).toMatchObject({ problem: 'bad-quality' });
  });

  test('no value has the worse of both qualities', () => {
    expect(plain.read('', 'Good', 'double', false)).toMatchObject({ value: null, quality: StatusCode.BadNoData });
    expect(plain.read('', 'BadTimeout', 'double', false)).toMatchObject({
      value: null,
      quality: StatusCode.BadTimeout,
    });
  });
});

test('every double comes back as it was written', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = Object.is(value, -0) ? '-0' : String(value);
      expect(plain.read(text, undefined, 'double', false)).toEqual({ kind: ValueKind.double, value, quality: good });
      expect(comma.read(text.replace('.', ','), undefined, 'double', false)).toEqual({
        kind: ValueKind.double,
        value,
        quality: good,
      });
    }),
  );
});

test('any text is a value of the declared type, none, or refused', () => {
  const types = [undefined, 'boolean', 'long', 'float', 'double', 'string', 'uint64', 'int16', 'bytes'] as const;
  fc.assert(
    fc.property(
      fc.string(),
      fc.option(fc.string(), { nil: undefined }),
      fc.constantFrom(...types),
      fc.constantFrom(plain, comma),
      (text, quality, declared, reader) => {
        const read = reader.read(text, quality, declared, false);
        const kind = declared === undefined ? undefined : ValueKind[declared === 'int16' ? 'long' : declared];
        const isOfType =
          read.problem === undefined && (read.value === null || kind === undefined || read.kind === kind);
        expect(isOfType || (read.problem !== undefined && read.detail !== '')).toBe(true);
      },
    ),
    { numRuns: 2000 },
  );
});

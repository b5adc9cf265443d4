import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fromModbusException, fromOpcDa, isBad, isGood, StatusCode, statusName } from './status-code.ts';

const page = readFileSync(new URL('./FORMAT.md', import.meta.url), 'utf8');
const table = page.slice(page.indexOf('| seen at the source'), page.indexOf('**Flags**'));
const rows = [...table.matchAll(/^\| ([^|]+) \| (\w+) \| (0x[0-9A-F]{8}) \|$/gm)].map(
  ([, seen = '', name = '', code = '']) => {
    return { seen: seen.trim(), name, code: Number(code) };
  },
);

/** The code that FORMAT.md gives for what is seen at the source. */
function codeFor(seen: string): number | undefined {
  return rows.find((row) => row.seen.startsWith(seen))?.code;
}

test('the quality table in FORMAT.md has the codes of the OPC UA specification', () => {
  expect(rows.length).toBe(15);
  for (const { name, code } of rows)
    expect([name, code]).toEqual([name, Object.entries(StatusCode).find(([known]) => known === name)?.[1]]);
});

test.each([
  [1, 'Modbus: exceptions 1, 2, 3'],
  [2, 'Modbus: exceptions 1, 2, 3'],
  [3, 'Modbus: exceptions 1, 2, 3'],
  [4, 'Modbus: exception 4'],
  [5, 'Modbus: any other exception'],
  [6, 'Modbus: any other exception'],
  [0x0a, 'Modbus: exceptions 0x0A, 0x0B'],
  [0x0b, 'Modbus: exceptions 0x0A, 0x0B'],
])('Modbus exception %i: %s', (exception, seen) => {
  expect(codeFor(seen)).toBe(fromModbusException(exception));
});

test.each([
  [192, 'OPC DA 192'],
  [216, 'OPC DA 192'],
  [64, 'OPC DA 64'],
  [0, 'OPC DA 0'],
  [28, 'OPC DA 0'],
])('OPC DA quality %i: %s', (quality, seen) => {
  expect(codeFor(seen)).toBe(fromOpcDa(quality));
});

test('severity and name of a code, known or not', () => {
  expect([isGood(StatusCode.Good), isGood(StatusCode.BadNoData), isGood(StatusCode.Uncertain)]).toEqual([
    true,
    false,
    false,
  ]);
  expect([isBad(StatusCode.BadNoData), isBad(0xffffffff), isBad(StatusCode.Uncertain)]).toEqual([true, true, false]);
  expect(statusName(StatusCode.BadOutOfRange)).toBe('BadOutOfRange');
  expect(statusName(0x80020000)).toBe('Bad (0x80020000)');
  expect(statusName(0x40920000)).toBe('Uncertain (0x40920000)');
});

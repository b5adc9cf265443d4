import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CsvReader, type CsvRow, delimiterOf } from './csv.ts';

/** All records of a text that comes in pieces of these lengths. */
function read(text: string, { delimiter = ',', skip = 0, pieces = [text.length] } = {}): CsvRow[] {
  const reader = new CsvReader({ delimiter, skip });
  const rows: CsvRow[] = [];
  let at = 0;
  for (let i = 0; at < text.length; i++) {
    const length = Math.max(1, pieces[i % pieces.length] ?? 1);
    for (const row of reader.push(text.slice(at, at + length))) rows.push(row);
    at += length;
  }
  return [...rows, ...reader.finish()];
}

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const fieldsOf = (rows: readonly CsvRow[]): (readonly string[])[] => rows.map(({ fields }) => fields);

describe('records of a CSV text', () => {
  test.each([
    [
      'a,b\nc,d\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a,b\r\nc,d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['\n\na\n\n', [['a']]],
    ['a,,\n', [['a', '', '']]],
    ['"a,b",c\n', [['a,b', 'c']]],
    ['"say ""yes""",c\n', [['say "yes"', 'c']]],
    [
      '"two\nlines",c\r\nd,e\n',
      [
        ['two\nlines', 'c'],
        ['d', 'e'],
      ],
    ],
    ['a"b,c\n', [['a"b', 'c']]],
    ['"a"b,c\n', [['ab', 'c']]],
  ])('%j', (text, expected) => {
    expect(fieldsOf(read(text))).toEqual(expected);
  });

  test('an empty text in quotes is told from nothing', () => {
    const [row] = read('a,"",\n');
    expect([row?.fields, [...(row?.emptyTexts ?? [])]]).toEqual([['a', '', ''], [1]]);
  });

  test('lines are counted also within quotes, and in what is passed over', () => {
    const rows = read('export of the "old system\n\ntag,value\n"a\nb",1\nc,2\n', { skip: 1 });
    expect(rows.map(({ line, fields }) => [line, ...fields])).toEqual([
      [3, 'tag', 'value'],
      [4, 'a\nb', '1'],
      [6, 'c', '2'],
    ]);
  });

  test('a quote that is never closed costs its line alone', () => {
    const rows = read(`a,1\n"b,2\n${'c,3\n'.repeat(400_000)}`);
    expect(rows.length).toBe(400_002);
    expect(rows[1]).toMatchObject({
      line: 2,
      problem: 'a quote is not closed, or not within a million characters',
      fields: ['"b,2'],
    });
    expect(rows.at(-1)).toEqual({ line: 400_002, fields: ['c', '3'] });
  });

  test('a text without line ends is refused before it fills the memory', () => {
    const reader = new CsvReader({ delimiter: ',', skip: 0 });
    const megabyte = 'x'.repeat(1024 * 1024);
    expect(() => {
      for (let i = 0; i < 10; i++) reader.push(megabyte);
    }).toThrow(/no CSV text/);
  });

  const field = fc.string({ unit: fc.constantFrom('a', '1', ' ', ',', ';', '"', '\n', '\r', 'ü', '.'), maxLength: 8 });
  const pieces = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });

  test('what a writer has quoted comes back, however the text is cut into pieces', () => {
    const rows = fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(rows, pieces, fc.constantFrom('\n', '\r\n'), (table, lengths, end) => {
        const text = table.map((fields) => fields.map(quoted).join(',') + end).join('');
        expect(fieldsOf(read(text, { pieces: lengths }))).toEqual(table);
      }),
    );
  });

  test('any text gives the same records however it is cut, and each line stands in one of them', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 40 }), pieces, (parts, lengths) => {
        const text = parts.join('');
        const whole = read(text);
        expect(read(text, { pieces: lengths })).toEqual(whole);
        const lines = whole.map(({ line }) => line);
        expect(lines).toEqual([...new Set(lines)].toSorted((a, b) => a - b));
        expect(lines.every((line) => line >= 1 && line <= text.split('\n').length)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

test.each([
  ['tag,time,value', ','],
  ['Tag;Zeit;Wert', ';'],
  ['time\ta,b\tc', '\t'],
  ['"a,b,c,d";e', ';'],
  ['one', ','],
])('the delimiter of %j is %j', (header, delimiter) => {
  expect(delimiterOf(header)).toBe(delimiter);
});

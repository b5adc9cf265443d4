import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EVERYTHING, selectionOf } from './selection.ts';

const ZONED = '::TIMESTAMP WITH TIME ZONE';

/** A selection as a line. */
function said(filter: string): string {
  const { tags, prefix, from, to } = selectionOf(filter);
  return `${tags === null ? '*' : [...tags].toSorted().join('|')} ${prefix}* ${from.join('&')}..${to.join('&')}`;
}

describe('filters as DuckDB prints them', () => {
  test.each([
    ["(tag = 'a/b')", 'a/b * ..'],
    ["((tag = 'a') OR ((tag = 'b') OR (tag = 'c''d')))", "a|b|c'd * .."],
    ["(tag IN ('a', 'b'))", 'a|b * ..'],
    ["((tag = 'a') AND (quality = 0))", 'a * ..'],
    ["((tag IN ('a', 'b')) AND (tag IN ('b', 'c')))", 'b * ..'],
    [`(time >= '2020-01-01 00:00:00+00'${ZONED})`, '* * 2020-01-01 00:00:00+00..'],
    [
      `((time BETWEEN '2020-01-01 00:00:00+00'${ZONED} AND '2021-01-01 00:00:00+00'${ZONED}) AND (tag = 'a'))`,
      'a * 2020-01-01 00:00:00+00..2021-01-01 00:00:00+00',
    ],
    ["prefix(tag, 'north/')", '* north/* ..'],
    [`((time < '2020-01-01 00:00:00+00'${ZONED}) AND prefix(tag, 'x'))`, '* x* ..2020-01-01 00:00:00+00'],
  ])('%s', (filter, selection) => {
    expect(said(filter)).toBe(selection);
  });

  test.each([
    ["((tag = 'a') OR (quality = 0))"],
    [`((tag = 'a') OR (time > '2020-01-01 00:00:00+00'${ZONED}))`],
    ["(tag != 'a')"],
    ["(NOT (tag = 'a'))"],
    ["(lower(tag) = 'a')"],
    ["((tag || 'x') = 'a')"],
    ["(text = ') AND (tag = ''a'')')"],
    ['(tag = text)'],
    ['(time >= CAST(text AS TIMESTAMP WITH TIME ZONE))'],
    ["(CASE  WHEN ((tag = 'a')) THEN ((quality = 1)) ELSE (quality = 0) END)"],
    ["((tag = 'a') IS NULL)"],
    ["(tag = 'a'"],
    [''],
  ])('%s says nothing', (filter) => {
    expect(selectionOf(filter)).toEqual(EVERYTHING);
  });

  test('any text is read to its end without harm', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom(...'( ) \' , = < > : . " a t'.split(' '), ' ', 'AND', 'OR', 'tag', 'time', 'BETWEEN'),
        }),
        (text) => {
          expect(selectionOf(text).from).toBeInstanceOf(Array);
        },
      ),
    );
  });

  test('a text in a literal is a text, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (tag) => {
        const filter = `((tag = '${tag.replaceAll("'", "''")}') AND (quality = 0))`;
        expect([...(selectionOf(filter).tags ?? [])]).toEqual([tag]);
      }),
    );
  });
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExpression, parseSelector, parseStep } from './promql.ts';

describe('an expression is read', () => {
  test('a selector', () => {
    expect(parseExpression(`millrace{tag="a/b", unit!='Cel', asset=~"x.*"} offset 1d`)).toMatchObject({
      type: 'selector',
      offsetMs: 86_400_000,
      matchers: [
        { label: '__name__', negated: false, value: 'millrace' },
        { label: 'tag', negated: false, value: 'a/b' },
        { label: 'unit', negated: true, value: 'Cel' },
        { label: 'asset', negated: false, value: { alternatives: [[{ char: 'x' }, { any: 'many' }]] } },
      ],
    });
  });

  test('a function of a window, an aggregation, arithmetic', () => {
    expect(parseExpression('avg_over_time(millrace[1m30s])')).toMatchObject({
      type: 'range',
      function: 'avg_over_time',
      windowMs: 90_000,
    });
    expect(parseExpression('sum by (asset) (millrace)')).toEqual(parseExpression('sum(millrace) by (asset)'));
    expect(parseExpression('1+2*3')).toMatchObject({ operator: '+', right: { operator: '*' } });
    expect(parseExpression('(millrace - 32) / 1.8')).toMatchObject({
      operator: '/',
      left: { operator: '-' },
      right: { value: 1.8 },
    });
    expect(parseExpression('-millrace')).toMatchObject({ operator: '*', left: { value: -1 } });
  });

  test.each([
    ['rate(millrace[5m])', 'the function rate is not answered'],
    ['millrace[5m]', 'stands within a function'],
    ['avg_over_time(millrace)', 'expected ['],
    ['millrace{tag=}', 'no text in quotes'],
    ['millrace{tag="a"', 'expected }'],
    ['millrace{tag=~"["}', 'not read in a pattern'],
    ['1 +', 'unexpected the end'],
    ['millrace @ 5', 'unexpected "@ 5"'],
    ['('.repeat(100), 'too many brackets'],
  ])('%s: %s', (text, what) => {
    expect(() => parseExpression(text)).toThrow(what);
  });

  test('a selector is no expression, and steps are times or seconds', () => {
    expect(() => parseSelector('1+1')).toThrow('is no selector');
    expect([parseStep('15'), parseStep('0.5'), parseStep('1m'), parseStep('x'), parseStep('')]).toEqual([
      15_000,
      500,
      60_000,
      undefined,
      undefined,
    ]);
  });

  test('any text is read, or refused with a reason', () => {
    const piece = fc.constantFrom(
      'millrace',
      '{',
      '}',
      '(',
      ')',
      '[',
      ']',
      'tag',
      '=',
      '=~',
      '"a"',
      ',',
      '5m',
      '1',
      '+',
      '-',
      '*',
      'by',
      'sum',
      'avg_over_time',
      'offset',
      ' ',
      '"',
      '\\',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 20 }).map((all) => all.join('')),
        ),
        (text) => {
          const read = (): string => {
            try {
              return parseExpression(text).type;
            } catch (error) {
              if (error instanceof RangeError) return 'refused';
              throw error;
            }
          };
          expect(['number', 'selector', 'range', 'aggregation', 'operation', 'refused']).toContain(read());
        },
      ),
      { numRuns: 3000 },
    );
  });
});

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compilePattern, fitsPattern } from './label-pattern.ts';

test('what is read fits exactly what a regular expression would', () => {
  const part = fc.constantFrom('a', 'b', 'ab', '.', '.*', '.+', String.raw`\.`, String.raw`\+`, '/');
  const alternative = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(''));
  const pattern = fc
    .tuple(
      fc.array(alternative, { minLength: 1, maxLength: 3 }).map((all) => all.join('|')),
      fc.boolean(),
    )
    .map(([all, group]) => (group ? `(${all})` : all));
  const value = fc.string({ unit: fc.constantFrom('a', 'b', '.', '+', '/'), maxLength: 10 });
  fc.assert(
    fc.property(pattern, value, (text, given) => {
      expect(fitsPattern(compilePattern(text), given)).toBe(new RegExp(`^(?:${text})$`, 's').test(given));
    }),
    { numRuns: 5000 },
  );
});

test.each(['a[bc]', 'a{2}', '(a)(b)', String.raw`\d`, 'a**', '+', 'x?'])('%s is refused', (text) => {
  expect(() => compilePattern(text)).toThrow(RangeError);
});

test('a pattern that makes regular expressions slow is quick', () => {
  const pattern = compilePattern(`${'.*a'.repeat(30)}b`);
  const start = performance.now();
  expect(fitsPattern(pattern, 'a'.repeat(5000))).toBe(false);
  expect(performance.now() - start).toBeLessThan(2000);
});

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formOf, takesForms } from './form.ts';

test('a form is read: the last of a name, or a list where the name ends with []', () => {
  expect(formOf('query=up%7Ba%3D%22b%22%7D&step=15&step=30&match[]=a&match%5B%5D=b')).toEqual({
    query: 'up{a="b"}',
    step: '30',
    'match[]': ['a', 'b'],
  });
  expect(formOf('')).toEqual({});
  expect([takesForms('/prometheus/api/v1/query'), takesForms('/api/v1/alarms/1/acknowledge')]).toEqual([true, false]);
});

test('any text is fields, none of which reaches beyond the form', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.constantFrom('__proto__=1', '__proto__[]=1&__proto__=2', 'constructor=x')),
      (text) => {
        const fields = formOf(text);
        expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
        expect(Object.values(fields).every((value) => typeof value === 'string' || Array.isArray(value))).toBe(true);
      },
    ),
  );
});

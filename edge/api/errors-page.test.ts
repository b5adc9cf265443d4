import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { catalogue } from '../core/fault-catalogue.ts';
import { Fault, type FaultCode } from '../core/fault.ts';
import { ERRORS_PAGE, errorsPage } from './errors-page.ts';
import { problemOf } from './problem.ts';

test('docs/errors.md is what the catalogue says; `npx node edge/api/errors-page.ts` writes it', () => {
  expect(readFileSync(ERRORS_PAGE, 'utf8')).toBe(errorsPage());
});

test('the page has a section for each code', () => {
  const titles = Array.from(errorsPage().matchAll(/^## (.+)$/gm), ([, title]) => title);
  expect(titles).toEqual(Object.keys(catalogue));
});

test.each(Object.keys(catalogue) as FaultCode[])('%s: what happened and what to do are sentences', (code) => {
  const { what, todo } = catalogue[code];
  for (const text of [what, todo]) expect(text).toMatch(/^[A-Z`].*[.]$/);
  const { type, title, status, detail } = problemOf(new Fault(code, 'Here.'));
  expect({ type, title, detail }).toEqual({ type: `urn:millrace:error:${code}`, title: what, detail: 'Here.' });
  expect(status).toBeGreaterThanOrEqual(400);
});

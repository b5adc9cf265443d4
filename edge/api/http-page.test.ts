import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HTTP_PAGE, httpPage } from './http-page.ts';

test('docs/http.md is what the routes say; `npx node edge/api/http-page.ts` writes it', () => {
  expect(readFileSync(HTTP_PAGE, 'utf8')).toBe(httpPage());
});

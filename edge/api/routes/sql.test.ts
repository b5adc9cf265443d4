import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ApiServer } from '../server.ts';
import { MemoryServices, serverOf } from '../services-kit.ts';

let services: MemoryServices;
let api: ApiServer;

beforeEach(() => {
  services = new MemoryServices();
  api = serverOf(services);
});
afterEach(() => api.close());

const post = (body: unknown, accept = 'application/json'): ReturnType<ApiServer['inject']> =>
  api.inject({ method: 'POST', url: '/api/v1/sql', headers: { accept }, payload: body as object });

describe('POST /api/v1/sql', () => {
  test('gives JSON or CSV, and tells behind it what is missing and whether there is more', async () => {
    const answer = await post({ sql: 'SELECT 1 AS n' });
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      { columns: [{ name: 'n', type: 'INTEGER' }], rows: [[1]], gaps: 0, more: false },
    ]);
    expect(answer.trailers).toMatchObject({ 'millrace-gaps': '2', 'millrace-more': 'true' });
    expect((await post({ sql: 'SELECT 1 AS n' }, 'text/csv')).body).toBe('n\n1\n');
    expect((await post({ sql: 'SELECT 1' }, 'image/png')).statusCode).toBe(406);
  });

  test("an error of the statement is the asker's, with its place", async () => {
    const answer = await post({ sql: 'SELECT wrong' });
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json()).toMatchObject({
      status: 422,
      type: 'urn:millrace:error:sql-invalid',
      detail: 'Line 1, column 8: no such column.',
    });
  });

  test.each([
    [{}, 'sql: missing'],
    [{ sql: '' }, 'sql: expected one SELECT statement'],
    [{ sql: 'x'.repeat(30_001) }, 'sql: expected one SELECT statement of at most 30,000 characters'],
    [{ sql: 'SELECT 1', limit: 0 }, 'limit: expected 1 to 1,000,000'],
    [{ sql: 'SELECT 1', limit: 1.5 }, 'limit: expected 1 to 1,000,000'],
    [{ sql: 'SELECT 1', timeoutMs: 300_001 }, 'timeoutMs: expected 1 to 300,000'],
    [{ sql: 'SELECT 1', rows: 1 }, 'rows: not a parameter of this route'],
  ])('%j is refused', async (body, detail) => {
    const answer = await post(body);
    expect(answer.json()).toMatchObject({ status: 400, detail: expect.stringContaining(detail) as string });
  });

  test('whatever is sent, it is answered with a document', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (body) => {
        const answer = await api.inject({
          method: 'POST',
          url: '/api/v1/sql',
          headers: { 'content-type': 'application/json' },
          payload: JSON.stringify(body),
        });
        expect(answer.statusCode).toBe(400);
        expect(answer.json()).toHaveProperty('type');
      }),
      { numRuns: 200 },
    );
  });

  test('at most two at a time', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const answerOf = services.sql.bind(services);
    let begun = 0;
    services.sql = async (question) => {
      begun++;
      await promise;
      return await answerOf(question);
    };
    const waiting = [post({ sql: 'SELECT 1' }), post({ sql: 'SELECT 2' })];
    await expect.poll(() => begun).toBe(2);
    const third = await post({ sql: 'SELECT 3' });
    expect([third.statusCode, third.headers['retry-after']]).toEqual([429, '1']);
    resolve();
    for (const answer of await Promise.all(waiting)) expect(answer.statusCode).toBe(200);
    expect((await post({ sql: 'SELECT 4' })).statusCode).toBe(200);
  });
});

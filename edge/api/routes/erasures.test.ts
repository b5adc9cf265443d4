import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ApiServer } from '../server.ts';
import { MemoryServices, sampleAt, serverOf, START_US } from '../services-kit.ts';

let api: ApiServer;
let services: MemoryServices;

beforeEach(() => {
  services = new MemoryServices();
  services.samples.set('plant/a', [sampleAt(START_US, 0.5)]);
  api = serverOf(services);
});

afterEach(() => api.close());

const GOOD = { tags: ['plant/a'], from: '2020-03-17T10:00:00Z', to: '2020-03-17T11:00:00Z', reason: 'a test' };

async function post(body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { 'content-type': 'application/json' };
  const answer = await api.inject({ method: 'POST', url: '/api/v1/erasures', headers, payload: JSON.stringify(body) });
  return { status: answer.statusCode, body: JSON.parse(answer.body) as Record<string, unknown> };
}

test('a dry run counts and erases nothing; an order is done and stands in the list', async () => {
  expect(await post({ ...GOOD, dryRun: true })).toMatchObject({ status: 200, body: { type: 'preview', samples: 1 } });
  expect(services.erased).toEqual([]);
  const { body } = await post(GOOD);
  expect(body).toMatchObject({ type: 'result', by: 'operator', reason: 'a test', done: true, tags: ['plant/a'] });
  const { type: _type, ...item } = body;
  const list = await api.inject({ url: '/api/v1/erasures' });
  expect(JSON.parse(list.body)).toEqual({ items: [item] });
});

test.each([
  ['no tag', { tags: [] }, 400, 'tags'],
  ['no reason', { reason: '' }, 400, 'reason'],
  ['a key that is none', { taggs: ['plant/a'] }, 400, 'taggs'],
  ['an empty span', { to: GOOD.from }, 400, 'The span is empty'],
  ['a time without a zone', { from: '2020-03-17T10:00:00' }, 400, 'has no zone'],
  ['an unknown tag', { tags: ['plant/x'] }, 404, 'plant/x'],
])('%s is refused, and nothing is erased', async (_name, more, status, detail) => {
  const answer = await post({ ...GOOD, ...more });
  expect([answer.status, String(answer.body['detail']).includes(detail)]).toEqual([status, true]);
  expect(services.erased).toEqual([]);
});

test('whatever is sent is done or refused, and nothing is erased that was not said in full', async () => {
  const junk = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string()), fc.object());
  const field = fc.constantFrom('tags', 'prefix', 'from', 'to', 'reason', 'by', 'dryRun', '__proto__', 'x');
  await fc.assert(
    fc.asyncProperty(fc.dictionary(field, junk, { maxKeys: 4 }), async (more) => {
      services.erased = [];
      const { status } = await post({ ...GOOD, ...more });
      expect([200, 400, 404]).toContain(status);
      if (services.erased.length === 0) return;
      expect(status).toBe(200);
      const [order] = services.erased;
      expect([order?.reason === '', order?.tags.length === 0]).toEqual([false, false]);
    }),
    { numRuns: 300 },
  );
});

import { Agent, request } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { allRoutes } from './routes.ts';
import { MemoryServices, sampleAt, serverOf, START_US } from './services-kit.ts';

const services = new MemoryServices();
services.samples.set('plant/a', [sampleAt(START_US, 1)]);
const api = serverOf(services);

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

afterAll(async () => {
  agent.destroy();
  await api.close();
});

const route = fc.constantFrom(...allRoutes('0.0.0').map(({ path }) => path));
const name = fc.constantFrom(
  'tag',
  'from',
  'to',
  'match',
  'after',
  'limit',
  'interval',
  'aggregate',
  'points',
  'x',
  '__proto__',
  'constructor',
);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('plant/a', '2020-03-17T10:14:33Z', '**', '1', '-1', '1m', 'mean', 'mean,max', ''),
);
const header = fc.stringMatching(/^[\x20-\x7e]{0,40}$/);

/** Whether an answer is what a caller can live with: done, or a problem that is the caller's, in the form of Prometheus where that is asked for. */
function isFair(path: string, status: number, body: string): boolean {
  if (status < 400) return true;
  const problem = JSON.parse(body) as { status: unknown; errorType?: unknown };
  const asPrometheus =
    path.startsWith('/prometheus/') && problem.status === 'error' && problem.errorType === 'bad_data';
  return status < 500 && (problem.status === status || asPrometheus);
}

test('no query makes the gateway fail', async () => {
  const query = fc.array(fc.tuple(name, text), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(route, query, fc.constantFrom('GET', 'POST', 'DELETE'), async (path, parameters, method) => {
      // Texts that are no UTF-16 cannot stand in a URL.
      const given = parameters.map(([key, value]) => `${key}=${encodeURIComponent(value.toWellFormed())}`);
      const url = `${path.replace('{name}', 'cloud').replace('{id}', 'model%2Fa-health')}?${given.join('&')}`;
      const answer = await api.inject({ method, url });
      expect(isFair(path, answer.statusCode, answer.body)).toBe(true);
    }),
    { numRuns: 400 },
  );
});

/** Sends an address as it stands, which `fetch` and `inject` would tidy up first. */
async function send(port: number, address: string, headers: Record<string, string>) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const sent = request({ port, host: '127.0.0.1', path: address, headers, agent }, (answer) => {
    textOf(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject);
  });
  sent.once('error', reject);
  sent.end();
  return promise;
}

test('no header and no address makes the gateway fail', async () => {
  const { port } = await api.listen();
  const address = fc.stringMatching(/^\/[\x21-\x7e]{0,60}$/);
  const host = fc.oneof(header, fc.constant('localhost'));
  await fc.assert(
    fc.asyncProperty(fc.oneof(route, address), host, header, header, async (at, hostHeader, origin, accept) => {
      const { status, body } = await send(port, at, { host: hostHeader, origin, accept });
      expect(isFair(at, status, body)).toBe(true);
    }),
    { numRuns: 400 },
  );
});

test('no body makes the gateway fail', async () => {
  const type = fc.constantFrom('application/json', 'text/plain', 'application/octet-stream', 'x', '');
  await fc.assert(
    fc.asyncProperty(type, fc.oneof(fc.string(), fc.json()), async (contentType, payload) => {
      const headers = { 'content-type': contentType };
      const url = '/api/v1/links/cloud/verify';
      const answer = await api.inject({ method: 'POST', url, headers, payload });
      expect(isFair(url, answer.statusCode, answer.body)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

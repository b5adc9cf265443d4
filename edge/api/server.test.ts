import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { catalogue } from '../core/fault-catalogue.ts';
import type { Method, Route } from './route.ts';
import { allRoutes } from './routes.ts';
import type { ApiServer } from './server.ts';
import { MemoryServices, sampleAt, serverOf, START_US } from './services-kit.ts';
import { problemShape } from './shapes.ts';

let services: MemoryServices;
let api: ApiServer;

beforeEach(() => {
  services = new MemoryServices();
  services.samples.set(
    'plant/a',
    [0, 1, 2].map((i) => sampleAt(START_US + i * 1_000_000, i + 0.5)),
  );
  services.samples.set('plant/b', [sampleAt(START_US, 7)]);
  api = serverOf(services);
});

afterEach(async () => {
  await api.close();
});

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

async function get(
  url: string,
  headers: Record<string, string> = {},
  method: Method = 'GET',
  body?: object,
): Promise<Answer> {
  const answer = await api.inject({ method, url, headers, ...(body === undefined ? {} : { payload: body }) });
  return { status: answer.statusCode, type: String(answer.headers['content-type']), text: answer.body };
}

async function json(url: string): Promise<unknown> {
  const { status, text } = await get(url);
  expect(status).toBe(200);
  return JSON.parse(text);
}

async function problem(url: string, headers: Record<string, string> = {}): Promise<z.output<typeof problemShape>> {
  const { type, text, status } = await get(url, headers);
  expect(type).toBe('application/problem+json');
  const document = problemShape.parse(JSON.parse(text));
  expect(document.status).toBe(status);
  return document;
}

async function paths(query: string): Promise<string[]> {
  const { items } = (await json(`/api/v1/tags${query}`)) as { items: { path: string }[] };
  return items.map(({ path }) => path);
}

/** Begins to listen, and returns where. */
async function origin(): Promise<string> {
  const { host, port } = await api.listen();
  return `http://${host}:${port}`;
}

describe('every route', () => {
  const routes = allRoutes('0.0.0').map((route) => [`${route.method} ${route.path}`, route] as const);
  const queries: Record<string, string> = {
    history: '?tag=plant/a',
    eventFrames: '?tag=plant/a&above=0',
    latest: '?tag=plant/a',
    live: '?tag=**',
    prometheusQuery: '?query=1',
    prometheusQueryForm: '?query=1',
    prometheusQueryRange: '?query=1&start=0&end=1&step=1',
    prometheusQueryRangeForm: '?query=1&start=0&end=1&step=1',
  };
  const span = { from: '2020-03-17T10:00:00Z', to: '2020-03-17T11:00:00Z' };
  const bodies: Record<string, object> = {
    erase: { tags: ['plant/a'], ...span, reason: 'a test' },
    sql: { sql: 'SELECT 1 AS n' },
  };
  const fault = 'valve-partly-closed';
  const names: Record<string, string> = { verifyLink: 'cloud', beginDemoFault: fault, endDemoFault: fault };
  const address = ({ path, operation }: Route): string =>
    path.replace('{name}', names[operation] ?? '').replace('{id}', 'model%2Fa-health');

  test.each(routes)('%s answers as the OpenAPI document says', async (_name, route) => {
    const url = address(route) + (queries[route.operation] ?? '');
    for (const { mediaType, schema, status } of route.answers.filter((answer) => answer.status === 200)) {
      const answer = await get(url, { accept: mediaType }, route.method, bodies[route.operation]);
      expect(answer.status).toBe(status);
      expect(answer.type.split(';')[0]).toBe(mediaType);
      if (schema === undefined) continue;
      const texts = mediaType === 'application/x-ndjson' ? answer.text.trim().split('\n') : [answer.text];
      for (const text of texts) expect(schema.safeParse(JSON.parse(text)).error).toBeUndefined();
    }
  });

  // Grafana sends Prometheus what Prometheus knows, and more with each version.
  const strict = routes.filter(([, { path }]) => !path.startsWith('/prometheus/'));

  test.each(strict)('%s refuses a parameter that it does not have', async (_name, route) => {
    const answer = await get(`${address(route)}?tga=1`, {}, route.method);
    expect([answer.status, answer.type]).toEqual([400, 'application/problem+json']);
  });
});

describe('health', () => {
  test('readiness is 503 with what is not ready and why', async () => {
    services.ready = false;
    const { status, text } = await get('/readyz');
    expect(status).toBe(503);
    expect(JSON.parse(text)).toEqual({
      ready: false,
      parts: [{ name: 'log', ready: false, detail: 'It is being recovered.' }],
    });
  });

  test('metrics are in the text format of Prometheus', async () => {
    const { type, text } = await get('/metrics');
    expect(type).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toContain('millrace_samples_logged_total 3');
  });
});

describe('tags', () => {
  test('come in the order of their paths, by pattern', async () => {
    services.samples.set('plant/B/c', []);
    expect(await paths('')).toEqual(['plant/B/c', 'plant/a', 'plant/b']);
    expect(await paths('?match=plant/*')).toEqual(['plant/a', 'plant/b']);
    expect(await paths('?match=plant/b/**')).toEqual(['plant/B/c', 'plant/b']);
  });

  test('come in pages', async () => {
    const first = await json('/api/v1/tags?limit=1');
    expect(first).toMatchObject({ items: [{ path: 'plant/a' }], next: 'plant/a' });
    expect(await json('/api/v1/tags?limit=1&after=plant/a')).toMatchObject({
      items: [{ path: 'plant/b' }],
      next: null,
    });
  });

  test.each(['limit=0', 'limit=x', 'limit=50001', 'match=', 'limit=1&limit=2'])('?%s is refused', async (query) => {
    expect(await problem(`/api/v1/tags?${query}`)).toMatchObject({
      status: 400,
      type: 'urn:millrace:error:request-invalid',
    });
  });
});

describe('a parameter that does not fit', () => {
  test.each([
    ['/api/v1/tags?limit=x', 'limit: expected a whole number from 1 to 50000.'],
    ['/api/v1/tags?match=a&match=b', 'match: given several times, expected a pattern.'],
    ['/api/v1/history', 'tag: missing, expected 1 to 1,000 tag paths.'],
    ['/api/v1/tags?first=1', 'first: not a parameter of this route.'],
    ['/healthz?deep=1', 'deep is not a parameter of this route.'],
  ])('%s: %s', async (path, detail) => {
    expect(await problem(path)).toMatchObject({ status: 400, detail });
  });
});

describe('latest', () => {
  test('of some tags, or of all', async () => {
    expect(await json('/api/v1/latest?tag=plant/a&tag=PLANT/B')).toMatchObject({
      items: [{ value: 2.5 }, { value: 7 }],
    });
    expect(await json('/api/v1/latest')).toMatchObject({ items: [{ tag: 'plant/a' }, { tag: 'plant/b' }] });
  });

  test('of a tag that does not exist is 404', async () => {
    expect(await problem('/api/v1/latest?tag=plant/x')).toMatchObject({ status: 404, detail: 'plant/x' });
  });
});

describe('history', () => {
  const times = 'from=2020-03-17T10:14:33Z&to=2020-03-17T10:14:35Z';
  const FIRST = '2020-03-17T10:14:33.000000Z';
  const SECOND = '2020-03-17T10:14:34.000000Z';

  test('has from, and has not to', async () => {
    const { text } = await get(`/api/v1/history?tag=plant/a&${times}`, { accept: 'text/csv' });
    expect(text).toBe('time,value,quality\n2020-03-17T10:14:33.000000Z,0.5,0\n2020-03-17T10:14:34.000000Z,1.5,0\n');
  });

  test('of several tags is tag by tag', async () => {
    const { text } = await get(`/api/v1/history?tag=plant/b&tag=plant/a&${times}`, { accept: 'text/csv' });
    expect(text.split('\n').map((line) => line.split(',')[0])).toEqual(['tag', 'plant/b', 'plant/a', 'plant/a', '']);
  });

  test('is JSON unless asked otherwise, and everything without from and to', async () => {
    const { items } = (await json('/api/v1/history?tag=plant/a')) as { items: unknown[] };
    expect(items).toHaveLength(3);
  });

  test('ends with the number of its gaps, which CSV has no room for', async () => {
    for (const accept of ['text/csv', 'application/json']) {
      const answer = await api.inject({ url: '/api/v1/history?tag=plant/a', headers: { accept } });
      expect([answer.headers['trailer'], answer.trailers['millrace-gaps']]).toEqual(['millrace-gaps', '0']);
    }
  });

  test('a plus of a zone that a URL made a blank is understood', async () => {
    const { items } = (await json('/api/v1/history?tag=plant/a&from=2020-03-17T11:14:35+01:00')) as {
      items: unknown[];
    };
    expect(items).toHaveLength(1);
  });

  test.each([
    ['?from=2020-03-17T10:14:33Z', 400, 'request-invalid'],
    ['?tag=', 400, 'request-invalid'],
    ['?tag=plant/a&from=2020-03-17T10:14:33', 400, 'time-invalid'],
    ['?tag=plant/a&to=yesterday', 400, 'time-invalid'],
    ['?tag=plant/a&interval=1m', 400, 'request-invalid'],
    ['?tag=plant/a&points=0', 400, 'request-invalid'],
    ['?tag=plant/a&points=10&interval=1m&aggregate=mean', 400, 'request-invalid'],
    ['?tag=plant/a&interval=1x&aggregate=mean', 400, 'request-invalid'],
    ['?tag=plant/a&interval=1m&aggregate=median', 400, 'request-invalid'],
    ['?tag=plant/x', 404, 'tag-unknown'],
  ])('%s is %d %s', async (query, status, code) => {
    expect(await problem(`/api/v1/history${query}`)).toMatchObject({ status, type: `urn:millrace:error:${code}` });
  });

  test('as aggregates or as a chart', async () => {
    const aggregates = `/api/v1/history?tag=plant/a&${times}&interval=1s&aggregate=mean,count`;
    expect(await json(aggregates)).toMatchObject({
      items: [
        {
          tag: 'plant/a',
          interval: '1s',
          aggregates: ['mean', 'count'],
          rows: [
            [FIRST, 0.5, 1],
            [SECOND, 1.5, 1],
          ],
        },
      ],
      gaps: [],
    });
    const { text } = await get(`${aggregates}&tag=plant/b`, { accept: 'text/csv' });
    expect(text.split('\n').slice(0, 2)).toEqual(['tag,time,mean,count', `plant/a,${FIRST},0.5,1`]);
    expect(await json(`/api/v1/history?tag=plant/a&${times}&points=100`)).toMatchObject({
      items: [
        {
          tag: 'plant/a',
          raw: true,
          bucketSeconds: null,
          points: [
            [FIRST, 0.5, 0.5, 0.5, 0.5, 1],
            [SECOND, 1.5, 1.5, 1.5, 1.5, 1],
          ],
        },
      ],
    });
  });

  test('a format that does not exist is 406', async () => {
    const accept = 'image/png';
    expect(await problem('/api/v1/history?tag=plant/a', { accept })).toMatchObject({ status: 406 });
  });
});

describe('links', () => {
  test('a verification ends with its result', async () => {
    const { text } = await get('/api/v1/links/cloud/verify', {}, 'POST');
    expect(JSON.parse(text)).toEqual({ type: 'result', equal: true, topics: [] });
  });

  test('a link that does not exist is 404', async () => {
    const { status, text } = await get('/api/v1/links/other/verify', {}, 'POST');
    expect(status).toBe(404);
    expect(JSON.parse(text)).toMatchObject({ type: 'urn:millrace:error:link-unknown', detail: 'other' });
  });
});

describe('what is refused', () => {
  test('an address that does not exist', async () => {
    expect(await problem('/nothing')).toMatchObject({ status: 404, type: 'urn:millrace:error:not-found' });
  });

  test.each([
    { host: 'evil.example' },
    { host: 'localhost:80', origin: 'http://evil.example' },
    { host: 'localhost:80', origin: 'null' },
  ])('a request of another page: %o', async (headers) => {
    expect(await problem('/api/v1/tags', headers)).toMatchObject({
      status: 403,
      type: 'urn:millrace:error:host-refused',
    });
    expect((await get('/nothing', headers)).status).toBe(403);
  });

  test('a body that is too large', async () => {
    const payload = JSON.stringify('x'.repeat(70_000));
    const headers = { 'content-type': 'application/json' };
    const answer = await api.inject({ method: 'POST', url: '/api/v1/links/cloud/verify', headers, payload });
    expect(answer.statusCode).toBe(413);
    expect(answer.json()).toMatchObject({ type: 'urn:millrace:error:request-invalid', status: 413 });
  });

  test('an address that is no address', async () => {
    expect((await get('/%zz')).status).toBe(400);
  });

  test('an error of the gateway is 500 and says nothing of its inside but the message', async () => {
    services.connectors = () => {
      throw new Error('no such thing');
    };
    expect(await problem('/api/v1/connectors')).toEqual({
      type: 'urn:millrace:error:internal',
      title: catalogue.internal.what,
      status: 500,
      detail: 'no such thing',
      todo: catalogue.internal.todo,
    });
  });
});

describe('on a real socket', () => {
  test('a long history is streamed as it is taken, and given up with its asker', async () => {
    const samples = Array.from({ length: 20_000 }, (_, i) => sampleAt(START_US + i, i));
    services.samples.set('plant/long', samples);
    services.pageSamples = 1000;
    const answer = await fetch(`${await origin()}/api/v1/history?tag=plant/long`, { headers: { accept: 'text/csv' } });
    const lines = (await answer.text()).split('\n');
    expect(lines).toHaveLength(20_002);
    expect(lines.at(-2)).toBe('2020-03-17T10:14:33.019999Z,19999,0');
    expect(services.histories).toEqual({ begun: 1, ended: 1 });
  });

  test('an asker that goes away ends the history', async () => {
    services.pageSamples = 1;
    let asked: AbortSignal | undefined;
    services.beforePage = ({ signal }) =>
      new Promise((_resolve, reject) => {
        asked = signal;
        signal.addEventListener('abort', () => reject(new Error('gone')));
        leave.abort();
      });
    const leave = new AbortController();
    const url = `${await origin()}/api/v1/history?tag=plant/a`;
    await expect(fetch(url, { signal: leave.signal }).then((answer) => answer.text())).rejects.toThrow('aborted');
    await expect.poll(() => [asked?.aborted, services.histories.ended]).toEqual([true, 1]);
  });

  test('an error in the middle breaks the answer off instead of ending it', async () => {
    const samples = Array.from({ length: 10_000 }, (_, i) => sampleAt(START_US + i, i));
    services.samples.set('plant/long', samples);
    services.pageSamples = 5000;
    services.beforePage = () => Promise.reject(new Error('the disk is gone'));
    const answer = await fetch(`${await origin()}/api/v1/history?tag=plant/long`);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow('terminated');
  });

  test('one history too many is refused until another has ended', async () => {
    const url = `${await origin()}/api/v1/history?tag=plant/a`;
    services.pageSamples = 1;
    const gate = Promise.withResolvers<void>();
    services.beforePage = () => gate.promise;
    const slow = Array.from({ length: 16 }, async () => (await fetch(url)).status);
    await expect.poll(() => services.histories.begun).toBe(16);
    const refused = await fetch(url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    gate.resolve();
    expect(await Promise.all(slow)).toEqual(Array(16).fill(200));
    expect((await fetch(url)).status).toBe(200);
  });

  test('what is no HTTP at all is answered and closed', async () => {
    const { port } = await api.listen();
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end('hello\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('an address that is taken is a fault', async () => {
    const { host, port } = await api.listen();
    const other = serverOf(services, { host, port });
    await expect(other.listen()).rejects.toMatchObject({ code: 'listen-failed' });
    await other.close();
  });
});

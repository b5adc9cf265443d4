import type { InjectOptions } from 'fastify';
import { afterAll, describe, expect, test } from 'vitest';
import { allRoutes } from './routes.ts';
import { MemoryServices, serverOf } from './services-kit.ts';
import { problemShape } from './shapes.ts';

type Method = NonNullable<InjectOptions['method']>;

const api = serverOf(new MemoryServices());

afterAll(() => api.close());

async function ask(method: Method, url: string, headers: Record<string, string> = {}, payload?: string) {
  const answer = await api.inject({
    method,
    url,
    headers,
    ...(payload === undefined ? {} : { payload }),
  });
  const { type, detail } = problemShape.parse(JSON.parse(answer.body));
  return { status: answer.statusCode, allow: answer.headers['allow'], type, detail };
}

describe('a method that an address does not have is 405, with those that it has', () => {
  const type = 'urn:millrace:error:method-not-allowed';

  test.each<[Method, string, string]>([
    ['POST', '/api/v1/tags', 'GET, HEAD'],
    ['DELETE', '/', 'GET, HEAD'],
    ['PUT', '/assets/app.js', 'GET, HEAD'],
    ['PATCH', '/api/v1/tags?limit=1', 'GET, HEAD'],
    ['GET', '/api/v1/links/cloud/verify', 'POST'],
    ['OPTIONS', '/api/v1/links/cloud%2Feu/verify', 'POST'],
    ['PUT', '/api/v1/demo/faults/leak', 'POST, DELETE'],
    ['PUT', '/prometheus/api/v1/query', 'GET, HEAD, POST'],
    // A method that no route has, and that the framework does not know either.
    ['PROPFIND', '/openapi.json', 'GET, HEAD'],
  ])('%s %s', async (method, url, allow) => {
    const path = url.split('?')[0];
    const detail = `${method} ${path}: what there is, is ${allow}.`;
    expect(await ask(method, url)).toEqual({ status: 405, allow, type, detail });
  });

  test('whatever the body is', async () => {
    const headers = { 'content-type': 'text/plain' };
    expect(await ask('PUT', '/api/v1/tags', headers, 'x'.repeat(70_000))).toMatchObject({ status: 405 });
  });

  test('every address of the API', async () => {
    const byPath = Map.groupBy(allRoutes('0.0.0'), ({ path }) => path);
    for (const [path, routes] of byPath) {
      const { status, allow } = await ask('PATCH', path.replaceAll(/\{\w+\}/g, 'x'));
      expect([path, status]).toEqual([path, 405]);
      expect(String(allow).split(', ')).toEqual(expect.arrayContaining(routes.map(({ method }) => method)));
    }
  });
});

describe('an address that does not exist is 404 for every method', () => {
  const type = 'urn:millrace:error:not-found';

  test.each<[Method, string]>([
    ['GET', '/nothing'],
    ['POST', '/api/v1/tags/'],
    ['PUT', '/api/v1/links//verify'],
    ['GET', '/openapixjson'],
    ['POST', '/openapixjson'],
    ['DELETE', '/api/v1/links/a/b/verify'],
  ])('%s %s', async (method, url) => {
    expect(await ask(method, url)).toEqual({ status: 404, allow: undefined, type, detail: `${method} ${url}` });
  });
});

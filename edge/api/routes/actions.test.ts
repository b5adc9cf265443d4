import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ApiServer } from '../server.ts';
import { MemoryServices, serverOf, START_US } from '../services-kit.ts';

let services: MemoryServices;
let api: ApiServer;

beforeEach(() => {
  services = new MemoryServices();
  api = serverOf(services);
});

afterEach(async () => {
  await api.close();
});

const ALARM = '/api/v1/alarms/model%2Fa-health';
const FAULT = '/api/v1/demo/faults/valve-partly-closed';

async function ask(
  method: 'GET' | 'POST' | 'DELETE',
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  const payload =
    body === undefined
      ? {}
      : { payload: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } };
  const answer = await api.inject({ method, url, headers, ...payload });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
}

describe('alarms', () => {
  test('are told with ranked reasons', async () => {
    expect((await ask('GET', '/api/v1/alarms')).body).toEqual({
      items: [
        {
          id: 'model/a-health',
          name: 'a-health',
          kind: 'model',
          tag: 'plant/a-health-score',
          asset: 'plant',
          state: 'UNACK',
          priority: 'high',
          since: '2020-03-17T10:14:33.000000Z',
          shelvedUntil: null,
          message: 'a is not as it should be with b',
          value: 1.7,
          limit: 1,
          reasons: [
            { signal: 'plant/a', expected: 1, seen: 2.5, share: 0.8 },
            { signal: 'plant/b', expected: 7, seen: 7.1, share: 0.2 },
          ],
        },
      ],
    });
  });

  test('are acknowledged, with or without a name', async () => {
    expect(await ask('POST', `${ALARM}/acknowledge`, { by: 'anna' })).toMatchObject({
      status: 200,
      body: { alarm: { state: 'ACKED' } },
    });
    expect(await ask('POST', `${ALARM}/acknowledge`)).toMatchObject({
      status: 409,
      body: { type: 'urn:millrace:error:alarm-state' },
    });
    expect(await ask('POST', '/api/v1/alarms/other/acknowledge')).toMatchObject({ status: 404 });
    expect(services.actions).toEqual([{ id: 'model/a-health', action: 'acknowledge', by: 'anna' }]);
  });

  test.each([
    [undefined, 3600],
    [{ for: '30m' }, 1800],
    [{ until: '2020-03-17T11:14:34+01:00' }, 1],
    [{ for: '7d', by: 'anna' }, 604_800],
  ])('are shelved: %o is %d s', async (body, seconds) => {
    expect(await ask('POST', `${ALARM}/shelve`, body)).toMatchObject({
      status: 200,
      body: { alarm: { state: 'SHLVD' } },
    });
    expect(services.actions).toMatchObject([{ action: 'shelve', untilUs: START_US + seconds * 1e6 }]);
    expect(await ask('POST', `${ALARM}/unshelve`)).toMatchObject({ body: { alarm: { shelvedUntil: null } } });
  });

  test.each([
    { for: '8d' },
    { for: '0s' },
    { for: 'long' },
    { until: '2020-03-17T10:14:33Z' },
    { until: '2020-03-17T10:14:33' },
    { until: '2020-03-18T10:14:33Z', for: '1h' },
    { by: '' },
    { by: 7 },
    { who: 'anna' },
    [],
    'text',
  ])('are not shelved by %o', async (body) => {
    expect((await ask('POST', `${ALARM}/shelve`, body)).status).toBe(400);
    expect(services.actions).toEqual([]);
  });

  test('no body makes the gateway fail', async () => {
    const field = fc.oneof(fc.string(), fc.constantFrom('1h', '30m', '2020-03-18T10:14:33Z'), fc.jsonValue());
    const body = fc.record({ by: field, until: field, for: field }, { requiredKeys: [] });
    await fc.assert(
      fc.asyncProperty(fc.oneof(body, fc.jsonValue()), async (value) => {
        const { status } = await ask('POST', `${ALARM}/shelve`, value);
        expect([200, 400]).toContain(status);
      }),
    );
  });
});

describe('faults of the demo', () => {
  test('are switched on and off, twice the same is no error', async () => {
    const on = { status: 200, body: { items: [{ active: true, since: '2020-03-17T10:14:33.000000Z' }] } };
    const off = { status: 200, body: { items: [{ active: false, since: null }] } };
    expect(await ask('GET', '/api/v1/demo/faults')).toMatchObject(off);
    expect(await ask('POST', FAULT)).toMatchObject(on);
    expect(await ask('POST', FAULT)).toMatchObject(on);
    expect(await ask('DELETE', FAULT)).toMatchObject(off);
    expect(await ask('DELETE', FAULT)).toMatchObject(off);
  });

  test('one that does not exist is 404, and so are all where there is no demo', async () => {
    expect((await ask('POST', '/api/v1/demo/faults/other')).status).toBe(404);
    services.demo = undefined;
    expect((await ask('GET', '/api/v1/demo/faults')).status).toBe(404);
    expect((await ask('POST', FAULT)).status).toBe(404);
    expect((await ask('GET', '/api/v1/status')).body).toMatchObject({ demo: false, site: 'plant', ready: true });
  });
});

describe('a page of another origin cannot act', () => {
  test.each([
    ['with an Origin', { origin: 'http://evil.example' }],
    ['from a file or a frame', { origin: 'null' }],
    ['without an Origin, as for an image', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    ['on another port', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }],
    ['with a form', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
  ])('%s', async (_name, headers) => {
    for (const [method, url] of [
      ['POST', `${ALARM}/acknowledge`],
      ['POST', FAULT],
      ['DELETE', FAULT],
    ] as const) {
      expect(await ask(method, url, undefined, headers)).toMatchObject({
        status: 403,
        body: { type: 'urn:millrace:error:host-refused' },
      });
    }
    expect(services.actions).toEqual([]);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'with a body of %s',
    async (type) => {
      const answer = await api.inject({
        method: 'POST',
        url: `${ALARM}/acknowledge`,
        headers: { 'content-type': type },
        payload: '{"by":"x"}',
      });
      expect(answer.statusCode).toBe(415);
      expect(services.actions).toEqual([]);
    },
  );

  test('but can link to the dashboard, and the dashboard itself can act', async () => {
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect((await api.inject({ method: 'GET', url: '/', headers: link })).statusCode).toBe(200);
    const own = {
      origin: 'http://localhost:80',
      host: 'localhost:80',
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'cors',
    };
    expect((await ask('POST', `${ALARM}/acknowledge`, {}, own)).status).toBe(200);
  });
});

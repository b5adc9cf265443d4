import { mkdtempSync, rmSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataLock } from './data-lock.ts';
import { gatewayAt, type GatewayClient } from './gateway-client.ts';

let folder: string;
let lock: DataLock;
let client: GatewayClient;

beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-client-'));
  lock = await DataLock.take(folder);
  const found = await gatewayAt(folder);
  if (found === undefined) throw new Error('no gateway');
  client = found;
});

afterEach(async () => {
  client.close();
  await lock.release();
  rmSync(folder, { recursive: true });
});

function answer(status: number, body: string): RequestListener {
  return (_request, response) => response.writeHead(status).end(body);
}

test('there is no gateway where no folder is, or nobody listens', async () => {
  expect(await gatewayAt(path.join(folder, 'nothing'))).toBeUndefined();
  const empty = mkdtempSync(path.join(os.tmpdir(), 'millrace-client-'));
  expect(await gatewayAt(empty)).toBeUndefined();
  rmSync(empty, { recursive: true });
});

test('answers are read as JSON or as they come', async () => {
  lock.serve(answer(200, '{"a":1}'));
  expect(await client.json('/x')).toEqual({ a: 1 });
  expect(await text(await client.stream('/x'))).toBe('{"a":1}');
});

test('a problem document becomes its fault', async () => {
  lock.serve(answer(404, '{"type":"urn:millrace:error:tag-unknown","detail":"a/b"}'));
  await expect(client.json('/x')).rejects.toMatchObject({ code: 'tag-unknown', detail: 'a/b' });
});

test.each([
  ['an unknown type', '{"type":"urn:millrace:error:new","detail":"Something."}', 'Something.'],
  ['no document', 'oops', 'It answered with status 500.'],
  ['null', 'null', 'Status 500.'],
])('%s becomes gateway-failed', async (_name, body, detail) => {
  lock.serve(answer(500, body));
  await expect(client.json('/x')).rejects.toMatchObject({ code: 'gateway-failed', detail });
});

test('a status that is allowed is an answer', async () => {
  lock.serve(answer(503, '{"ready":false}'));
  expect(await client.json('/readyz', { allow: [503] })).toEqual({ ready: false });
});

test('an answer that breaks off is a fault, not an end', async () => {
  lock.serve((_request, response) => {
    response.write('half');
    response.once('drain', () => undefined);
    setImmediate(() => response.destroy());
  });
  await expect(client.stream('/x').then(text)).rejects.toMatchObject({ code: 'gateway-failed' });
});

test('an asker that goes away ends the request', async () => {
  const gone = new AbortController();
  lock.serve((_request, response) => {
    response.write('first');
    setImmediate(() => gone.abort());
  });
  await expect(client.stream('/x', { signal: gone.signal }).then(text)).rejects.toThrow(/broke off|aborted/);
});

test('a gateway that has gone meanwhile does not run', async () => {
  const other = mkdtempSync(path.join(os.tmpdir(), 'millrace-client-'));
  const gone = await DataLock.take(other);
  const asker = await gatewayAt(other);
  await gone.release();
  await expect(asker?.json('/x')).rejects.toMatchObject({ code: 'gateway-not-running' });
  asker?.close();
  rmSync(other, { recursive: true });
});

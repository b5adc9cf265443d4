import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type AsyncuaNode, startAsyncua } from '../../test/services/asyncua.ts';
import { requireService } from '../../test/services/require.ts';
import { freePort } from '../../test/services/wait.ts';
import { OpcuaClient } from './client.ts';
import type { OpcuaConfig } from './config.ts';
import { OPCUA_LIMITS } from './limits.ts';
import { configOf, pkiFolder, startClient } from './opcua-rig.ts';

const python = requireService('python');
const NAMESPACE = 'urn:test:plant';
const X: AsyncuaNode = { id: 'x', namespace: NAMESPACE, path: ['x'], type: 'Int32', value: '1' };
const served = { namespaces: [NAMESPACE], nodes: [X] };
const nodes = [{ id: `nsu=${NAMESPACE};s=x`, tag: 'a/x' }];
const SECURE = { policy: 'Basic256Sha256', mode: 'SignAndEncrypt' } as const;
const policies = [
  'NoSecurity',
  'Basic256Sha256_SignAndEncrypt',
  'Basic256Sha256_Sign',
  'Aes256Sha256RsaPss_SignAndEncrypt',
  'Aes128Sha256RsaOaep_SignAndEncrypt',
];

async function failure(config: OpcuaConfig): Promise<unknown> {
  const client = new OpcuaClient(config, { ...OPCUA_LIMITS, connectMs: 1_000, requestMs: 2_000 });
  onTestFinished(() => client.close());
  return await client.open(new AbortController().signal).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** What an operator does after comparing fingerprints. */
function trustRejected(pki: string): void {
  const trusted = join(pki, 'trusted', 'certs');
  mkdirSync(trusted, { recursive: true });
  for (const name of readdirSync(join(pki, 'rejected'))) renameSync(join(pki, 'rejected', name), join(trusted, name));
}

describe.skipIf(!python.available)('the connection to an independent server', () => {
  test('a server that stops rejects `read`; started again it can be opened again', async () => {
    await using server = await startAsyncua(served);
    const config = configOf({ endpoints: [server.url], pki: pkiFolder(), nodes });
    const rig = await startClient(config);
    await rig.until('a/x', 1);
    await server.stop();
    await expect.poll(() => rig.ended, { timeout: 15_000 }).toMatchObject({ code: 'opcua-lost' });
    await rig.client.close();
    expect(await failure(config)).toMatchObject({ code: 'opcua-unreachable' });
    await server.restart();
    const again = await startClient(config);
    expect((await again.until('a/x', 1))[0]?.value).toBe(1);
  });

  test('a server that is killed, and one that freezes, are found out', async () => {
    await using server = await startAsyncua(served);
    const config = configOf({ endpoints: [server.url], pki: pkiFolder(), nodes });
    const killed = await startClient(config);
    await killed.until('a/x', 1);
    await server.kill9();
    await expect.poll(() => killed.ended, { timeout: 15_000 }).toMatchObject({ code: 'opcua-lost' });
    await server.restart();
    const frozen = await startClient(config, { keepAliveMs: 200, requestMs: 1_000, closeMs: 500 });
    await frozen.until('a/x', 1);
    process.kill(server.pid, 'SIGSTOP');
    await expect.poll(() => frozen.ended, { timeout: 15_000 }).toMatchObject({ code: 'opcua-lost' });
  });

  test('the first endpoint that answers is used, by the address that is configured', async () => {
    await using server = await startAsyncua(served);
    const silent = createServer((socket) => socket.resume());
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    onTestFinished(() => void silent.close());
    const { port } = silent.address() as { port: number };
    // The server calls itself 127.0.0.1.
    const named = server.url.replace('127.0.0.1', 'localhost');
    const endpoints = [`opc.tcp://127.0.0.1:${await freePort()}`, `opc.tcp://127.0.0.1:${port}`, named];
    const rig = await startClient(configOf({ endpoints, pki: pkiFolder(), nodes }), {
      connectMs: 500,
      requestMs: 1_000,
    });
    await rig.until('a/x', 1);
    expect(rig.events()[0]).toEqual({ type: 'event', event: 'connected', source: named });
  });

  test('an untrusted server is refused: the fault says where its certificate lies; once that is moved the server is trusted', async () => {
    await using server = await startAsyncua({ ...served, policies });
    const pki = pkiFolder();
    const config = configOf({ endpoints: [server.url], pki, nodes, channel: SECURE });
    const refused = await failure(config);
    expect(refused).toMatchObject({ code: 'opcua-certificate-untrusted' });
    expect(String(refused)).toContain(join(pki, 'rejected'));
    expect(String(refused)).toContain(join(pki, 'trusted', 'certs'));
    expect(await failure(config)).toMatchObject({ code: 'opcua-certificate-untrusted' });
    trustRejected(pki);
    const rig = await startClient(config);
    await rig.until('a/x', 1);
    for (const channel of [
      { policy: 'Aes256_Sha256_RsaPss', mode: 'SignAndEncrypt' },
      { policy: 'Aes128_Sha256_RsaOaep', mode: 'SignAndEncrypt' },
      { policy: 'Basic256Sha256', mode: 'Sign' },
    ] as const) {
      const other = await startClient({ ...config, channel });
      await other.until('a/x', 1);
    }
    // Another server in its place has another certificate.
    await server.stop();
    await using impostor = await startAsyncua({ ...served, policies, port: server.port });
    expect(await failure({ ...config, endpoints: [impostor.url] })).toMatchObject({
      code: 'opcua-certificate-untrusted',
    });
  });

  test('a policy that the server does not offer is named, with those that it does', async () => {
    await using server = await startAsyncua(served);
    const fault = await failure(configOf({ endpoints: [server.url], pki: pkiFolder(), nodes, channel: SECURE }));
    expect(fault).toMatchObject({ code: 'opcua-endpoint-missing' });
    expect(String(fault)).toContain('offers None None; configured is Basic256Sha256 SignAndEncrypt');
  });

  test('a user with the right password gets in, with a wrong one not; the password never stands in the fault', async () => {
    await using server = await startAsyncua({ ...served, policies, users: { gateway: 'sesame' } });
    const pki = pkiFolder();
    const base = configOf({ endpoints: [server.url], pki, nodes, channel: SECURE });
    await failure(base);
    trustRejected(pki);
    process.env['TEST_OPCUA_RIGHT'] = 'sesame';
    process.env['TEST_OPCUA_WRONG'] = 'open-wide';
    const wrong = await failure({ ...base, identity: { user: 'gateway', password: { env: 'TEST_OPCUA_WRONG' } } });
    expect(wrong).toMatchObject({ code: 'opcua-refused' });
    expect(String(wrong)).toMatch(/BadUserAccessDenied|BadIdentityTokenRejected/);
    expect(String(wrong)).not.toContain('open-wide');
    expect(
      await failure({ ...base, identity: { user: 'gateway', password: { env: 'TEST_OPCUA_NONE' } } }),
    ).toMatchObject({
      code: 'secret-missing',
    });
    const rig = await startClient({ ...base, identity: { user: 'gateway', password: { env: 'TEST_OPCUA_RIGHT' } } });
    await rig.until('a/x', 1);
    expect(rig.values('a/x')[0]?.value).toBe(1);
  });
});

test('a password is not sent on an unprotected channel beyond loopback', async () => {
  process.env['TEST_OPCUA_RIGHT'] = 'sesame';
  const identity = { user: 'gateway', password: { env: 'TEST_OPCUA_RIGHT' } };
  const fault = await failure(configOf({ endpoints: ['opc.tcp://192.0.2.1:4840'], pki: pkiFolder(), nodes, identity }));
  expect(fault).toMatchObject({ code: 'opcua-password-unprotected' });
});

test('nothing that is printed comes from the library', async () => {
  const printed: unknown[] = [];
  for (const method of ['log', 'warn', 'error'] as const) {
    const spy = vi.spyOn(console, method).mockImplementation((...parts: unknown[]) => void printed.push(parts));
    onTestFinished(() => spy.mockRestore());
  }
  await failure(configOf({ endpoints: [`opc.tcp://127.0.0.1:${await freePort()}`], pki: pkiFolder(), nodes }));
  expect(printed).toEqual([]);
});

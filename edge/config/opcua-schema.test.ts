import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { OpcuaConfig } from '../../connectors/opcua/config.ts';
import { opcuaSchema } from './opcua-schema.ts';
import { parseDuration } from './quantities.ts';

const schema = opcuaSchema({
  name: z.string(),
  duration: (expected) => z.string(expected).transform((text) => parseDuration(text) ?? Number.NaN),
});
const least = { name: 'press', kind: 'opcua', endpoints: ['opc.tcp://10.0.0.5:4840'], browse: {} };

/** Messages of what is wrong. */
function wrong(changes: Record<string, unknown>): string[] {
  const { error } = schema.safeParse({ ...least, ...changes });
  return error?.issues.map(({ message }) => message) ?? [];
}

describe('the configuration of an OPC UA connector', () => {
  test('the least has the defaults of the contract, and fits the connector', () => {
    const config: OpcuaConfig = { ...schema.parse(least), pki: 'pki' };
    expect(config).toEqual({
      ...least,
      endpointHost: 'keep',
      channel: { policy: 'None', mode: 'None' },
      defaults: { sampling: 100, publishing: 500, queue: 10, discard: 'oldest' },
      browse: { from: 'Objects', include: ['**'] },
      time: 'device',
      pki: 'pki',
    });
  });

  test('all keys together are taken as they are', () => {
    const full = {
      ...least,
      channel: { policy: 'Aes256_Sha256_RsaPss', mode: 'SignAndEncrypt' },
      identity: { user: 'gateway', password: { env: 'PASSWORD' } },
      nodes: [{ id: 'nsu=urn:press;s=Force', tag: 'press1/force', unit: 'kN' }],
      browse: { from: 'nsu=urn:press;i=5', include: ['**/temp*'], prefix: 'pressing' },
      time: 'ingest',
    };
    expect(schema.parse(full)).toMatchObject(full);
  });

  test.each([
    [{ browse: undefined }, '`nodes`, `browse` or both'],
    [{ endpoints: ['http://x'] }, 'an address such as opc.tcp://10.0.0.5:4840'],
    [{ nodes: [{ id: 'ns=2;s=x', tag: 'a' }] }, 'the namespace by its URI'],
    [{ nodes: [{ id: 'i=1', tag: 'a//b' }] }, 'a tag path below the site'],
    [{ channel: { policy: 'None', mode: 'Sign' } }, 'both None or neither'],
    [{ channel: { policy: 'Basic256', mode: 'Sign' } }, 'one of None, Basic256Sha256'],
    [{ identity: { user: 'a', password: 'clear' } }, '`{ env: NAME }` or `{ file: PATH }`'],
    [{ defaults: { publishing: '1ms' } }, 'a time from 10ms to 1h'],
    [{ defaults: { queue: 0 } }, 'a whole number from 1 to 10000'],
    [{ browse: { from: 'ns=2;i=1' } }, '`Objects` or a node id'],
    [{ endpointHost: 'follow' }, '`keep`'],
    [{ other: 1 }, 'Unrecognized key'],
  ])('%j is refused: %s', (changes, message) => {
    expect(wrong(changes).join('\n')).toContain(message);
  });

  test('has a JSON Schema in which every key is described', () => {
    const { properties } = z.toJSONSchema(schema, { io: 'input' });
    for (const [key, property] of Object.entries(properties ?? {})) {
      expect([key, typeof property === 'object' && property.description !== undefined]).toEqual([key, true]);
    }
  });
});

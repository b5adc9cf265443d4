import { describe, expect, test } from 'vitest';
import { ValueKind } from '../../edge/core/sample.ts';
import { type AsyncuaNode, startAsyncua } from '../../test/services/asyncua.ts';
import { requireService } from '../../test/services/require.ts';
import { configOf, pkiFolder, startClient } from './opcua-rig.ts';

const python = requireService('python');
const NAMESPACE = 'urn:test:plant';
const BAD_NODE_ID_UNKNOWN = 0x80340000;
const BAD_NODE_ID_INVALID = 0x80330000;

function node(path: string[], namespace = NAMESPACE): AsyncuaNode {
  return { id: path.join('.'), namespace, path, type: 'Int32', value: String(path.join('').length) };
}

describe.skipIf(!python.available)('nodes of an independent server', () => {
  test('a bad node id among a hundred is reported with its reason, its tag gets a null sample, the others flow', async () => {
    const good = Array.from({ length: 98 }, (_, i) => node(['Line', `n${i}`]));
    await using server = await startAsyncua({ namespaces: [NAMESPACE], nodes: good });
    const nodes = good.map(({ id }) => ({ id: `nsu=${NAMESPACE};s=${id}`, tag: `line/${id}` }));
    nodes.splice(50, 0, { id: `nsu=${NAMESPACE};s=gone`, tag: 'line/gone' });
    nodes.splice(10, 0, { id: `nsu=urn:test:moved;s=x`, tag: 'line/moved' });
    const rig = await startClient(configOf({ endpoints: [server.url], pki: pkiFolder(), nodes }), { itemsPerCall: 30 });
    for (const { id } of good) await rig.until(`line/${id}`, 1);
    expect(rig.events()).toEqual([
      { type: 'event', event: 'connected', source: server.url },
      {
        type: 'event',
        event: 'problem',
        source: server.url,
        address: 'nsu=urn:test:moved;s=x',
        reason: 'the server does not have its namespace',
      },
      {
        type: 'event',
        event: 'problem',
        source: server.url,
        address: `nsu=${NAMESPACE};s=gone`,
        reason: 'BadNodeIdUnknown',
      },
    ]);
    for (const tag of ['line/gone', 'line/moved']) {
      const [raw] = rig.values(tag);
      expect(raw).toMatchObject({ kind: ValueKind.null, value: null, timeUs: null });
      expect([BAD_NODE_ID_UNKNOWN, BAD_NODE_ID_INVALID]).toContain(raw?.quality);
    }
  });

  test('a node is found by its namespace URI, whatever index the namespace has in this run', async () => {
    const uris = ['urn:test:a', 'urn:test:b', 'urn:test:c'];
    for (const namespaces of [uris, uris.toReversed()]) {
      const nodes = uris.map((uri) => ({ ...node(['x'], uri), value: String(uri.codePointAt(9)) }));
      await using server = await startAsyncua({ namespaces, nodes });
      const rig = await startClient(
        configOf({
          endpoints: [server.url],
          pki: pkiFolder(),
          nodes: uris.map((uri) => ({ id: `nsu=${uri};s=x`, tag: uri.replaceAll(':', '-') })),
        }),
      );
      for (const uri of uris) {
        const [raw] = await rig.until(uri.replaceAll(':', '-'), 1);
        expect(raw?.value).toBe(uri.codePointAt(9));
      }
    }
  });

  test('more items than a subscription may have make more subscriptions', async () => {
    const nodes = Array.from({ length: 25 }, (_, i) => node([`n${i}`]));
    await using server = await startAsyncua({ namespaces: [NAMESPACE], nodes });
    const rig = await startClient(
      configOf({ endpoints: [server.url], pki: pkiFolder(), browse: { from: 'Objects', include: ['*'], prefix: 'p' } }),
      { itemsPerSubscription: 10, itemsPerCall: 4 },
    );
    for (const { id } of nodes) await rig.until(`p/${id}`, 1);
    await server.write({ ...node(['n24']), value: '77' }, { ...node(['n0']), value: '78' });
    const [, last] = await rig.until('p/n24', 2);
    const [, first] = await rig.until('p/n0', 2);
    expect([last?.value, first?.value]).toEqual([77, 78]);
  });

  test('browsing takes variables whose path matches, with escaped names; configured nodes keep their own tag and class', async () => {
    const nodes = [
      node(['Press', 'Force']),
      node(['Press', 'Oil', 'Temp/°C']),
      node(['Press', 'Oil', 'Level']),
      node(['Mill', 'Speed']),
    ];
    await using server = await startAsyncua({ namespaces: [NAMESPACE], nodes });
    const rig = await startClient(
      configOf({
        endpoints: [server.url],
        pki: pkiFolder(),
        nodes: [{ id: `nsu=${NAMESPACE};s=Press.Oil.Level`, tag: 'own/level', class: 'critical' }],
        browse: { from: 'Objects', include: ['Press/**', '*/Nothing'], prefix: 'pressing', class: 'bulk' },
      }),
    );
    await rig.until('own/level', 1);
    await rig.until('pressing/Press/Force', 1);
    await rig.until('pressing/Press/Oil/Temp%2F°C', 1);
    const found = rig.messages().flatMap(({ values }) => values.map(({ tag, class: ofClass }) => `${tag} ${ofClass}`));
    expect(new Set(found)).toEqual(
      new Set(['own/level critical', 'pressing/Press/Force bulk', 'pressing/Press/Oil/Temp%2F°C bulk']),
    );
  });

  test('at its bounds browsing stops and says so', async () => {
    const nodes = Array.from({ length: 12 }, (_, i) => node(['F', `n${i}`]));
    await using server = await startAsyncua({ namespaces: [NAMESPACE], nodes });
    const config = configOf({
      endpoints: [server.url],
      pki: pkiFolder(),
      browse: { from: 'Objects', include: ['F/**'] },
    });
    const few = await startClient(config, { browsedNodes: 10 });
    await expect.poll(() => few.events().length).toBe(2);
    expect(few.events()[1]).toMatchObject({
      event: 'problem',
      reason: 'Browsing ends at 10 nodes: the others are not looked at.',
    });
    const shallow = await startClient(config, { browseDepth: 1 });
    await expect.poll(() => shallow.events().length).toBe(2);
    expect(shallow.events()[1]?.reason).toMatch(/^Deeper than 1 levels/);
  });
});

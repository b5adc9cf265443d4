import { afterAll, beforeAll } from 'vitest';
import { assert } from '../../edge/core/fault.ts';
import { describeConnector } from '../conformance.ts';
import type { Batch, Connector, Reading } from '../contract.ts';
import { OpcuaClient } from './client.ts';
import { type LibraryServer, LIBRARY_NAMESPACE, startLibraryServer } from './library-server.ts';
import { OPCUA_LIMITS } from './limits.ts';
import { configOf, pkiFolderFor } from './opcua-rig.ts';

const limits = { ...OPCUA_LIMITS, heldBytes: 256 * 1024, notificationsPerPublish: 4, keepAliveMs: 200 };
const pki = pkiFolderFor('conformance');
let server: LibraryServer | undefined;
const clients = new Map<Connector, { readonly client: OpcuaClient; readonly write: (text: string) => void }>();

beforeAll(async () => {
  server = await startLibraryServer();
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  pki.remove();
});

function toText(reading: Reading): Reading[] {
  if (reading.type !== 'message') return [reading];
  const value = reading.values[0]?.value;
  const text = typeof value === 'string' ? value : '';
  return text === '' ? [] : [{ ...reading, original: Buffer.from(text) }];
}

/** The suite compares `original` with the text that was sent; here that is a DataValue. The empty text is the value from before. */
function withTexts(client: OpcuaClient): Connector {
  return {
    open: (signal) => client.open(signal),
    async read(): Promise<Batch> {
      const batch = await client.read();
      return { readings: batch.readings.flatMap(toText), acknowledge: () => batch.acknowledge() };
    },
    close: () => client.close(),
  };
}

function partsOf(connector: Connector): { readonly client: OpcuaClient; readonly write: (text: string) => void } {
  const parts = clients.get(connector);
  assert(parts !== undefined, 'of this rig');
  return parts;
}

describeConnector('opcua', {
  create() {
    // Also where the suite opens nothing: the server is there for all tests.
    const name = `text-${clients.size}`;
    const write = server?.addText(name) ?? ((): void => undefined);
    const config = configOf({
      endpoints: [server?.url ?? ''],
      pki: pki.folder,
      defaults: { sampling: 0, publishing: 20, queue: 1_000, discard: 'oldest' },
      // What the server does not have changes nothing for the rest.
      nodes: [
        { id: `nsu=${LIBRARY_NAMESPACE};s=gone`, tag: 'gone' },
        { id: `nsu=${LIBRARY_NAMESPACE};s=${name}`, tag: name },
      ],
    });
    const client = new OpcuaClient(config, limits);
    const connector = withTexts(client);
    clients.set(connector, { client, write });
    return connector;
  },
  async connect(connector) {
    assert(server !== undefined, 'started');
    const { acknowledged } = server;
    const settle = server.settle.bind(server);
    const { write } = partsOf(connector);
    const from = acknowledged.length;
    // The value from before has arrived: what is written now is a change.
    await settle();
    return {
      send(text) {
        write(text);
        return {
          get acknowledged() {
            return acknowledged.slice(from).includes(text);
          },
        };
      },
      settle,
      close: async () => {},
    };
  },
  heldBytes: (connector) => partsOf(connector).client.heldBytes,
  heldLimit: limits.heldBytes,
});

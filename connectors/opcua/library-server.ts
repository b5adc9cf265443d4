import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DataChangeNotification,
  DataType,
  OPCUACertificateManager,
  OPCUAServer,
  PublishRequest,
  PublishResponse,
  StatusCodes,
} from 'node-opcua';
import { vi } from 'vitest';
import { assert } from '../../edge/core/fault.ts';
import { silenceLibrary } from './quiet.ts';

/** The namespace of its variables. */
export const LIBRARY_NAMESPACE = 'urn:test:library';

/** For tests of what the independent server cannot do: the library's own server, in this process. */
export interface LibraryServer extends AsyncDisposable {
  readonly url: string;
  /** Makes a variable of texts below the folder `Texts`; what is returned writes one. */
  addText(name: string): (text: string) => void;
  /** Texts of answers that a client has acknowledged, in order. */
  readonly acknowledged: string[];
  /** Resolves when a client has asked twice more: what it had to tell before has arrived. */
  settle(): Promise<void>;
}

export async function startLibraryServer(): Promise<LibraryServer> {
  silenceLibrary();
  const folder = mkdtempSync(join(tmpdir(), 'millrace-opcua-'));
  const manager = new OPCUACertificateManager({ rootFolder: folder, automaticallyAcceptUnknownCertificate: true });
  const port = await freePort();
  const server = new OPCUAServer({
    port,
    host: '127.0.0.1',
    hostname: '127.0.0.1',
    serverCertificateManager: manager,
    userCertificateManager: manager,
    // Each change counts, not only the last within 100 ms.
    serverCapabilities: { minSupportedSampleRate: 0 },
  });
  const acknowledged: string[] = [];
  const sent = new Map<string, string[]>();
  let asked = 0;
  server.on('request', (request: unknown) => {
    if (!(request instanceof PublishRequest)) return;
    asked++;
    for (const { subscriptionId, sequenceNumber } of request.subscriptionAcknowledgements ?? []) {
      acknowledged.push(...(sent.get(`${subscriptionId} ${sequenceNumber}`) ?? []));
    }
  });
  server.on('response', (response: unknown) => {
    if (!(response instanceof PublishResponse)) return;
    const { subscriptionId, notificationMessage } = response;
    sent.set(`${subscriptionId} ${notificationMessage.sequenceNumber}`, textsOf(notificationMessage.notificationData));
  });
  await server.initialize();
  const { addressSpace } = server.engine;
  assert(addressSpace !== null, 'initialised');
  const namespace = addressSpace.registerNamespace(LIBRARY_NAMESPACE);
  const parent = namespace.addFolder(addressSpace.rootFolder.objects, { browseName: 'Texts' });
  await server.start();
  return {
    url: `opc.tcp://127.0.0.1:${port}`,
    addText(name) {
      const variable = namespace.addVariable({
        componentOf: parent,
        browseName: name,
        nodeId: `s=${name}`,
        dataType: DataType.String,
        minimumSamplingInterval: 0,
      });
      const write = (text: string): void =>
        variable.setValueFromSource({ dataType: DataType.String, value: text }, StatusCodes.Good);
      write('');
      return write;
    },
    acknowledged,
    async settle() {
      const before = asked;
      await vi.waitUntil(() => asked >= before + 2, { timeout: 20_000, interval: 10 });
    },
    [Symbol.asyncDispose]: async () => {
      await server.shutdown(0);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function textsOf(notificationData: readonly unknown[] | null | undefined): string[] {
  return (notificationData ?? [])
    .filter((data) => data instanceof DataChangeNotification)
    .flatMap(({ monitoredItems }) => (monitoredItems ?? []).map(({ value }) => String(value.value.value)));
}

/** A port that was free a moment ago: the library's server cannot be told to take any. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DataType,
  MessageSecurityMode,
  OPCUACertificateManager,
  OPCUAServer,
  SecurityPolicy,
  StatusCodes,
  type Namespace,
  type UAVariable,
} from 'node-opcua';
import type { Device } from './device.ts';
import { loopback } from './free-port.ts';
import type { Readings } from './plant.ts';
import type { ProtocolServer } from './protocol-server.ts';

/** Its index is the server's affair: clients go by this name. */
const namespaceUri = 'urn:millrace:plant';

/** The node of a signal: `water/loop1/flow` is `ns=…;s=water.loop1.flow`. */
export function nodeIdText(path: string): string {
  return `s=${path.replaceAll('/', '.')}`;
}

/**
 * The PLCs' OPC UA server, on loopback only: anonymous, with SecurityPolicy None or Basic256Sha256, a folder for each level of an asset's path. Certificates are made at the
 * first start in a temporary folder that `close` removes. Each reading is set with its device's time, so that a subscription with sampling interval 0 and a queue sees
 * every one, also in compressed time.
 */
export class OpcuaServer implements ProtocolServer {
  readonly address: string;
  private readonly port: number;
  private readonly devices: readonly Device[];
  private readonly variables = new Map<number, UAVariable>();
  private server: OPCUAServer | undefined;
  private pki: string | undefined;

  constructor(port: number, devices: readonly Device[]) {
    this.port = port;
    this.address = `opc.tcp://${loopback}:${port}`;
    this.devices = devices.filter(({ protocol }) => protocol === 'opcua');
  }

  get running(): boolean {
    return this.server !== undefined;
  }

  async start(): Promise<void> {
    if (this.server !== undefined) return;
    this.pki ??= await mkdtemp(join(tmpdir(), 'millrace-plant-pki-'));
    const certificates = new OPCUACertificateManager({
      rootFolder: this.pki,
      automaticallyAcceptUnknownCertificate: true,
    });
    const server = new OPCUAServer({
      host: loopback,
      hostname: loopback,
      port: this.port,
      alternateHostname: [loopback, 'localhost'],
      serverCertificateManager: certificates,
      userCertificateManager: certificates,
      securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256],
      securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
      allowAnonymous: true,
      serverInfo: {
        applicationUri: `${namespaceUri}:server`,
        productUri: namespaceUri,
        applicationName: { text: 'Plant' },
      },
      // Only a server that advertises 0 hands every change to a sampling interval of 0; else the changes of 100 ms are folded into one.
      serverCapabilities: { minSupportedSampleRate: 0 },
      buildInfo: { productName: 'Plant', manufacturerName: 'Millrace' },
    });
    await server.initialize();
    this.addSignals(server);
    await server.start();
    this.server = server;
  }

  async stop(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    this.variables.clear();
    await server?.shutdown(0);
  }

  /** Stops for good: removes the certificates, too. */
  async close(): Promise<void> {
    await this.stop();
    if (this.pki !== undefined) await rm(this.pki, { recursive: true, force: true });
    this.pki = undefined;
  }

  take(device: Device, readings: Readings): void {
    if (this.server === undefined || device.protocol !== 'opcua') return;
    const time = new Date((readings.timesUs[device.first] ?? 0) / 1000);
    for (let place = device.first; place < device.first + device.signals.length; place++) {
      const value = readings.values[place] ?? Number.NaN;
      this.variables.get(place)?.setValueFromSource({ dataType: DataType.Double, value }, StatusCodes.Good, time);
    }
  }

  private addSignals(server: OPCUAServer): void {
    const space = server.engine.addressSpace;
    if (space === null) throw new Error('the OPC UA server has no address space');
    const namespace = space.registerNamespace(namespaceUri);
    for (const device of this.devices) {
      const folder = folderOf(namespace, space.rootFolder.objects, device.asset);
      for (const [nr, signal] of device.signals.entries()) {
        const variable = namespace.addVariable({
          organizedBy: folder,
          nodeId: nodeIdText(signal.path),
          browseName: signal.name,
          description: `${signal.path} [${signal.unit}]`,
          dataType: DataType.Double,
          minimumSamplingInterval: 0,
          accessLevel: 'CurrentRead',
          userAccessLevel: 'CurrentRead',
        });
        variable.setValueFromSource({ dataType: DataType.Double, value: 0 }, StatusCodes.BadWaitingForInitialData);
        this.variables.set(device.first + nr, variable);
      }
    }
  }
}

type Folder = ReturnType<Namespace['addFolder']>;

/** The folder of an asset; makes the levels that are not there yet. */
function folderOf(namespace: Namespace, objects: Folder, asset: string): Folder {
  const names = asset.split('/');
  return names.reduce((parent, name, level) => {
    const nodeId = nodeIdText(names.slice(0, level + 1).join('/'));
    const known = namespace.findNode(`ns=${namespace.index};${nodeId}`);
    return known === null ? namespace.addFolder(parent, { browseName: name, nodeId }) : (known as Folder);
  }, objects);
}

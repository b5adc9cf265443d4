import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import {
  AttributeIds,
  ClientMonitoredItemGroup,
  ClientSubscription,
  DataChangeFilter,
  DataChangeTrigger,
  MessageSecurityMode,
  OPCUAClient,
  SecurityPolicy,
  TimestampsToReturn,
  type ClientSession,
  type DataValue,
} from 'node-opcua';
import { describe, expect, test } from 'vitest';
import { waitFor } from '../test/services/wait.ts';
import type { Device } from './device.ts';
import { nodeIdText } from './opcua-server.ts';
import { createRig, type PlantRig } from './plant-rig.ts';

/** Nobody listens there: the MQTT devices wait, which is none of this suite's business. */
const noBroker = '127.0.0.1:9';

async function withSession<T>(
  rig: PlantRig,
  security: { policy: SecurityPolicy; mode: MessageSecurityMode },
  use: (session: ClientSession) => Promise<T>,
): Promise<T> {
  const client = OPCUAClient.create({
    endpointMustExist: false,
    securityPolicy: security.policy,
    securityMode: security.mode,
    connectionStrategy: { maxRetry: 1, initialDelay: 100 },
  });
  return await client.withSessionAsync(rig.opcua.address, use);
}

const open = { policy: SecurityPolicy.None, mode: MessageSecurityMode.None };
const sealed = { policy: SecurityPolicy.Basic256Sha256, mode: MessageSecurityMode.SignAndEncrypt };

async function namespaceIndex(session: ClientSession): Promise<number> {
  const names = await session.readNamespaceArray();
  return names.indexOf('urn:millrace:plant');
}

describe('the OPC UA server of the PLCs', () => {
  test('a subscription sees every sample of all 16 signals at 60 times real time, with its source time', async () => {
    await using rig = await createRig(300, 60, noBroker);
    const sent = new Map<string, string[]>();
    const take = rig.opcua.take.bind(rig.opcua);
    let listening = false;
    rig.opcua.take = (device: Device, readings) => {
      take(device, readings);
      if (!listening) return;
      for (const [nr, { path }] of device.signals.entries()) {
        const ms = Math.trunc((readings.timesUs[device.first] ?? 0) / 1000);
        sent.set(path, [...(sent.get(path) ?? []), `${ms} ${readings.values[device.first + nr]}`]);
      }
    };
    await rig.simulation.start();
    await withSession(rig, open, async (session) => {
      const index = await namespaceIndex(session);
      const subscription = ClientSubscription.create(session, {
        requestedPublishingInterval: 200,
        requestedLifetimeCount: 1000,
        requestedMaxKeepAliveCount: 10,
        publishingEnabled: true,
      });
      const paths = rig.plant.signals.filter(({ protocol }) => protocol === 'opcua').map(({ path }) => path);
      expect(paths).toHaveLength(16);
      const group = ClientMonitoredItemGroup.create(
        subscription,
        paths.map((path) => ({ nodeId: `ns=${index};${nodeIdText(path)}`, attributeId: AttributeIds.Value })),
        {
          samplingInterval: 0,
          queueSize: 1000,
          discardOldest: true,
          filter: new DataChangeFilter({ trigger: DataChangeTrigger.StatusValueTimestamp }),
        },
        TimestampsToReturn.Both,
      );
      const seen = new Map<string, string[]>(paths.map((path) => [path, []]));
      group.on('changed', (_item, value: DataValue, place: number) => {
        seen.get(paths[place] ?? '')?.push(`${value.sourceTimestamp?.getTime()} ${String(value.value.value)}`);
      });
      await waitFor('each item has its first value', () => [...seen.values()].every((values) => values.length > 0));
      listening = true;
      await waitFor('four minutes of the past were told', () => (sent.get('water/loop1/flow')?.length ?? 0) >= 240);
      listening = false;
      await waitFor('the last samples came', () =>
        paths.every((path) => seen.get(path)?.includes(sent.get(path)?.at(-1) ?? '')),
      );
      for (const path of paths) {
        const got = new Set(seen.get(path));
        expect({ path, missing: sent.get(path)?.filter((sample) => !got.has(sample)) }).toEqual({ path, missing: [] });
      }
      await subscription.terminate();
    });
  });

  test('answers anonymous clients with and without encryption, and says of what it does not know that it does not', async () => {
    await using rig = await createRig(0, 60, noBroker);
    await rig.simulation.start();
    for (const security of [open, sealed])
      await withSession(rig, security, async (session) => {
        const index = await namespaceIndex(session);
        const node = (path: string) => ({ nodeId: `ns=${index};${nodeIdText(path)}`, attributeId: AttributeIds.Value });
        await waitFor('a first reading', async () =>
          (await session.read(node('water/loop1/flow'))).statusCode.isGood(),
        );
        const { value } = await session.read(node('water/loop1/flow'));
        expect(value.value).toBeGreaterThan(30);
        const unknown = await session.read(node('water/loop1/colour'));
        expect(unknown.statusCode.name).toBe('BadNodeIdUnknown');
        const folder = await session.browse(`ns=${index};s=pressing.press1`);
        expect(folder.references?.map(({ browseName }) => browseName.name).toSorted()).toEqual([
          'force',
          'oil-pressure',
          'oil-temperature',
          'ram-position',
          'ram-speed',
          'strokes',
        ]);
      });
  });

  test('is found again at the same address after an outage, and on loopback only', async () => {
    await using rig = await createRig(0, 60, noBroker);
    await rig.simulation.start();
    const address = rig.opcua.address;
    await rig.simulation.protocol('opcua')?.stop();
    await expect(withSession(rig, open, namespaceIndex)).rejects.toThrow(/connect|ECONNREFUSED|closed|backoff/i);
    await rig.simulation.protocol('opcua')?.start();
    expect(rig.opcua.address).toBe(address);
    await expect(withSession(rig, open, namespaceIndex)).resolves.toBeGreaterThan(0);
    const outside = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
    const hosts = outside.filter(({ family, internal }) => family === 'IPv4' && !internal).map((one) => one.address);
    const port = Number(address.split(':').at(-1));
    expect(await Promise.all(hosts.map((host) => accepts(host, port)))).toEqual(hosts.map(() => false));
  });
});

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

import { connect } from 'node:net';
import { once } from 'node:events';
import * as fc from 'fast-check';
import modbus from 'modbus-serial';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from './free-port.ts';
import { ModbusUnits, registerMap } from './modbus-units.ts';
import { createPlant } from './plant.ts';

/** The library's default export, as CommonJS gives it to an ES module. */
const { default: ModbusRTU } = modbus;
type Client = InstanceType<typeof ModbusRTU>;

const plant = createPlant(1);
let units: ModbusUnits;

beforeAll(async () => {
  units = new ModbusUnits(await freePort());
  await units.start();
  plant.advanceTo(20e6, (device) => units.take(device, plant.readings()));
});

afterAll(() => units.stop());

async function withClient<T>(unit: number, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new ModbusRTU();
  const [host = '', port = ''] = units.address.split(':');
  await client.connectTCP(host, { port: Number(port) });
  client.setID(unit);
  client.setTimeout(400);
  try {
    return await use(client);
  } finally {
    await new Promise<void>((resolve) => client.close(() => resolve()));
  }
}

function decode(view: DataView, name: string): number {
  const register = registerMap[name];
  if (register === undefined) throw new Error(`no register for ${name}`);
  const { address, scale, type } = register;
  const at = 2 * address;
  if (type === 'float32') return view.getFloat32(at) * scale;
  if (type === 'uint32') return view.getUint32(at) * scale;
  return (type === 'int16' ? view.getInt16(at) : view.getUint16(at)) * scale;
}

describe('the power meters on Modbus TCP', () => {
  test('are silent until the plant has caught up with the wall clock', async () => {
    units.awake = false;
    await expect(withClient(1, (client) => client.readInputRegisters(0, 10))).rejects.toThrow(/timed out/i);
    units.awake = true;
    await expect(withClient(1, (client) => client.readInputRegisters(0, 10))).resolves.toBeDefined();
  });

  test('unit 1 is the meter of the pump, unit 2 that of the press, ten values each', async () => {
    units.awake = true;
    for (const [unit, asset] of [
      [1, 'water/loop1'],
      [2, 'pressing/press1'],
    ] as const) {
      const { buffer: bytes } = await withClient(unit, (client) => client.readInputRegisters(0, 32));
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const signals = plant.signals.filter(({ asset: at, protocol }) => at === asset && protocol === 'modbus');
      expect(signals.map(({ name }) => name)).toEqual(Object.keys(registerMap));
      for (const { name, path } of signals) expect(decode(view, name)).toBeCloseTo(plant.reading(path), 4);
    }
  });

  test('another unit is silent, an address beyond the map is exception 2, writing is not for them', async () => {
    units.awake = true;
    await expect(withClient(3, (client) => client.readInputRegisters(0, 1))).rejects.toThrow(/timed out/i);
    await expect(withClient(1, (client) => client.readInputRegisters(31, 2))).rejects.toThrow(/Illegal data address/i);
    for (const refused of [
      (client: Client) => client.readHoldingRegisters(0, 2),
      (client: Client) => client.readCoils(0, 1),
      (client: Client) => client.writeRegister(0, 1),
      (client: Client) => client.writeRegisters(0, [1, 2]),
      (client: Client) => client.writeCoil(0, true),
    ])
      await expect(withClient<unknown>(1, refused)).rejects.toThrow(/Illegal function/i);
  });

  test('come back at the same address after an outage', async () => {
    units.awake = true;
    await units.stop();
    await expect(withClient(1, (client) => client.readInputRegisters(0, 1))).rejects.toThrow(/ECONNREFUSED/);
    await units.start();
    await expect(withClient(1, (client) => client.readInputRegisters(0, 1))).resolves.toBeDefined();
  });

  test('neither garbage nor well-framed nonsense stops them', async () => {
    units.awake = true;
    const [host = '', port = ''] = units.address.split(':');
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 64 });
    const framed = bytes.map((pdu) => Uint8Array.from([0, 1, 0, 0, 0, pdu.length + 1, 1, ...pdu]));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(bytes, framed, framed), { minLength: 1, maxLength: 5 }), async (messages) => {
        const socket = connect({ host, port: Number(port) });
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        for (const message of messages) socket.write(message);
        socket.end();
        socket.resume();
        await once(socket, 'close');
      }),
      { numRuns: 200 },
    );
    const answered = withClient(1, async (client) => (await client.readInputRegisters(0, 1)).data.length);
    await expect(answered).resolves.toBe(1);
  });
});

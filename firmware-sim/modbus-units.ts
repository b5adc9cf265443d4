import { once } from 'node:events';
import { ServerTCP } from 'modbus-serial';
import type { Device } from './device.ts';
import { loopback } from './free-port.ts';
import type { Readings } from './plant.ts';
import type { ProtocolServer } from './protocol-server.ts';

/** Unit of each meter. */
const units: Readonly<Record<string, number>> = { 'water/loop1': 1, 'pressing/press1': 2 };

/** How a value lies in the input registers, from address 0; numbers of several registers with the high word first. */
interface Register {
  readonly address: number;
  readonly type: 'uint16' | 'int16' | 'uint32' | 'float32';
  /** What one count is worth in the signal's unit. */
  readonly scale: number;
}

/** The meter's register map, the same for both. */
export const registerMap: Readonly<Record<string, Register>> = {
  'voltage-l1': { address: 0, type: 'uint16', scale: 0.1 },
  'voltage-l2': { address: 1, type: 'uint16', scale: 0.1 },
  'voltage-l3': { address: 2, type: 'uint16', scale: 0.1 },
  'current-l1': { address: 10, type: 'uint32', scale: 0.001 },
  'current-l2': { address: 12, type: 'uint32', scale: 0.001 },
  'current-l3': { address: 14, type: 'uint32', scale: 0.001 },
  power: { address: 20, type: 'float32', scale: 1 },
  'power-factor': { address: 22, type: 'int16', scale: 0.001 },
  frequency: { address: 23, type: 'uint16', scale: 0.01 },
  energy: { address: 30, type: 'uint32', scale: 0.01 },
};
const registerCount = 32;

/** Exceptions of the Modbus application protocol, V1.1b3, section 7. */
const illegalFunction = 1;
const illegalDataAddress = 2;

/**
 * Both power meters behind one Modbus TCP gateway, on loopback only. Function 4, input registers; holes in the map read as 0, beyond it is exception 2,
 * another function exception 1. An absent unit is silent, as on a bus; so are both until `awake`: a Modbus register knows no past.
 */
export class ModbusUnits implements ProtocolServer {
  readonly address: string;
  /** Whether the units answer. */
  awake = false;
  private readonly port: number;
  private readonly registers = new Map<number, DataView>();
  private server: ServerTCP | undefined;

  constructor(port: number) {
    this.port = port;
    this.address = `${loopback}:${port}`;
    for (const unit of Object.values(units)) this.registers.set(unit, new DataView(new ArrayBuffer(2 * registerCount)));
  }

  get running(): boolean {
    return this.server !== undefined;
  }

  async start(): Promise<void> {
    if (this.server !== undefined) return;
    const read = (address: number, count: number, unit: number, answer: Answer): void =>
      this.answer(address, count, unit, answer);
    const server = new ServerTCP(
      {
        getInputRegister: (address: number, unit: number, answer: Give<number>) =>
          read(address, 1, unit, (error, values) => answer(error, values[0] ?? 0)),
        getMultipleInputRegisters: read,
        getHoldingRegister: (_address: number, unit: number, answer: Give<number>) =>
          this.refuse(unit, (error) => answer(error, 0)),
        getCoil: (_address: number, unit: number, answer: Give<boolean>) =>
          this.refuse(unit, (error) => answer(error, false)),
        getDiscreteInput: (_address: number, unit: number, answer: Give<boolean>) =>
          this.refuse(unit, (error) => answer(error, false)),
        setRegister: (_address: number, _value: number, unit: number, answer: Refuse) => this.refuse(unit, answer),
        setCoil: (_address: number, _value: boolean, unit: number, answer: Refuse) => this.refuse(unit, answer),
      },
      { host: loopback, port: this.port, unitID: 255 },
    );
    // A client that breaks off is its own affair.
    server.on('socketError', () => undefined);
    this.server = server;
    try {
      await Promise.race([once(server, 'initialized'), failure(server)]);
    } catch (error) {
      this.server = undefined;
      throw error;
    }
  }

  async stop(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  take(device: Device, readings: Readings): void {
    const view = this.registers.get(units[device.asset] ?? 0);
    if (device.protocol !== 'modbus' || view === undefined) return;
    for (const [nr, { name }] of device.signals.entries()) {
      const register = registerMap[name];
      if (register !== undefined) write(view, register, readings.values[device.first + nr] ?? 0);
    }
  }

  /** Of functions that the meters do not have. */
  private refuse(unit: number, answer: Refuse): void {
    if (this.awake && this.registers.has(unit)) answer(new ModbusException(illegalFunction));
  }

  private answer(address: number, count: number, unit: number, answer: Answer): void {
    const view = this.registers.get(unit);
    if (view === undefined || !this.awake) return;
    if (address + count > registerCount) return answer(new ModbusException(illegalDataAddress), []);
    answer(
      null,
      Array.from({ length: count }, (_, nr) => view.getUint16(2 * (address + nr))),
    );
  }
}

type Refuse = (error: Error) => void;
type Give<Value> = (error: Error | null, value: Value) => void;
type Answer = (error: Error | null, values: number[]) => void;

/** Named as the library wants it. */
class ModbusException extends Error {
  readonly modbusErrorCode: number;

  constructor(code: number) {
    super(`Modbus exception ${code}`);
    this.modbusErrorCode = code;
  }
}

async function failure(server: ServerTCP): Promise<never> {
  const [error] = (await once(server, 'serverError')) as [Error];
  throw new Error('the Modbus units cannot listen', { cause: error });
}

function write(view: DataView, { address, type, scale }: Register, value: number): void {
  const at = 2 * address;
  const counts = Math.round(value / scale);
  if (type === 'float32') view.setFloat32(at, value);
  else if (type === 'uint32') view.setUint32(at, counts);
  else if (type === 'int16') view.setInt16(at, counts);
  else view.setUint16(at, counts);
}

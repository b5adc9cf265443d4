import { type PythonServer, startPythonServer } from './python-server.ts';

/** A Modbus server that is not ours. Started again, its values are 0. */
export interface Pymodbus extends PythonServer {
  /** Writes values, in order; resolves when the units have them. */
  write(...values: PymodbusWrite[]): Promise<void>;
  /** From now on the unit answers everything with an exception, or not at all, or (null) as it should. */
  behave(unit: number, how: { readonly exception: number } | { readonly silent: true } | null): Promise<void>;
  /** What was asked of the unit since the last call: function, address, count. */
  asked(unit: number): Promise<Asked[]>;
}

type Asked = [number, number, number];
type Table = 'coil' | 'discrete' | 'input' | 'holding';

/** A value, encoded by Python: integers are texts, floats the hex of their bits (big-endian), strings bytes in hex, bits booleans. Addresses from 0. */
export interface PymodbusWrite {
  readonly unit: number;
  readonly table: Table;
  readonly address: number;
  readonly type?: string;
  readonly value: string | readonly boolean[];
  readonly wordOrder?: 'big' | 'little';
  readonly byteOrder?: 'big' | 'little';
}

interface PymodbusUnit {
  readonly id: number;
  /** Registers and bits in each table; left out: 200 and 160. */
  readonly registers?: number;
  readonly bits?: number;
  /** Registers that there are not. */
  readonly missing?: { readonly [T in Table]?: readonly number[] };
}

export interface PymodbusOptions {
  readonly units: readonly PymodbusUnit[];
  readonly framing?: 'tcp' | 'rtu';
}

/** Starts pymodbus' server on a loopback port and waits until it serves. A unit that is not among `units` answers with exception 4. */
export async function startPymodbus(options: PymodbusOptions): Promise<Pymodbus> {
  const server = await startPythonServer('pymodbus', 'modbus_server.py', { framing: 'tcp', ...options });
  return Object.assign(server, {
    write: async (...values: PymodbusWrite[]): Promise<void> => {
      await server.command({ write: values });
    },
    behave: async (unit: number, how: object | null): Promise<void> => {
      await server.command({ behave: { [unit]: how } });
    },
    asked: async (unit: number): Promise<Asked[]> =>
      ((await server.command({ asked: unit })) as { readonly asked?: Asked[] }).asked ?? [],
  });
}

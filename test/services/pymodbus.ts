import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type PeerProcess, startPeer } from './peer-process.ts';
import { pythonProgram } from './python.ts';
import { freePort } from './wait.ts';

/** A Modbus server that is not ours. Disposing of it kills the process and removes the folder. */
export interface Pymodbus extends PeerProcess, AsyncDisposable {
  readonly port: number;
  /** Holds `output.txt`. */
  readonly dir: string;
  /** Writes values, in order; resolves when the units have them. */
  write(...values: PymodbusWrite[]): Promise<void>;
  /** From now on the unit answers everything with an exception, or not at all, or (null) as it should. */
  behave(unit: number, how: { readonly exception: number } | { readonly silent: true } | null): Promise<void>;
  /** What was asked of the unit since the last call: function, address, count. */
  asked(unit: number): Promise<[number, number, number][]>;
  /** Starts it again after it was stopped, on the same port; its values are 0 then. */
  restart(): Promise<void>;
}

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

const script = join(import.meta.dirname, 'python', 'modbus_server.py');

/** Starts pymodbus' server on a loopback port and waits until it serves. A unit that is not among `units` answers with exception 4. */
export async function startPymodbus(options: PymodbusOptions): Promise<Pymodbus> {
  const port = await freePort();
  const control = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'millrace-pymodbus-'));
  const argument = JSON.stringify({ framing: 'tcp', ...options, port, control });
  const start = (): Promise<PeerProcess> =>
    startPeer({
      name: 'pymodbus',
      file: pythonProgram(),
      args: [script, argument],
      outputFile: join(dir, 'output.txt'),
      ready: async () => (await command(control, {})) !== undefined,
      readyLimitMs: 30_000,
    });
  let peer: PeerProcess;
  try {
    peer = await start();
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
  return {
    get pid() {
      return peer.pid;
    },
    running: () => peer.running(),
    stop: (limitMs) => peer.stop(limitMs),
    kill9: () => peer.kill9(),
    port,
    dir,
    write: async (...values) => {
      await command(control, { write: values });
    },
    behave: async (unit, how) => {
      await command(control, { behave: { [unit]: how } });
    },
    asked: async (unit) => (await command(control, { asked: unit })).asked ?? [],
    restart: async () => {
      peer = await start();
    },
    [Symbol.asyncDispose]: async () => {
      await peer.kill9();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

interface CommandAnswer {
  readonly error?: string;
  readonly asked?: [number, number, number][];
}

/** Sends a command and waits for its answer. Rejects when the server is not there or could not do it. */
async function command(port: number, request: object): Promise<CommandAnswer> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.setTimeout(10_000, () => socket.destroy(new Error('no answer within 10 s')));
  try {
    await once(socket, 'connect');
    socket.write(`${JSON.stringify(request)}\n`);
    const [line] = (await once(createInterface(socket), 'line')) as [string];
    const answer = JSON.parse(line) as CommandAnswer;
    if (answer.error !== undefined) throw new Error(`pymodbus: ${answer.error}`);
    return answer;
  } finally {
    socket.destroy();
  }
}

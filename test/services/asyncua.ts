import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type PeerProcess, startPeer } from './peer-process.ts';
import { pythonProgram } from './python.ts';
import { freePort } from './wait.ts';

/** An OPC UA server that is not ours. Disposing of it kills the process and removes the folder. */
export interface Asyncua extends PeerProcess, AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Holds `certificate.der`, `output.txt`. */
  readonly dir: string;
  /** Writes values into nodes, in order; resolves when the server has them. */
  write(...values: AsyncuaWrite[]): Promise<void>;
  /** Starts it again after it was stopped, on the same port with the same certificate. */
  restart(): Promise<void>;
}

/**
 * A variable. Values of JSON: integers are texts, Float and Double the hex of their bits (big-endian), ByteString hex, DateTime ticks of 100 ns since 1601 as a text; with
 * `shape` the elements of an array, row-major.
 */
export interface AsyncuaNode {
  readonly id: string;
  readonly namespace: string;
  /** Browse names below Objects. */
  readonly path: readonly string[];
  readonly type: string;
  readonly value?: unknown;
  readonly shape?: readonly number[];
}

/** What is written; times are ticks of 100 ns since 1601 as texts. */
interface AsyncuaWrite extends Omit<AsyncuaNode, 'path'> {
  readonly status?: number;
  readonly source?: string;
  readonly server?: string;
}

export interface AsyncuaOptions {
  readonly nodes: readonly AsyncuaNode[];
  /** In the order of their indexes, from 2 on. */
  readonly namespaces: readonly string[];
  /** Names and passwords; left out: everybody. */
  readonly users?: Readonly<Record<string, string>>;
  /** As asyncua calls them: `NoSecurity`, `Basic256Sha256_SignAndEncrypt` … */
  readonly policies?: readonly string[];
  /** Left out: a free one. */
  readonly port?: number;
}

const script = join(import.meta.dirname, 'python', 'opcua_server.py');

/** Starts asyncua's server on a loopback port and waits until it serves. */
export async function startAsyncua(options: AsyncuaOptions): Promise<Asyncua> {
  const port = options.port ?? (await freePort());
  const control = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'millrace-asyncua-'));
  const settings = join(dir, 'settings.json');
  writeFileSync(settings, JSON.stringify({ policies: ['NoSecurity'], ...options, port, control, folder: dir }));
  const start = (): Promise<PeerProcess> =>
    startPeer({
      name: 'asyncua',
      file: pythonProgram(),
      args: [script, settings],
      outputFile: join(dir, 'output.txt'),
      ready: () => command(control, { write: [] }),
      readyLimitMs: 60_000,
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
    url: `opc.tcp://127.0.0.1:${port}/test/`,
    dir,
    write: async (...values) => {
      await command(control, { write: values });
    },
    restart: async () => {
      peer = await start();
    },
    [Symbol.asyncDispose]: async () => {
      await peer.kill9();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Sends a command and waits for its answer. Rejects when the server is not there or could not do it. */
async function command(port: number, request: object): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.setTimeout(10_000, () => socket.destroy(new Error('no answer within 10 s')));
  try {
    await once(socket, 'connect');
    socket.write(`${JSON.stringify(request)}\n`);
    const [line] = (await once(createInterface(socket), 'line')) as [string];
    const { error } = JSON.parse(line) as { readonly error?: string };
    if (error !== undefined) throw new Error(`asyncua: ${error}`);
    return true;
  } finally {
    socket.destroy();
  }
}

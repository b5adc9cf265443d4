import { type PythonServer, startPythonServer } from './python-server.ts';

/** An OPC UA server that is not ours. Its folder also holds `certificate.der`; started again, it has the same one. */
export interface Asyncua extends PythonServer {
  readonly url: string;
  /** Writes values into nodes, in order; resolves when the server has them. */
  write(...values: AsyncuaWrite[]): Promise<void>;
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

/** Starts asyncua's server on a loopback port and waits until it serves. */
export async function startAsyncua(options: AsyncuaOptions): Promise<Asyncua> {
  const server = await startPythonServer('asyncua', 'opcua_server.py', { policies: ['NoSecurity'], ...options });
  return Object.assign(server, {
    url: `opc.tcp://127.0.0.1:${server.port}/test/`,
    write: async (...values: AsyncuaWrite[]): Promise<void> => {
      await server.command({ write: values });
    },
  });
}

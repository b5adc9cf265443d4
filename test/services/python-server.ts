import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type PeerProcess, startPeer } from './peer-process.ts';
import { pythonProgram } from './python.ts';
import { freePort } from './wait.ts';

/** A server of a Python package, in a process of its own that takes commands. Disposing of it kills the process and removes the folder. */
export interface PythonServer extends PeerProcess, AsyncDisposable {
  /** Where it serves. */
  readonly port: number;
  /** Holds `settings.json`, `output.txt`, and what the script puts there. */
  readonly dir: string;
  /** Sends a command and waits for its answer. Rejects when the server is not there or could not do it. */
  command(request: object): Promise<object>;
  /** Starts it again after it was stopped, on the same port. */
  restart(): Promise<void>;
}

/**
 * Starts a script of `python/` and waits until it answers. The script is given the path of a JSON file: `settings`, and `port`, `control` (where it takes commands: a line of JSON
 * in, a line out) and `folder`.
 */
export async function startPythonServer(
  name: string,
  script: string,
  settings: object & { readonly port?: number },
): Promise<PythonServer> {
  const port = settings.port ?? (await freePort());
  const control = await freePort();
  const dir = mkdtempSync(join(tmpdir(), `millrace-${name}-`));
  const settingsFile = join(dir, 'settings.json');
  writeFileSync(settingsFile, JSON.stringify({ ...settings, port, control, folder: dir }));
  const ask = (request: object): Promise<object> => command(name, control, request);
  const start = (): Promise<PeerProcess> =>
    startPeer({
      name,
      file: pythonProgram(),
      args: [join(import.meta.dirname, 'python', script), settingsFile],
      outputFile: join(dir, 'output.txt'),
      ready: async () => (await ask({})) !== undefined,
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
    dir,
    command: ask,
    restart: async () => {
      peer = await start();
    },
    [Symbol.asyncDispose]: async () => {
      await peer.kill9();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function command(name: string, port: number, request: object): Promise<object> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.setTimeout(10_000, () => socket.destroy(new Error('no answer within 10 s')));
  try {
    await once(socket, 'connect');
    socket.write(`${JSON.stringify(request)}\n`);
    const [line] = (await once(createInterface(socket), 'line')) as [string];
    const answer = JSON.parse(line) as { readonly error?: string };
    if (answer.error !== undefined) throw new Error(`${name}: ${answer.error}`);
    return answer;
  } finally {
    socket.destroy();
  }
}

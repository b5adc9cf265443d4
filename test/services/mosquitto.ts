import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { startPeer, type PeerProcess } from './peer-process.ts';
import { program } from './run.ts';
import { freePort } from './wait.ts';

/** An MQTT broker that is not ours. Disposing of it kills the process and removes the folder. */
export interface Mosquitto extends PeerProcess, AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** The temporary folder: `mosquitto.conf`, `output.txt`. */
  readonly dir: string;
}

export interface MosquittoOptions {
  /** More lines of its configuration. */
  readonly config?: readonly string[];
}

const host = '127.0.0.1';

/** Starts mosquitto on a free loopback port, open to everybody, without persistence, and waits until it accepts a client. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'millrace-mosquitto-'));
  const config = join(dir, 'mosquitto.conf');
  // Started by root it would become another user, who may not enter the folder.
  const own = [`listener ${port} ${host}`, 'allow_anonymous true', `user ${userInfo().username}`, 'log_dest stderr'];
  try {
    writeFileSync(config, [...own, ...(options.config ?? []), ''].join('\n'));
    const peer = await startPeer({
      name: 'mosquitto',
      file: program('mosquitto'),
      args: ['-c', config],
      outputFile: join(dir, 'output.txt'),
      ready: () => acceptsClient(port),
      readyLimitMs: 60_000,
    });
    const remove = async (): Promise<void> => {
      await peer.kill9();
      rmSync(dir, { recursive: true, force: true });
    };
    return { ...peer, host, port, url: `mqtt://${host}:${port}`, dir, [Symbol.asyncDispose]: remove };
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

/** CONNECT of MQTT 3.1.1 with a clean session and an empty client id (sections 3.1 and 3.2 of the specification). */
const connectPacket = Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 10, 0, 0]);
const connack = 0x20;

async function acceptsClient(port: number): Promise<boolean> {
  const socket = connect({ host, port });
  socket.setTimeout(2_000, () => socket.destroy(new Error('no answer within 2 s')));
  try {
    await once(socket, 'connect');
    socket.write(connectPacket);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer[0] === connack;
  } finally {
    socket.destroy();
  }
}

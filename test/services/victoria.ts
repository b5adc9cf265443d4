import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GoProgram, goFile, installGo } from './go-program.ts';
import { serveAlone } from './serve-alone.ts';
import { startPeer, type PeerProcess } from './peer-process.ts';
import { victoriaModule } from './versions.ts';
import { freePort } from './wait.ts';

/** A VictoriaMetrics server, its data in a temporary folder. Disposing of it kills the process and removes the folder. */
export interface Victoria extends PeerProcess, AsyncDisposable {
  /** `host:port` of its HTTP. */
  readonly address: string;
  readonly dir: string;
}

const host = '127.0.0.1';
const readyLimitMs = 60_000;

const victoria: GoProgram = {
  name: 'victoria-metrics',
  module: victoriaModule,
  package: 'github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics',
};

/** The program, whether it is installed or not. */
export function victoriaFile(): string {
  return goFile(victoria);
}

/** Builds it; a minute the first time. Returns whether there was something to do. */
function installVictoria(): Promise<boolean> {
  return installGo(victoria);
}

/** Starts a server on a free loopback port, which keeps data for a hundred years, and waits until it answers. */
export async function startVictoria(): Promise<Victoria> {
  if (!existsSync(victoriaFile()))
    throw new Error('VictoriaMetrics is not installed: node test/services/victoria.ts installs it');
  const address = `${host}:${await freePort()}`;
  const dir = mkdtempSync(join(tmpdir(), 'millrace-victoria-'));
  try {
    const peer = await startPeer({
      name: 'VictoriaMetrics',
      file: victoriaFile(),
      args: [`-httpListenAddr=${address}`, `-storageDataPath=${join(dir, 'data')}`, '-retentionPeriod=100y'],
      outputFile: join(dir, 'output.txt'),
      ready: async () => (await fetch(`http://${address}/health`)).ok,
      readyLimitMs,
    });
    const remove = async (): Promise<void> => {
      await peer.kill9();
      rmSync(dir, { recursive: true, force: true });
    };
    return { ...peer, address, dir, [Symbol.asyncDispose]: remove };
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

/** Run as a program (`npx node test/services/victoria.ts`): builds it where need be, then a server for `millrace bench historian --victoria`, until it is told to end. */
async function serve(): Promise<void> {
  await installVictoria();
  await using server = await startVictoria();
  await serveAlone(server.address);
}

if (import.meta.main) await serve();

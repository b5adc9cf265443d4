import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installFolder, serviceFolder } from './cache.ts';
import { startPeer, type PeerProcess } from './peer-process.ts';
import { program, run } from './run.ts';
import { mavenCopyPlugin, questdbArtifact, questdbVersion } from './versions.ts';
import { freePort } from './wait.ts';

const host = '127.0.0.1';
const jarFile = `questdb-${questdbVersion}.jar`;
const smallJvm = ['-XX:+UseSerialGC', '-Xms64m', '-Xmx512m', '-XX:TieredStopAtLevel=1'];
/** On a quiet machine 2 to 7 s. */
const readyLimitMs = 150_000;

/** The folder with its jar. */
export function questdbFolder(): string {
  return serviceFolder(`questdb-${questdbVersion}`, [questdbArtifact, mavenCopyPlugin]);
}

/** Has Maven fetch the jar, checksum held against the repository's. Returns whether there was something to do. */
export function installQuestdb(): Promise<boolean> {
  return installFolder({
    folder: questdbFolder(),
    build: async (folder) => {
      const flags = ['-B', '-q', '--strict-checksums', `-Dartifact=${questdbArtifact}`, `-DoutputDirectory=${folder}`];
      await run(program('mvn'), [...flags, `${mavenCopyPlugin}:copy`], { cwd: folder, limitMs: 600_000 });
      if (!readdirSync(folder).includes(jarFile)) throw new Error(`Maven did not bring ${jarFile}`);
    },
    whole: (folder) => existsSync(join(folder, jarFile)),
  });
}

export interface QuestdbOptions {
  /** Added to `server.conf`, or put in the place of ours. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Options of its Java machine; a small heap and the quick compiler if left out. */
  readonly jvm?: readonly string[];
  /** Where its data lie: a folder that the caller owns. A temporary one if left out. */
  readonly root?: string;
}

/** A QuestDB server, its data in a temporary folder. Disposing of it kills the process and removes the folder. */
export interface Questdb extends AsyncDisposable {
  /** `http://127.0.0.1:…`: ILP, `/exec`, `/ping`. */
  readonly http: string;
  /** `postgres://admin@127.0.0.1:…/qdb`; the password is `quest`. */
  readonly pg: string;
  readonly password: string;
  /** The root folder: `conf/`, `db/`, `output.txt`. */
  readonly dir: string;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  running(): boolean;
  /** Pulls the plug. Data and ports stay for `restart`. */
  kill9(): Promise<void>;
  stop(): Promise<void>;
  /** Stops where it runs, and starts on the same ports with the same data. */
  restart(): Promise<void>;
}

/** Starts a server on free loopback ports and waits until it answers. */
export async function startQuestdb(options: QuestdbOptions = {}): Promise<Questdb> {
  const jar = join(questdbFolder(), jarFile);
  if (!existsSync(jar)) throw new Error(`QuestDB ${questdbVersion} is not installed: npm run services:setup`);
  const [httpPort, pgPort, linePort] = [await freePort(), await freePort(), await freePort()];
  const dir = options.root ?? mkdtempSync(join(tmpdir(), 'millrace-questdb-'));
  const remove = (): void => (options.root === undefined ? rmSync(dir, { recursive: true, force: true }) : undefined);
  const properties = { ...ownProperties(httpPort, pgPort, linePort), ...options.properties };
  mkdirSync(join(dir, 'conf'), { recursive: true });
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(join(dir, 'conf', 'server.conf'), lines.join(''));
  const start = (): Promise<PeerProcess> =>
    startPeer({
      name: 'QuestDB',
      file: program('java'),
      args: [
        ...(options.jvm ?? smallJvm),
        `-XX:ErrorFile=${join(dir, 'error.log')}`,
        '-p',
        jar,
        '-m',
        'io.questdb/io.questdb.ServerMain',
        '-d',
        dir,
      ],
      outputFile: join(dir, 'output.txt'),
      ready: async () => (await fetch(`http://${host}:${httpPort}/ping`)).ok,
      readyLimitMs,
    });
  try {
    return questdbOf({ httpPort, pgPort, dir, first: await start(), start, remove });
  } catch (error) {
    remove();
    throw error;
  }
}

interface Started {
  readonly httpPort: number;
  readonly pgPort: number;
  readonly dir: string;
  readonly first: PeerProcess;
  readonly start: () => Promise<PeerProcess>;
  readonly remove: () => void;
}

function questdbOf({ httpPort, pgPort, dir, first, start, remove }: Started): Questdb {
  let current = first;
  return {
    http: `http://${host}:${httpPort}`,
    pg: `postgres://admin@${host}:${pgPort}/qdb`,
    password: 'quest',
    dir,
    get pid() {
      return current.pid;
    },
    running: () => current.running(),
    kill9: () => current.kill9(),
    stop: () => current.stop(),
    async restart() {
      await current.stop();
      current = await start();
    },
    async [Symbol.asyncDispose]() {
      await current.kill9();
      remove();
    },
  };
}

/** On loopback alone, small, tables only as they are made by hand, and on the disk when it says so. */
function ownProperties(httpPort: number, pgPort: number, linePort: number): Record<string, string> {
  return {
    'http.bind.to': `${host}:${httpPort}`,
    'pg.net.bind.to': `${host}:${pgPort}`,
    'line.tcp.net.bind.to': `${host}:${linePort}`,
    'http.min.enabled': 'false',
    'line.udp.enabled': 'false',
    'telemetry.enabled': 'false',
    'line.auto.create.new.tables': 'false',
    'line.auto.create.new.columns': 'false',
    'cairo.commit.mode': 'sync',
    'shared.worker.count': '1',
    'http.worker.count': '1',
    'pg.worker.count': '1',
    'wal.apply.worker.count': '1',
  };
}

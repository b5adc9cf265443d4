import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafkaClassPath, runKafkaTool } from './kafka-jars.ts';
import { kafkaServes } from './kafka-ready.ts';
import { startPeer, type PeerProcess } from './peer-process.ts';
import { program } from './run.ts';
import { serveAlone } from './serve-alone.ts';
import { freePort } from './wait.ts';

export interface KafkaOptions {
  /** Added to the server properties, or put in the place of ours. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Options of its Java machine; a small heap and the quick compiler if left out. */
  readonly jvm?: readonly string[];
}

/** A broker of one node (KRaft), its data in a temporary folder. Disposing of it kills the process and removes the folder. */
export interface Kafka extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `host:port`, as clients want it. */
  readonly brokers: string;
  /** The temporary folder: `server.properties`, `output.txt`, `log/`. */
  readonly dir: string;
  /** Holds a folder `<topic>-<partition>` each. */
  readonly logDir: string;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** Pulls the plug. Data and port stay for `restart`. */
  kill9(): Promise<void>;
  /** Stops cleanly where it runs, and starts on the same port with the same data; 4 s on a quiet machine after `kill9`. */
  restart(): Promise<void>;
  /** Stops cleanly: closes and trims its segments. The folder stays, so that they can be looked at. */
  stop(): Promise<void>;
}

const host = '127.0.0.1';
/** The quick compiler alone: 2.7 s of a core to start instead of 4.8. */
const smallJvm = ['-Xms256m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
/** On a quiet machine 2 s, on a busy one ten and more. */
const readyLimitMs = 150_000;

/** Starts a broker on a free loopback port and waits until it serves. Topics are made by the first request for them, with one partition. */
export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'millrace-kafka-'));
  const logDir = join(dir, 'log');
  const config = join(dir, 'server.properties');
  const start = (): Promise<PeerProcess> =>
    startPeer({
      name: 'Kafka',
      file: program('java'),
      args: [...(options.jvm ?? smallJvm), '-Dlog4j2.level=INFO', '-cp', kafkaClassPath(), 'kafka.Kafka', config],
      outputFile: join(dir, 'output.txt'),
      ready: () => kafkaServes(host, port),
      readyLimitMs,
    });
  try {
    const properties = { ...ownProperties(port, await freePort(), logDir), ...options.properties };
    const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(config, lines.join(''));
    // A leading letter: the tool takes an id that begins with a hyphen for an option.
    const clusterId = `M${randomBytes(16).toString('base64url').slice(1)}`;
    await runKafkaTool('kafka.tools.StorageTool', ['format', '-t', clusterId, '-c', config]);
    return kafkaOf(port, dir, logDir, await start(), start);
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

function kafkaOf(
  port: number,
  dir: string,
  logDir: string,
  first: PeerProcess,
  start: () => Promise<PeerProcess>,
): Kafka {
  let current = first;
  return {
    host,
    port,
    brokers: `${host}:${port}`,
    dir,
    logDir,
    get pid() {
      return current.pid;
    },
    kill9: () => current.kill9(),
    stop: () => current.stop(),
    async restart() {
      await current.stop();
      current = await start();
    },
    async [Symbol.asyncDispose]() {
      await current.kill9();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** One node that is broker and controller. The session times make it forget a killed self in 1.5 s instead of 9; the sizes keep it small. */
function ownProperties(port: number, controllerPort: number, logDir: string): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${host}:${controllerPort}`,
    listeners: `PLAINTEXT://${host}:${port},CONTROLLER://${host}:${controllerPort}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': logDir,
    'num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
    'log.index.size.max.bytes': '1048576',
    'log.cleaner.dedupe.buffer.size': '10485760',
    'broker.session.timeout.ms': '1500',
    'broker.heartbeat.interval.ms': '500',
  };
}

/** Run as a program (`npx node test/services/kafka.ts`): a broker with the heap of Kafka's own start script, for `millrace bench log --kafka`, until it is told to end. */
async function serve(): Promise<void> {
  await using kafka = await startKafka({
    jvm: ['-Xms1g', '-Xmx1g', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:InitiatingHeapOccupancyPercent=35'],
  });
  await serveAlone(kafka.brokers);
}

if (import.meta.main) await serve();

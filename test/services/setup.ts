import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { cacheFolder } from './cache.ts';
import { installPrograms } from './debian.ts';
import { grafanaFile, installGrafana } from './grafana.ts';
import { installKafka, kafkaFolder } from './kafka-jars.ts';
import { installPython, pythonFolder } from './python.ts';
import { installQuestdb, questdbFolder } from './questdb.ts';
import { installVersitygw, versitygwFile } from './s3.ts';
import { kafkaVersion, pythonPackages, questdbVersion, tablePackages } from './versions.ts';

const help = `npm run services:setup

Installs the services that the tests start: Kafka ${kafkaVersion}, QuestDB ${questdbVersion}, mosquitto, kcat, Chromium, versitygw (S3), Grafana's Prometheus
data source, and Python with ${pythonPackages.join(', ')}
and, in an environment of its own, with ${tablePackages.join(', ')}.
Quick when everything is there, some minutes the first time. Programs come from apt (as root), jars from Maven, Python packages from pip, and what is
written in Go is built; all but programs goes to ${cacheFolder()} (another folder: MILLRACE_SERVICES).
The stores that \`millrace bench historian\` is measured beside are not among them: \`npx node test/services/victoria.ts\`
and \`npx node test/services/prometheus-tsdb.ts\` build them.

  --help  shows this
`;

const say = (line: string): void => console.log(`services: ${line}`);

/** Something that is installed. */
interface Part {
  readonly what: string;
  readonly place: string;
  /** Whether there was something to do. */
  readonly install: () => Promise<boolean>;
}

/** Two queues side by side: what is fetched waits for the network, what Go builds wants the cores. */
const queues: readonly (readonly Part[])[] = [
  [
    { what: `Kafka ${kafkaVersion}`, place: kafkaFolder(), install: installKafka },
    { what: `QuestDB ${questdbVersion}`, place: questdbFolder(), install: installQuestdb },
    { what: `Python with ${pythonPackages.join(', ')}`, place: pythonFolder(), install: () => installPython() },
    {
      what: `Python with ${tablePackages.join(', ')}`,
      place: pythonFolder('tables'),
      install: () => installPython('tables'),
    },
  ],
  [
    { what: 'versitygw', place: versitygwFile(), install: installVersitygw },
    { what: "Grafana's Prometheus data source", place: grafanaFile(), install: installGrafana },
  ],
];

/** A registry that is down or slow for a moment is asked again; what it has brought is in its client's cache. */
const TRIES = 3;
const PAUSE_MS = 10_000;
/** What takes longer says so. */
const STILL_MS = 60_000;

async function setUp(): Promise<void> {
  await installPrograms(say);
  const ended = await Promise.allSettled(queues.map(installAll));
  const failed = ended.flatMap((end) => (end.status === 'rejected' ? [end.reason as Error] : []));
  if (failed.length > 0) throw new Error(failed.map(({ message }) => message).join('\n'));
  say('ready');
}

async function installAll(parts: readonly Part[]): Promise<void> {
  for (const part of parts) await install(part);
}

async function install({ what, place, install: installer }: Part): Promise<void> {
  const start = performance.now();
  const seconds = (): string => ((performance.now() - start) / 1000).toFixed(1);
  const still = setInterval(() => say(`${what}: at it for ${seconds()} s`), STILL_MS);
  try {
    const did = await again(what, installer);
    say(`${what}: ${did ? `installed in ${seconds()} s` : 'there'}, ${place}`);
  } finally {
    clearInterval(still);
  }
}

async function again(what: string, installer: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 1; ; tries++)
    try {
      return await installer();
    } catch (error) {
      const why = `${what}: ${error instanceof Error ? error.message : String(error)}`;
      if (tries === TRIES) throw new Error(why, { cause: error });
      say(`${why}\n${what}: that was try ${tries} of ${TRIES}, the next one in ${PAUSE_MS / 1000} s`);
      await pause(PAUSE_MS);
    }
}

/** 0 done, 1 failed, 2 wrong usage. */
async function main(): Promise<number> {
  let wantsHelp: boolean | undefined;
  try {
    wantsHelp = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } }).values.help;
  } catch (error) {
    console.error(`${String(error)}\n\n${help}`);
    return 2;
  }
  if (wantsHelp === true) {
    console.log(help);
    return 0;
  }
  try {
    await setUp();
    return 0;
  } catch (error) {
    console.error(`services: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

process.exitCode = await main();

import { parseArgs } from 'node:util';
import { cacheFolder } from './cache.ts';
import { installPrograms } from './debian.ts';
import { installKafka, kafkaFolder } from './kafka-jars.ts';
import { installPython, pythonFolder } from './python.ts';
import { kafkaVersion, pythonPackages } from './versions.ts';

const help = `npm run services:setup

Installs the services that the tests start: Kafka ${kafkaVersion}, mosquitto, kcat, Chromium, and Python with ${pythonPackages.join(', ')}.
Quick when everything is there. Programs come from apt (as root), jars from Maven, Python packages from pip; jars and packages
go to ${cacheFolder()} (another folder: MILLRACE_SERVICES).

  --help  shows this
`;

const say = (line: string): void => console.log(`services: ${line}`);

async function setUp(): Promise<void> {
  await installPrograms(say);
  await install(`Kafka ${kafkaVersion}`, kafkaFolder(), installKafka);
  await install(`Python with ${pythonPackages.join(', ')}`, pythonFolder(), installPython);
  say('ready');
}

async function install(what: string, folder: string, installer: () => Promise<boolean>): Promise<void> {
  const start = performance.now();
  const did = await installer();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  say(`${what}: ${did ? `installed in ${seconds} s` : 'there'}, ${folder}`);
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

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { installFolder, serviceFolder } from './cache.ts';
import { program, run, type Output, type RunOptions } from './run.ts';
import { kafkaArtifacts, kafkaVersion, mavenCopyPlugin } from './versions.ts';

const decoderSource = join(import.meta.dirname, 'HexDecoder.java');

/** The folder with the jars of the broker, its tools and MirrorMaker. */
export function kafkaFolder(): string {
  return serviceFolder(`kafka-${kafkaVersion}`, [
    ...kafkaArtifacts,
    mavenCopyPlugin,
    readFileSync(decoderSource, 'utf8'),
  ]);
}

/** What Java takes as the class path: every jar of the folder, and our decoder's class in it. */
export function kafkaClassPath(): string {
  const folder = kafkaFolder();
  if (!existsSync(folder)) throw new Error(`Kafka ${kafkaVersion} is not installed: npm run services:setup`);
  return [join(folder, '*'), folder].join(delimiter);
}

/** Has Maven fetch the jars, checksums held against the repository's, and compiles our decoder. Returns whether there was something to do. */
export function installKafka(): Promise<boolean> {
  return installFolder({
    folder: kafkaFolder(),
    build: buildFolder,
    whole: (folder) => missingFiles(folder).length === 0,
  });
}

async function buildFolder(folder: string): Promise<void> {
  const pom = join(folder, 'pom.xml');
  writeFileSync(pom, pomOf(kafkaArtifacts));
  const flags = ['-B', '-q', '--strict-checksums', '-f', pom, `-DoutputDirectory=${folder}`, '-DincludeScope=runtime'];
  await run(program('mvn'), [...flags, `${mavenCopyPlugin}:copy-dependencies`], { limitMs: 600_000 });
  await run(program('javac'), ['-cp', join(folder, '*'), '-d', folder, decoderSource]);
  const missing = missingFiles(folder);
  if (missing.length > 0) throw new Error(`Maven did not bring ${missing.join(', ')}`);
}

function missingFiles(folder: string): string[] {
  const files = readdirSync(folder);
  return [...kafkaArtifacts.map(jarName), 'HexDecoder.class'].filter((file) => !files.includes(file));
}

/** Runs one of Kafka's own command-line classes to its end. */
export function runKafkaTool(mainClass: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
  const jvm = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  return run(program('java'), [...jvm, '-cp', kafkaClassPath(), mainClass, ...args], options);
}

function jarName(artifact: string): string {
  const [, name = '', version = ''] = artifact.split(':');
  return `${name}-${version}.jar`;
}

function pomOf(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group = '', name = '', version = ''] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project><modelVersion>4.0.0</modelVersion>
<groupId>millrace.test</groupId><artifactId>services</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependencies.join('\n')}</dependencies></project>\n`;
}

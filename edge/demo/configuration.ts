import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseDocument } from 'yaml';
import { checkWithFiles } from '../config/check.ts';
import { listOf } from '../config/document.ts';
import type { Config } from '../config/schema.ts';
import { realDisk, replaceFile } from '../core/disk.ts';
import { errnoOf, Fault, messageOf } from '../core/fault.ts';

const FILE = path.join(import.meta.dirname, 'demo.yaml');
/** By this line a file is known as the demo's own. */
const FIRST_LINE =
  '# The configuration that `millrace demo` runs with. It writes this file at each start: changes here are lost.';
const HEADER = `${FIRST_LINE}
# Commands find the demo by it: \`millrace status -c FILE\`. \`millrace start -c FILE\` runs the gateway without the plant, so that plc and meters stay down.
`;
/** Places of the connectors in the file. */
const MQTT = 0;
const OPCUA = 1;
const MODBUS = 2;

/** What the demo is started with, and where its plant listens. */
export interface DemoPlaces {
  /** Data folder, absolute. */
  readonly data: string;
  readonly httpPort: number;
  readonly mqttPort: number;
  /** `opc.tcp://HOST:PORT/…`; left out: what stands in the file. */
  readonly opcua?: string;
  /** `HOST:PORT`; left out: what stands in the file. */
  readonly modbus?: string;
  /** `HOST:PORT` of a Kafka broker; null: the link has no destination. */
  readonly kafka: string | null;
}

/** Options of the command line, by what they stand for in the configuration. */
const OPTIONS: Readonly<Record<string, string>> = {
  'http.listen': '--port',
  [`connectors[${MQTT}].listen`]: '--mqtt-port',
  'links[0].to.brokers[0]': '--kafka',
};

/** The configuration of the demo as a file for its data folder: `demo.yaml` with these places in it. */
export function demoText(places: DemoPlaces): string {
  const document = parseDocument(readFileSync(FILE, 'utf8').replace(/^(#.*\n)+/, ''));
  document.setIn(['data'], '.');
  // Whoever tries it sees the clock of their own wall.
  document.setIn(['site', 'timezone'], Intl.DateTimeFormat().resolvedOptions().timeZone);
  document.setIn(['http', 'listen'], `127.0.0.1:${places.httpPort}`);
  document.setIn(['connectors', MQTT, 'listen'], `127.0.0.1:${places.mqttPort}`);
  if (places.opcua !== undefined) document.setIn(['connectors', OPCUA, 'endpoints', 0], places.opcua);
  if (places.modbus !== undefined) document.setIn(['connectors', MODBUS, 'bus', 'tcp'], places.modbus);
  if (places.kafka !== null) document.setIn(['links', 0, 'to'], document.createNode({ brokers: [places.kafka] }));
  // The device file stays in the package.
  for (const i of listOf(listOf(document.toJS(), 'connectors')[MODBUS], 'units').keys()) {
    const place = ['connectors', MODBUS, 'units', i, 'device'];
    document.setIn(place, path.join(import.meta.dirname, String(document.getIn(place))));
  }
  return `${HEADER}${document.toString({ lineWidth: 120 })}`;
}

/** The configuration of the demo. Throws `usage` where one of the places is not valid, and names the option. */
export async function demoConfig(places: DemoPlaces): Promise<Config> {
  const checked = await checkWithFiles(demoText(places), 'demo.yaml', places.data);
  if (checked.config !== undefined) return checked.config;
  const problems = checked.problems.map(({ path: at, wrong, expected }) => {
    return `${OPTIONS[at] ?? at}: ${wrong}; expected ${expected}.`;
  });
  throw new Fault('usage', problems.join(' '));
}

/** Whether a file is one that the demo has written. */
export function isDemoFile(file: string): boolean {
  return statSync(file).isFile() && readFileSync(file, 'utf8').startsWith(FIRST_LINE);
}

/** Refuses to replace a file that somebody else has written. Throws `file-exists`, `file-unwritable`. */
export function mustBeDemoFile(file: string): void {
  try {
    if (isDemoFile(file)) return;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw new Fault('file-unwritable', `${file}: ${messageOf(error)}`, { cause: error });
  }
  throw new Fault('file-exists', `${file} is not the demo's. Give the demo a folder of its own with --data.`);
}

/** Puts the demo's configuration into its data folder, whole. Throws `file-unwritable`. */
export function writeDemoFile(file: string, text: string): void {
  try {
    replaceFile(realDisk, file, text);
  } catch (error) {
    throw new Fault('file-unwritable', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

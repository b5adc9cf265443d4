import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseDocument } from 'yaml';
import { checkWithFiles } from '../config/check.ts';
import type { Config } from '../config/schema.ts';
import { Fault } from '../core/fault.ts';

const FILE = path.join(import.meta.dirname, 'demo.yaml');
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
  data: '--data',
  'http.listen': '--port',
  [`connectors[${MQTT}].listen`]: '--mqtt-port',
  'links[0].to.brokers[0]': '--kafka',
};

/** The configuration of the demo: `demo.yaml` with these places in it. Throws `usage` where one of them is not valid, and names the option. */
export async function demoConfig(places: DemoPlaces): Promise<Config> {
  const document = parseDocument(readFileSync(FILE, 'utf8'));
  document.setIn(['data'], places.data);
  document.setIn(['http', 'listen'], `127.0.0.1:${places.httpPort}`);
  document.setIn(['connectors', MQTT, 'listen'], `127.0.0.1:${places.mqttPort}`);
  if (places.opcua !== undefined) document.setIn(['connectors', OPCUA, 'endpoints', 0], places.opcua);
  if (places.modbus !== undefined) document.setIn(['connectors', MODBUS, 'bus', 'tcp'], places.modbus);
  if (places.kafka !== null) document.setIn(['links', 0, 'to'], document.createNode({ brokers: [places.kafka] }));
  const checked = await checkWithFiles(document.toString(), 'demo.yaml', import.meta.dirname);
  if (checked.config !== undefined) return checked.config;
  const problems = checked.problems.map(({ path: at, wrong, expected }) => {
    return `${OPTIONS[at] ?? at}: ${wrong}; expected ${expected}.`;
  });
  throw new Fault('usage', problems.join(' '));
}

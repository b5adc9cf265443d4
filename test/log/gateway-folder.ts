import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { site, type GatewayPlace } from '../end-to-end/gateway.ts';
import { freePort } from '../services/wait.ts';

/** The mapping of the recorded data, as `publications` sends them. */
const topics = [{ match: 'plant/+/+/+', tag: '{1}/{2}/{3}', value: '$.value', time: '$.timestamp' }];

/** A folder for a gateway with one MQTT broker, not started yet. Its `data/` is there and empty, or leads to the folder of a disk. */
export async function gatewayFolder(disk?: string): Promise<GatewayPlace> {
  const [httpPort, mqttPort] = [await freePort(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), 'millrace-gateway-'));
  const configFile = join(folder, 'millrace.yaml');
  const floor = { name: 'floor', kind: 'mqtt-broker', listen: `127.0.0.1:${mqttPort}`, topics };
  const http = { listen: `127.0.0.1:${httpPort}` };
  const whole = { version: 1, site, data: './data', http, connectors: [floor] };
  writeFileSync(configFile, JSON.stringify(whole, null, 2));
  if (disk === undefined) mkdirSync(join(folder, 'data'));
  else symlinkSync(disk, join(folder, 'data'));
  return { folder, configFile, args: ['start', '-c', configFile], httpPort, mqttPort };
}

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGatewayIn, type Gateway } from '../end-to-end/gateway.ts';
import { parseHistoryJson } from '../end-to-end/history.ts';
import { freePort } from '../services/wait.ts';

/** First level of all paths of the demo. */
export const demoSite = 'demo';

/** The protocols of the plant, as the tag list calls their connectors. */
export const kinds = ['mqtt-broker', 'opcua', 'modbus'] as const;

/** Starts `millrace demo` with an empty data folder and waits until it is ready. */
export async function startDemo(seed: number): Promise<Gateway> {
  const [httpPort, mqttPort] = [await freePort(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), 'millrace-demo-'));
  const configFile = join(folder, 'millrace.yaml');
  // For the commands, which find the running demo by its data folder.
  writeFileSync(configFile, JSON.stringify({ version: 1, site: demoSite, data: './data', connectors: [] }));
  const ports = ['--port', String(httpPort), '--mqtt-port', String(mqttPort)];
  const args = ['demo', '--data', join(folder, 'data'), ...ports, '--seed', String(seed)];
  return startGatewayIn({ folder, configFile, args, httpPort, mqttPort });
}

/** An item of `GET /api/v1/alarms`. */
export interface AlarmItem {
  readonly id: string;
  readonly name: string;
  readonly tag: string;
  readonly asset: string;
  readonly kind: string;
  readonly state: string;
  readonly since: string;
  readonly message: string;
  readonly reasons: readonly {
    readonly signal: string;
    readonly expected: number | null;
    readonly seen: number | null;
    readonly share: number | null;
  }[];
}

/** An item of `GET /api/v1/models`. */
export interface ModelItem {
  readonly name: string;
  readonly state: string;
  readonly version: string | null;
  readonly detail: string | null;
  readonly signals: readonly string[];
  readonly trainedTo: string | null;
  readonly score: number | null;
  readonly threshold: number | null;
}

/** An item of `GET /api/v1/demo/faults`. */
export interface FaultItem {
  readonly name: string;
  readonly asset: string;
  readonly signals: readonly string[];
  readonly active: boolean;
}

/** An item of `GET /api/v1/tags`. */
export interface TagItem {
  readonly path: string;
  readonly kind: string;
}

/** The `items` of an answer. */
export async function itemsOf<Item>(gateway: Gateway, path: string): Promise<readonly Item[]> {
  return ((await gateway.api(path)) as { readonly items: readonly Item[] }).items;
}

export function alarmsOf(gateway: Gateway): Promise<readonly AlarmItem[]> {
  return itemsOf<AlarmItem>(gateway, '/api/v1/alarms');
}

/** The one model of the demo. */
export async function modelOf(gateway: Gateway): Promise<ModelItem> {
  const [model, ...others] = await itemsOf<ModelItem>(gateway, '/api/v1/models');
  if (model === undefined || others.length > 0) throw new Error('the demo has not one model');
  return model;
}

/** Switches a fault of the plant on or off. */
export async function setFault(gateway: Gateway, name: string, on: boolean): Promise<void> {
  const answer = await fetch(`${gateway.http}/api/v1/demo/faults/${name}`, { method: on ? 'POST' : 'DELETE' });
  if (answer.status !== 200) throw new Error(`fault ${name}: ${answer.status} ${await answer.text()}`);
}

/** How many tags of each protocol had more than one value within the last 5 s. */
export async function changingTags(gateway: Gateway): Promise<Readonly<Record<string, number>>> {
  const tags = await itemsOf<TagItem>(gateway, '/api/v1/tags');
  const from = new Date(Date.now() - 5000).toISOString();
  const counts: Record<string, number> = {};
  for (const kind of kinds) {
    const query = tags.filter((tag) => tag.kind === kind).map(({ path }) => `tag=${encodeURIComponent(path)}`);
    if (query.length === 0) continue;
    const samples = parseHistoryJson(
      await gateway.text(`/api/v1/history?${query.join('&')}&from=${from}`, 'application/json'),
    );
    const values = Map.groupBy(
      samples.filter(({ quality }) => quality === 0),
      ({ tag }) => tag,
    );
    counts[kind] = [...values.values()].filter((of) => new Set(of.map(({ value }) => value)).size > 1).length;
  }
  return counts;
}

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parse } from 'yaml';
import { startGatewayIn, type Gateway } from '../end-to-end/gateway.ts';
import { parseHistoryJson } from '../end-to-end/history.ts';
import type { Random } from '../end-to-end/random.ts';
import { freePort } from '../services/wait.ts';
import { protocols, startPlant, type PlantProcess, type Protocol } from './plant-process.ts';

const demoFolder = resolve(import.meta.dirname, '..', '..', 'edge', 'demo');
const backLimitMs = 60_000;

/** A gateway with the configuration of the demo, and the plant beside it, which it did not start. */
export interface PlantSite extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly plant: PlantProcess;
}

interface DemoFile {
  readonly connectors: readonly Readonly<Record<string, unknown>>[];
  readonly [key: string]: unknown;
}

/** Starts both in a temporary folder; resolves when the gateway is ready. */
export async function startPlantSite(seed: number): Promise<PlantSite> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-outages-'));
  const [httpPort, mqttPort] = [await freePort(), await freePort()];
  const mqtt = `127.0.0.1:${mqttPort}`;
  const configFile = join(folder, 'millrace.yaml');
  let plant: PlantProcess | undefined;
  try {
    plant = await startPlant(folder, seed, mqtt);
    const demo = parse(readFileSync(join(demoFolder, 'demo.yaml'), 'utf8')) as DemoFile;
    const places: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
      'mqtt-broker': { listen: mqtt },
      opcua: { endpoints: [plant.opcua] },
      modbus: { bus: { tcp: plant.modbus, framing: 'tcp', timeout: '500ms', retries: 1 } },
    };
    const connectors = demo.connectors.map((connector) => ({ ...connector, ...places[String(connector['kind'])] }));
    const whole = { ...demo, data: './data', http: { listen: `127.0.0.1:${httpPort}` }, connectors };
    writeFileSync(configFile, JSON.stringify(whole, null, 2));
    copyFileSync(join(demoFolder, 'meter.yaml'), join(folder, 'meter.yaml'));
    const args = ['start', '-c', configFile];
    return siteOf(await startGatewayIn({ folder, configFile, args, httpPort, mqttPort }), plant);
  } catch (error) {
    await plant?.process.kill9();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

function siteOf(gateway: Gateway, plant: PlantProcess): PlantSite {
  return {
    gateway,
    plant,
    async [Symbol.asyncDispose]() {
      await plant.process.kill9();
      await gateway[Symbol.asyncDispose]();
    },
  };
}

/** One blind time of a protocol, µs of the clock of this machine. */
export interface Outage {
  readonly protocol: Protocol;
  /** When the stop was asked for, and when it was done; when the start was asked for. */
  readonly stoppingUs: number;
  readonly stoppedUs: number;
  readonly startingUs: number;
  /** From there to the moment at which each of its tags had a good value again, s. */
  readonly backS: number;
}

/** Tags by protocol. */
export type Tags = Readonly<Record<Protocol, readonly string[]>>;

/** All protocols flow for so long before the first stop and behind the last return, whatever order the seed gives. */
const flowMs = 7000;

/** Stops each protocol once and starts it again, in any order that makes sense, with pauses between; resolves when all of them are back and have flowed for a while. */
export async function playOutages({ gateway, plant }: PlantSite, tags: Tags, choose: Random): Promise<Outage[]> {
  const waiting = new Set(protocols);
  const stopped = new Map<Protocol, { readonly stoppingUs: number; readonly stoppedUs: number }>();
  const played: Promise<Outage>[] = [];
  await pause(flowMs);
  while (waiting.size + stopped.size > 0) {
    const possible = [...waiting, ...stopped.keys()];
    const protocol = possible[choose.whole(0, possible.length - 1)] ?? 'mqtt';
    const stop = stopped.get(protocol);
    const fromUs = Date.now() * 1000;
    if (stop === undefined) {
      waiting.delete(protocol);
      await plant.switch(protocol, 'stop');
      stopped.set(protocol, { stoppingUs: fromUs, stoppedUs: Date.now() * 1000 });
    } else {
      stopped.delete(protocol);
      await plant.switch(protocol, 'start');
      const outage = back(gateway, tags[protocol], fromUs).then((backS) => {
        return { protocol, ...stop, startingUs: fromUs, backS };
      });
      // Whether one failed is asked at the end.
      outage.catch(() => undefined);
      played.push(outage);
    }
    await pause(choose.between(7000, 9500));
  }
  const outages = await Promise.all(played);
  await pause(flowMs);
  return outages;
}

/** Waits until each of the tags has a good value from behind a time; returns how long that took from then, s. */
export async function back(gateway: Gateway, tags: readonly string[], fromUs: number): Promise<number> {
  const query = tags.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
  const all = async (): Promise<boolean> => {
    const latest = parseHistoryJson(await gateway.text(`/api/v1/latest?${query}`, 'application/json'));
    const good = latest.filter(({ timeUs, quality }) => quality === 0 && timeUs >= fromUs);
    if (good.length === tags.length) return true;
    throw new Error(`${good.length} of ${tags.length} tags are back`);
  };
  await gateway.until('every tag is back', all, backLimitMs);
  return (Date.now() * 1000 - fromUs) / 1e6;
}

/** What the chart of a tag shows. */
export interface Chart {
  readonly tag: string;
  readonly raw: boolean;
  readonly bucketSeconds: number | null;
  readonly points: readonly (readonly [time: string, ...values: (number | null)[]])[];
}

export interface ChartGap {
  readonly tag: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

/** Charts of the tags over a time, µs, with buckets of about 2.5 s. */
export async function chartsOf(
  gateway: Gateway,
  tags: readonly string[],
  fromUs: number,
  toUs: number,
): Promise<{ readonly items: readonly Chart[]; readonly gaps: readonly ChartGap[] }> {
  const query = tags.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
  const span = [fromUs, toUs].map((us) => new Date(us / 1000).toISOString());
  const points = Math.ceil((toUs - fromUs) / 2.5e6);
  const path = `/api/v1/history?${query}&from=${span[0]}&to=${span[1]}&points=${points}`;
  return (await gateway.api(path)) as { items: readonly Chart[]; gaps: readonly ChartGap[] };
}

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createPlant } from '../../firmware-sim/plant.ts';
import { startPeer, type PeerProcess } from '../services/peer-process.ts';

const main = resolve(import.meta.dirname, '..', '..', 'firmware-sim', 'main.ts');
const startLimitMs = 60_000;

/** The protocols of the plant, as its control port calls them. */
export type Protocol = 'mqtt' | 'opcua' | 'modbus';
export const protocols: readonly Protocol[] = ['mqtt', 'opcua', 'modbus'];

/** The simulated plant as a process of its own, without a past: it runs with the clock from the beginning. */
export interface PlantProcess {
  readonly process: PeerProcess;
  /** `opc.tcp://…` */
  readonly opcua: string;
  /** `HOST:PORT` */
  readonly modbus: string;
  /** The second in which its story may have begun, ms: first and last. */
  readonly bornMs: readonly [number, number];
  /** Stops or starts the server, or the devices, of a protocol; resolves when that is done. */
  switch(protocol: Protocol, verb: 'stop' | 'start'): Promise<void>;
}

/** @param folder takes what it prints @param mqtt `HOST:PORT` of the broker for its devices */
export async function startPlant(folder: string, seed: number, mqtt: string): Promise<PlantProcess> {
  const outputFile = join(folder, 'plant.txt');
  const line = (): string | undefined => /^\{.*\}\n/m.exec(readFileSync(outputFile, 'utf8'))?.[0];
  const firstMs = Date.now();
  const peer = await startPeer({
    name: 'the plant',
    file: process.execPath,
    args: [main, '--seed', String(seed), '--past', '0s', '--mqtt', mqtt],
    outputFile,
    ready: () => Promise.resolve(line() !== undefined),
    readyLimitMs: startLimitMs,
  });
  const { opcua, modbus, control } = JSON.parse(line() ?? '') as Record<'opcua' | 'modbus' | 'control', string>;
  return {
    process: peer,
    opcua,
    modbus,
    bornMs: [firstMs, Date.now()],
    async switch(protocol, verb) {
      const answer = await fetch(`${control}/protocols/${protocol}/${verb}`, { method: 'POST' });
      if (answer.status !== 200) throw new Error(`${protocol} ${verb}: ${answer.status} ${await answer.text()}`);
    },
  };
}

/** A reading of a device. */
export interface Reading {
  /** As it is told: whole milliseconds, in µs. */
  readonly timeUs: number;
  readonly value: number;
}

/** What the devices of the same plant read until a time (µs), worked out anew; by path below the site. @param startUs µs, a whole second */
export function readingsOf(seed: number, startUs: number, untilUs: number): ReadonlyMap<string, readonly Reading[]> {
  const plant = createPlant(seed, startUs);
  const found = new Map<string, Reading[]>(plant.signals.map(({ path }) => [path, []]));
  plant.advanceTo(untilUs, ({ first, signals }) => {
    const { timesUs, values } = plant.readings();
    for (const [nr, { path }] of signals.entries()) {
      const timeUs = Math.floor((timesUs[first + nr] ?? 0) / 1000) * 1000;
      found.get(path)?.push({ timeUs, value: values[first + nr] ?? Number.NaN });
    }
  });
  return found;
}

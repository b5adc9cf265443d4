import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { assert } from '../../edge/core/fault.ts';
import type { Batch, Message, RawValue, Reading, SourceEvent } from '../contract.ts';
import { OpcuaClient } from './client.ts';
import type { OpcuaConfig } from './config.ts';
import { OPCUA_LIMITS, type OpcuaLimits } from './limits.ts';

/** For tests: an open client with a host that reads all the time. Closed when the test ends. */
export interface OpcuaRig {
  readonly client: OpcuaClient;
  readonly readings: Reading[];
  messages(): Message[];
  events(): SourceEvent[];
  /** All values of a tag, in order. */
  values(tag: string): RawValue[];
  /** Waits until there are so many values of a tag. */
  until(tag: string, count: number): Promise<RawValue[]>;
  /** While true (as at the beginning) each batch is acknowledged at once. */
  acknowledging: boolean;
  acknowledge(): void;
  /** What ended the reading. */
  ended: unknown;
}

/** A folder for certificates, removed when the test ends. */
export function pkiFolder(): string {
  const pki = pkiFolderFor('test');
  onTestFinished(() => pki.remove());
  return pki.folder;
}

/** A folder for certificates of a whole suite. */
export function pkiFolderFor(name: string): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), `millrace-pki-${name}-`));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A configuration for tests: everything fast. */
export function configOf(parts: Partial<OpcuaConfig> & Pick<OpcuaConfig, 'endpoints' | 'pki'>): OpcuaConfig {
  return {
    kind: 'opcua',
    name: 'test',
    channel: { policy: 'None', mode: 'None' },
    defaults: { sampling: 20, publishing: 50, queue: 100, discard: 'oldest' },
    ...parts,
  };
}

export async function startClient(config: OpcuaConfig, limits: Partial<OpcuaLimits> = {}): Promise<OpcuaRig> {
  const client = new OpcuaClient(config, { ...OPCUA_LIMITS, ...limits });
  await client.open(new AbortController().signal);
  const readings: Reading[] = [];
  const batches: Batch[] = [];
  const messages = (): Message[] => readings.filter((reading) => reading.type === 'message');
  const values = (tag: string): RawValue[] =>
    messages().flatMap((message) => message.values.filter((value) => value.tag === tag));
  const rig: OpcuaRig = {
    client,
    readings,
    messages,
    events: () => readings.filter((reading) => reading.type === 'event'),
    values,
    async until(tag, count) {
      await vi.waitUntil(() => values(tag).length >= count, { timeout: 20_000, interval: 10 });
      return values(tag);
    },
    acknowledging: true,
    acknowledge: () => {
      for (const batch of batches.splice(0)) batch.acknowledge();
    },
    ended: undefined,
  };
  const host = (async (): Promise<void> => {
    for (;;) {
      const batch = await client.read();
      readings.push(...batch.readings);
      batches.push(batch);
      if (rig.acknowledging) rig.acknowledge();
    }
  })().catch((error: unknown) => {
    rig.ended = error;
  });
  onTestFinished(async () => {
    await client.close();
    await host;
  });
  return rig;
}

/** The last of a list that has one. */
export function lastOf<T>(list: readonly T[]): T {
  const last = list.at(-1);
  assert(last !== undefined, 'not empty');
  return last;
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { assert } from '../../edge/core/fault.ts';
import { type HostRig, startHost } from '../host-kit.ts';
import { OpcuaClient } from './client.ts';
import type { OpcuaConfig } from './config.ts';
import { OPCUA_LIMITS, type OpcuaLimits } from './limits.ts';

/** For tests: an open client with a host that reads all the time. Closed when the test ends. */
export interface OpcuaRig extends HostRig {
  readonly client: OpcuaClient;
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
  return Object.assign(await startHost(client), { client });
}

/** The last of a list that has one. */
export function lastOf<T>(list: readonly T[]): T {
  const last = list.at(-1);
  assert(last !== undefined, 'not empty');
  return last;
}

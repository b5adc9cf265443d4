import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { packagesFolder } from './pins.ts';

const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string(), integrity: z.string().optional() })),
});
const lockIn = (folder: string): z.infer<typeof lockSchema>['packages'] =>
  lockSchema.parse(JSON.parse(readFileSync(path.join(folder, 'package-lock.json'), 'utf8'))).packages;

const ours = lockIn(packagesFolder);

test('every package of the native build is pinned by a checksum', () => {
  const loose = Object.entries(ours).filter(([at, { integrity }]) => at !== '' && integrity === undefined);
  expect(Object.keys(ours).length).toBeGreaterThan(100);
  expect(loose).toEqual([]);
});

test('it computes with the same version of TensorFlow.js as the gateway', () => {
  const gateways = lockIn(path.resolve(import.meta.dirname, '..', '..'));
  for (const name of ['tfjs', 'tfjs-core'])
    expect(ours[`node_modules/@tensorflow/${name}`]?.version).toBe(
      gateways[`node_modules/@tensorflow/${name}`]?.version,
    );
});

test('tar is one without the advisories of version 6', () => {
  const versions = Object.entries(ours).flatMap(([at, { version }]) => (/(?:^|\/)tar$/.test(at) ? [version] : []));
  expect(versions).toHaveLength(1);
  const [major = 0, minor = 0, patch = 0] = (versions[0] ?? '').split('.').map(Number);
  expect(major * 1e6 + minor * 1e3 + patch).toBeGreaterThanOrEqual(7_005_011);
});

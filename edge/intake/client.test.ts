import { expect, test } from 'vitest';
import type { ConnectorConfig } from '../../connectors/registry.ts';
import { IntakeClient } from './client.ts';
import { IntakeKit } from './intake-kit.ts';

test('a worker that ends by itself says which it was, and why', async () => {
  await using kit = await IntakeKit.open();
  const client = new IntakeClient({
    site: 'northmill',
    connectors: [{ name: 'x', kind: 'carrier-pigeon' } as unknown as ConnectorConfig],
    aheadMs: 0,
    log: kit.log,
    registrar: kit.registrar,
    onReport: () => undefined,
    onNotice: () => undefined,
  });
  const failure: unknown = await client.run().catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'worker-failed' });
  expect(String(failure)).toMatch(/intake carrier-pigeon: no connector of kind carrier-pigeon/);
});

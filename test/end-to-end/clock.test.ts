import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startGateway } from './gateway.ts';

interface LogItem {
  readonly name: string;
  readonly clock: { readonly confirmed: boolean; readonly aheadSeconds: number };
  readonly topics: readonly { readonly topic: string; readonly retentionSeconds: number | null }[];
}

test('a gateway whose clock was in doubt says so wherever one looks, until somebody confirms it', async () => {
  const log = { topics: { samples: { retention: '14d' } } };
  await using gateway = await startGateway({ topics: [{ match: '#' }], log });
  const forecast = async (): Promise<LogItem | undefined> => {
    const { items } = (await gateway.api('/api/v1/forecast')) as { items: LogItem[] };
    return items.find(({ name }) => name === 'log');
  };
  const types = async (): Promise<unknown[]> => {
    const { items } = (await gateway.api('/api/v1/events')) as { items: { value: { type: string } }[] };
    return items.map(({ value }) => value.type).filter((type) => type.startsWith('clock-'));
  };
  await gateway.until('the log tells its figures', async () => (await forecast())?.topics.length !== 0);
  expect(await forecast()).toMatchObject({ clock: { confirmed: true, aheadSeconds: 0 } });

  await gateway.stop();
  // As its last life would have left it when the clock had jumped by a year.
  const believedMs = Date.now() - 365 * 86_400_000;
  writeFileSync(join(gateway.data, 'log', 'unconfirmed-clock.json'), `{"v":1,"believedMs":${believedMs}}\n`);
  gateway.start();
  await gateway.ready();
  await gateway.until('the doubt', async () => (await forecast())?.clock.confirmed === false);
  expect((await forecast())?.topics.find(({ topic }) => topic === 'samples')?.retentionSeconds).toBe(14 * 86_400);
  const { stdout } = await gateway.cli('status');
  expect(stdout.toString('utf8')).toContain('The clock is 365');
  expect(await gateway.text('/readyz', 'application/json')).toContain('millrace log confirm-clock');

  const confirm = async (): Promise<string> => (await gateway.cli('log', 'confirm-clock')).stdout.toString('utf8');
  expect(await confirm()).toBe('The clock is confirmed: data is deleted by its age again.\n');
  expect(await confirm()).toBe('The clock was not in doubt: there was nothing to confirm.\n');
  expect(await forecast()).toMatchObject({ clock: { confirmed: true, aheadSeconds: 0 } });
  await gateway.until('the event', async () => (await types()).length > 0);
  expect(await types()).toEqual(['clock-confirmed']);
  await gateway.restart();
  await gateway.until('the log tells its figures', async () => (await forecast())?.topics.length !== 0);
  expect(await forecast()).toMatchObject({ clock: { confirmed: true } });
});

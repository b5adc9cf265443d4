import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { batchOf, double, EVER, T0 } from '../historian/kit/history-kit.ts';
import { waitFor } from '../test/services/wait.ts';
import { loadConfig } from './config/load.ts';
import { systemClock } from './core/clock.ts';
import { realDisk } from './core/disk.ts';
import { Log } from './core/log.ts';
import { GatewayEvents } from './gateway-events.ts';
import { HistorianPart } from './historian-part.ts';
import { historianRetention, logRetention } from './log/log-settings.ts';
import { TagDictionary } from './tags/dictionary.ts';

const TAG = 'plant/a';
const DAY_MS = 86_400_000;

/** A configuration whose samples are kept for ten days. */
async function configured(historian: string) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-part-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'millrace.yaml');
  writeFileSync(file, `version: 1\nsite: plant\nhistorian: ${historian}\n`);
  const { config } = await loadConfig(file);
  if (config === undefined) throw new Error('the configuration is wrong');
  return config;
}

test('samples expire by the time that the log believes: a clock that jumps a year ahead deletes nothing', async () => {
  const config = await configured('{ retention: 10d }');
  const log = new Log({ dataFolder: config.data, ...logRetention(config), nowMs: Date.now() });
  await log.open((fault) => {
    throw fault;
  });
  const dictionary = new TagDictionary(realDisk, path.join(config.data, 'tags'));
  dictionary.open();
  const producer = log.producer();
  const clock = systemClock();
  const logger = { error: (text: unknown) => expect.fail(String(text)), warn: () => undefined };
  const events = new GatewayEvents(producer, clock, { cover: () => undefined }, (error) => expect.fail(String(error)));
  const part = new HistorianPart({ config, log, dictionary, events, clock, logger });
  part.open();
  const { client } = part;
  await client.start();
  await producer.append('samples', batchOf([double(TAG, 0, 1), double(TAG, 1, 2)], 0, T0 / 1000), 2);
  await waitFor('the historian to have caught up', () => client.state().points === 2);
  await client.flush();
  const values = async (): Promise<number> => (await client.page({ tag: TAG, ...EVER })).points.count;
  const told: number[] = [];
  const believe = client.believe.bind(client);
  client.believe = (nowMs) => {
    told.push(nowMs);
    believe(nowMs);
  };
  /** What the log says of the clock. */
  const look = (trusted: boolean, believedMs: number): void => {
    log.state.figures = { ...log.state.figures, clock: { trusted, aheadMs: 0 }, believedMs };
    part.tend();
  };
  const nowMs = Date.now();
  look(true, nowMs);
  look(false, nowMs + 365 * DAY_MS);
  expect(told).toEqual([nowMs]);
  expect((await part.report()).expires).toBe(false);
  expect(await values()).toBe(2);
  look(true, nowMs + 11 * DAY_MS);
  await waitFor('them to expire', async () => (await values()) === 0);
  await waitFor('it to be told', () => client.care.expired.length > 0);
  const { expires, topics, points } = await part.report();
  expect([expires, points]).toEqual([true, 2]);
  const [samples, ...others] = topics;
  expect(samples).toMatchObject({ topic: 'samples', retentionSeconds: 864_000 });
  expect(samples?.expiredBeforeUs).toBe((nowMs + DAY_MS) * 1000);
  expect(others.map(({ expiredBeforeUs }) => expiredBeforeUs)).toEqual([null, null, null]);
  await client.stop();
  producer.close();
  dictionary.close();
  await log.close();
});

test('how long samples are kept: all alike, by topic, and for ever', async () => {
  expect(historianRetention(await configured('{ retention: 10d }'))).toEqual({
    samples: 10 * DAY_MS,
    'samples.critical': 10 * DAY_MS,
    'samples.bulk': 10 * DAY_MS,
    derived: 10 * DAY_MS,
  });
  const mixed = await configured('{ retention: forever, topics: { samples.bulk: { retention: 1d } } }');
  expect(historianRetention(mixed)).toEqual({ 'samples.bulk': DAY_MS });
  expect(logRetention(mixed)).toMatchObject({ othersKeepMs: DAY_MS });
  expect(logRetention(await configured('{ retention: forever }'))).not.toHaveProperty('othersKeepMs');
});

import { randomFillSync } from 'node:crypto';
import { pino } from 'pino';
import { freePort, waitFor } from '../test/services/wait.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LinkConfig } from './config/schema.ts';
import { realDisk } from './core/disk.ts';
import { Log } from './core/log.ts';
import { LogFolder } from './core/kit/log-kit.ts';
import { BatchEncoder } from './core/record-batch.ts';
import { tailEvents } from './event-tail.ts';
import { LinkGroup } from './link-group.ts';
import { LinkPositions } from './link-positions.ts';
import { Supervisor } from './supervise.ts';
import { WatchKit } from './watch/watch-kit.ts';

const nowhere: LinkConfig = { name: 'cloud', topics: ['samples', 'events'], prefix: 'northmill.' };
const somewhere: LinkConfig = { ...nowhere, name: 'other', to: { brokers: [{ host: '127.0.0.1', port: 9 }] } };

const positions = new LinkPositions(realDisk, 'links.json');

let kit: WatchKit;

beforeEach(async () => {
  kit = await WatchKit.open();
});

afterEach(() => kit[Symbol.asyncDispose]());

test('a link without a destination has no part and says that all of its topics wait', async () => {
  const links = new LinkGroup({
    links: [nowhere, somewhere],
    log: kit.log,
    logger: pino({ level: 'silent' }),
    positions,
  });
  expect(links.parts().map(([name]) => name)).toEqual(['link/other']);
  await kit.append([{ value: 1 }, { value: 2 }]);
  const [status, other] = links.statuses();
  const waiting = { state: 'no destination', mirrored: null };
  expect(status).toMatchObject({
    name: 'cloud',
    state: 'no destination',
    detail: 'Give it brokers to mirror to.',
    brokers: [],
    topics: [
      { ...waiting, topic: 'samples', destination: 'northmill.samples', end: 2, lag: 2 },
      { ...waiting, topic: 'events', destination: 'northmill.events', end: 0, lag: 0 },
    ],
  });
  expect(other).toMatchObject({ name: 'other', brokers: ['127.0.0.1:9'] });
});

test('only a link that has a destination can be compared with it', () => {
  const links = new LinkGroup({ links: [nowhere], log: kit.log, logger: pino({ level: 'silent' }), positions });
  const { signal } = new AbortController();
  expect(() => links.verify('cloud', signal)).toThrow(expect.objectContaining({ code: 'link-without-destination' }));
  expect(() => links.verify('nobody', signal)).toThrow(expect.objectContaining({ code: 'link-unknown' }));
});

test('a link without a destination holds nothing, one that was not reached yet holds all', () => {
  const links = new LinkGroup({
    links: [nowhere, somewhere],
    log: kit.log,
    logger: pino({ level: 'silent' }),
    positions,
  });
  links.parts();
  expect(links.mirrored().map(({ name }) => name)).toEqual(['other']);
  expect(links.holds()).toEqual({ other: { samples: null, events: null } });
});

test('one that was reached before the start holds what it lacked then', () => {
  const known = new LinkPositions(realDisk, 'links.json');
  known.note({ ...somewhere, to: somewhere.to ?? fail() }, 'samples', 5);
  const logger = pino({ level: 'silent' });
  const links = new LinkGroup({ links: [somewhere], log: kit.log, logger, positions: known });
  links.parts();
  expect(links.holds()).toEqual({ other: { samples: 5, events: null } });
});

test('a link whose broker is not there for long: senders are never slowed, the log keeps to its budget, and what goes is on record', async () => {
  using folder = new LogFolder();
  const budgetBytes = 600_000;
  const log = new Log({ dataFolder: folder.data, budgetBytes, segmentBytes: 50_000, nowMs: Date.now() });
  await log.open((fault) => {
    throw fault;
  });
  const away = { ...somewhere, to: { brokers: [{ host: '127.0.0.1', port: await freePort() }] } };
  const links = new LinkGroup({ links: [away], log, logger: pino({ level: 'silent' }), positions });
  const [part] = links.parts();
  const supervisor = new Supervisor({ name: 'link/other', part: part?.[1] ?? fail(), onRestart: fail });
  supervisor.start();
  const producer = log.producer();
  const encoder = new BatchEncoder();
  for (let i = 0; i < 100; i++) {
    encoder.addRecord(null, randomFillSync(new Uint8Array(20_000)));
    await producer.append('samples', encoder.finish(Date.now()), 1);
  }
  expect([log.ends.start('samples'), log.ends.end('samples')]).toEqual([0, 100]);
  log.hold({ local: { samples: 100 }, links: links.holds() });
  await waitFor('the budget', () => log.ends.start('samples') > 50);
  await waitFor('its figures', () => log.state.figures.bytes > 0 && log.state.figures.bytes <= budgetBytes + 1000);
  const start = log.ends.start('samples');
  await waitFor('the gap', () => log.takeRecorded().length > 0);
  expect(tailEvents(log.folder, log.ends, 10).map(({ key, value }) => ({ key, ...value }))).toMatchObject([
    {
      key: 'topic/samples',
      type: 'gap',
      reason: 'retention',
      first: 0,
      last: start - 1,
      links: [{ name: 'other', from: null }],
    },
  ]);
  expect(links.statuses()[0]?.state).toBe('connecting');
  await supervisor.stop();
  await log.close();
});

function fail(): never {
  throw new Error('this does not happen');
}

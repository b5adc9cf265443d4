import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LinkConfig } from './config/schema.ts';
import { LinkGroup } from './link-group.ts';
import { WatchKit } from './watch/watch-kit.ts';

const nowhere: LinkConfig = { name: 'cloud', topics: ['samples', 'events'], prefix: 'northmill.' };
const somewhere: LinkConfig = { ...nowhere, name: 'other', to: { brokers: [{ host: '127.0.0.1', port: 9 }] } };

let kit: WatchKit;

beforeEach(async () => {
  kit = await WatchKit.open();
});

afterEach(() => kit[Symbol.asyncDispose]());

test('a link without a destination has no part and says that all of its topics wait', async () => {
  const links = new LinkGroup({ links: [nowhere, somewhere], log: kit.log, logger: pino({ level: 'silent' }) });
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
  const links = new LinkGroup({ links: [nowhere], log: kit.log, logger: pino({ level: 'silent' }) });
  const { signal } = new AbortController();
  expect(() => links.verify('cloud', signal)).toThrow(expect.objectContaining({ code: 'link-without-destination' }));
  expect(() => links.verify('nobody', signal)).toThrow(expect.objectContaining({ code: 'link-unknown' }));
});

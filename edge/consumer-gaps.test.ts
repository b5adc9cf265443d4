import { afterEach, beforeEach, expect, test } from 'vitest';
import { HistorianClient } from '../historian/client.ts';
import { OutgoingBatches } from '../sync/link/outgoing-batches.ts';
import { ConsumerGaps } from './consumer-gaps.ts';
import { systemClock } from './core/clock.ts';
import { LogFolder, type OpenLog } from './core/kit/log-kit.ts';
import type { TopicGap } from './core/reader.ts';
import { BatchEncoder } from './core/record-batch.ts';
import { tailEvents } from './event-tail.ts';

const LIMIT = { timeout: 60_000, interval: 10 };
const TOPIC = 'samples';

let folder: LogFolder;
let log: OpenLog;

beforeEach(() => {
  folder = new LogFolder();
  log = folder.open({ topics: [TOPIC, 'events'] });
});

afterEach(() => {
  log.writer.close();
  folder[Symbol.dispose]();
});

/** Events of gaps as a start of the gateway makes them. */
function newGaps(): ConsumerGaps {
  const events = {
    add(key: string, type: string, members: Record<string, unknown>): Promise<void> {
      const encoder = new BatchEncoder();
      const value = JSON.stringify({ v: 1, at: 1, type, ...members });
      encoder.addRecord(new TextEncoder().encode(key), new TextEncoder().encode(value));
      log.writer.append([{ topic: 'events', batch: encoder.finish(1), records: 1 }]);
      return Promise.resolve();
    },
  };
  const gaps = new ConsumerGaps({ logFolder: folder.log, ends: log.ends, events });
  gaps.open();
  return gaps;
}

function told(): unknown[] {
  return tailEvents(folder.log, log.ends, 1000).map(
    ({ key, value: { consumer, first, last, reason, fromMs, toMs } }) => {
      return [key, consumer, first, last, reason, fromMs, toMs];
    },
  );
}

/** Four batches of ten records, a second apart; the second and the third damaged after they were written. */
function damagedLog(): void {
  for (let i = 0; i < 4; i++) log.append(10 * i, 10, { timestampMs: 1000 * (i + 1) });
  const size = folder.bytes(0).length / 4;
  folder.damage(0, (bytes) => void bytes.fill(0x55, size + 70, 3 * size - 10));
}

test('what a consumer could not have is on record under its name, with the times around it', async () => {
  damagedLog();
  await newGaps().tell('watch', { topic: TOPIC, first: 10, last: 29, reason: 'damage' });
  expect(told()).toEqual([['topic/samples', 'watch', 10, 29, 'damage', 1000, 4000]]);
});

function gapOf(first: number, last: number, reason: TopicGap['reason'] = 'damage'): TopicGap {
  return { topic: TOPIC, first, last, reason };
}

test('each record once for each consumer, however often and in whatever pieces it is met, also after restarts', async () => {
  damagedLog();
  const first = newGaps();
  await first.tell('watch', gapOf(10, 19));
  await first.tell('watch', gapOf(10, 29));
  await first.tell('historian', gapOf(10, 29));
  const second = newGaps();
  await second.tell('watch', gapOf(10, 29));
  await second.tell('historian', gapOf(15, 29));
  await second.tell('historian', gapOf(0, 35, 'retention'));
  expect(told().map((event) => (event as unknown[]).slice(1, 5))).toEqual([
    ['watch', 10, 19, 'damage'],
    ['watch', 20, 29, 'damage'],
    ['historian', 10, 29, 'damage'],
    ['historian', 30, 35, 'retention'],
  ]);
});

test('the beginning and the end of the log have no neighbour, and so no time', async () => {
  damagedLog();
  await newGaps().tell('watch', { topic: TOPIC, first: 0, last: 39, reason: 'damage' });
  expect(told()).toEqual([['topic/samples', 'watch', 0, 39, 'damage', null, null]]);
});

test('the historian tells what it notes as lost; once, although it reads it again after a crash', async () => {
  damagedLog();
  const met: TopicGap[] = [];
  for (let life = 0; life < 2; life++) {
    const gaps = newGaps();
    const historian = new HistorianClient({
      logFolder: folder.log,
      folder: `${folder.data}/historian-${life}`,
      ends: log.ends,
      logId: log.writer.identity.logId,
      topics: [TOPIC],
      onGap(gap) {
        met.push(gap);
        void gaps.tell('historian', gap);
      },
    });
    await historian.start();
    await expect.poll(() => historian.state().lagSamples, LIMIT).toBe(0);
    await expect.poll(() => met.length, LIMIT).toBe(life + 1);
    await historian.stop();
  }
  expect(met).toEqual([0, 1].map(() => ({ topic: TOPIC, first: 10, last: 29, reason: 'damage' })));
  expect(told()).toEqual([['topic/samples', 'historian', 10, 29, 'damage', 1000, 4000]]);
});

test('a link tells of damaged records in place of which null records go out', () => {
  damagedLog();
  const met: TopicGap[] = [];
  const { ends } = log;
  const batches = new OutgoingBatches({
    logFolder: folder.log,
    topic: TOPIC,
    ends,
    clock: systemClock(),
    onGap: (gap) => met.push(gap),
  });
  batches.seek(0);
  let records = 0;
  for (let out = batches.next(1e5, 5e4); out !== undefined; out = batches.next(1e5, 5e4)) records += out.records;
  batches.close();
  expect(records).toBe(40);
  expect(met).toEqual([{ topic: TOPIC, first: 10, last: 29, reason: 'damage' }]);
});

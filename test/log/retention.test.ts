import { randomFillSync } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Log } from '../../edge/core/log.ts';
import { BatchEncoder } from '../../edge/core/record-batch.ts';
import type { Producer } from '../../edge/core/producer.ts';
import { tailEvents } from '../../edge/event-tail.ts';
import { waitFor } from '../services/wait.ts';
import { requireDisks, SmallDisk } from './small-disk.ts';

const disks = requireDisks();
const MB = 1024 * 1024;

/** Appends records that no packing makes smaller, 20 kB each; counts those that are durable. */
class Load {
  durable = 0;
  private readonly producer: Producer;
  private readonly encoder = new BatchEncoder();

  constructor(log: Log) {
    this.producer = log.producer();
  }

  async append(): Promise<void> {
    this.encoder.addRecord(null, randomFillSync(new Uint8Array(20_000)));
    await this.producer.append('samples', this.encoder.finish(Date.now()), 1);
    this.durable++;
  }
}

async function openOn(disk: SmallDisk): Promise<Log> {
  const log = new Log({ dataFolder: disk.folder, budgetBytes: 1e12, segmentBytes: MB, nowMs: Date.now() });
  await log.open((fault) => {
    throw fault;
  });
  return log;
}

const freeBytes = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
};

describe.skipIf(!disks.available)(`a disk of its own ${disks.reason}`, () => {
  test('that fills while a link is down: what only the link lacks makes room, nobody who sends waits for good, and it is on record', async () => {
    await using disk = await new SmallDisk().open(64);
    const log = await openOn(disk);
    const load = new Load(log);
    // Twice what the disk holds.
    for (let records = 0; records < 6400; records += 50) {
      log.hold({ local: { samples: records }, links: { cloud: { samples: 7 } } });
      await Promise.all(Array.from({ length: 50 }, () => load.append()));
    }
    const firstGap = (): unknown => tailEvents(log.folder, log.ends, 1000)[0]?.value;
    await waitFor('the first gap', () => firstGap() !== undefined);
    expect(firstGap()).toMatchObject({
      type: 'gap',
      reason: 'retention',
      first: 7,
      links: [{ name: 'cloud', from: 7 }],
    });
    await waitFor('the reserve', () => freeBytes(disk.folder) > MB);
    const last = (): unknown => tailEvents(log.folder, log.ends, 1)[0]?.value['last'];
    await waitFor('the last gap', () => last() === log.ends.start('samples') - 1);
    await log.close();
  });

  test('that fills with what a consumer in the gateway has not read: senders wait before it is full, until the consumer has read on', async () => {
    await using disk = await new SmallDisk().open(64);
    const log = await openOn(disk);
    const load = new Load(log);
    log.hold({ local: { samples: 0 } });
    disk.fill(10 * MB);
    // More than there is room for: 600 records are 12 MB.
    const filling = Promise.all(Array.from({ length: 600 }, () => load.append()));
    await waitFor('a full disk', () => log.state.diskFull);
    const { durable } = load;
    expect(durable).toBeLessThan(600);
    const reading = setInterval(() => log.hold({ local: { samples: load.durable - 50 } }), 100);
    await filling;
    clearInterval(reading);
    expect(log.ends.start('samples')).toBeGreaterThan(0);
    expect(log.ends.end('samples')).toBe(600);
    await waitFor('space', () => !log.state.diskFull);
    await log.close();
  });
});

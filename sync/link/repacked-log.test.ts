import { expect, test } from 'vitest';
import { systemClock } from '../../edge/core/clock.ts';
import { realDisk } from '../../edge/core/disk.ts';
import { type Entry, entriesOf, LogFolder, numbered } from '../../edge/core/kit/log-kit.ts';
import { checkBatch, placeBatch } from '../../edge/core/record-batch.ts';
import { eraseAll, erasureOf, meantBy, expectedSaid, saidIn, secretRequest } from '../../edge/core/repack/erase-kit.ts';
import { repackAll } from '../../edge/core/repack/repack-kit.ts';
import { setProducer } from '../kafka/patch.ts';
import { OutgoingBatches } from './outgoing-batches.ts';

const SIZES = [1, 5, 700, 2, 30, 30, 1, 120];

test('a link gives the same records at the same offsets from wherever it goes on, before and after the log was repacked', () => {
  using folder = new LogFolder();
  const { writer, ends } = folder.open({ segmentBytes: 40_000 });
  const requests: { topic: string; batch: Uint8Array; records: number }[] = [];
  let end = 0;
  for (let i = 0; end < 12_000; i++) {
    const records = SIZES[i % SIZES.length] ?? 1;
    const batch = numbered(end, records, {
      size: 20,
      timestampMs: 1000 + 10 * i - (i % 7 === 6 ? 400 : 0),
      compress: records > 99,
    });
    requests.push({ topic: 'samples', batch, records });
    end += records;
  }
  for (let i = 0; i < requests.length; i += 100) writer.append(requests.slice(i, i + 100));
  const options = { logFolder: folder.log, topic: 'samples', ends, clock: systemClock() };

  /** What goes out from an offset on, in batches that a broker takes. */
  const sent = (from: number, maxBytes: number, largeBytes: number): Entry[] => {
    const outgoing = new OutgoingBatches(options);
    outgoing.seek(from);
    const entries: Entry[] = [];
    for (
      let next = outgoing.next(maxBytes, largeBytes);
      next !== undefined;
      next = outgoing.next(maxBytes, largeBytes)
    ) {
      const { bytes, baseOffset, records } = next;
      expect(baseOffset).toBe(from + entries.length);
      setProducer(bytes, { id: 7n, epoch: 1 }, 0);
      expect(checkBatch(bytes, 0, 0)).toBeUndefined();
      expect(bytes.length).toBeLessThanOrEqual(maxBytes);
      placeBatch(bytes, 0, baseOffset, 0);
      const found = entriesOf(bytes);
      expect(found.length).toBe(records);
      entries.push(...found);
    }
    outgoing.close();
    return entries;
  };
  const cases = [0, 1, 6, 700, 709, 5000, 9999, end - 1].flatMap((from) =>
    [
      [900_000, 65_536],
      [4000, 65_536],
      [900_000, 1],
    ].map(([max = 0, large = 0]) => ({ from, max, large })),
  );
  const right = folder.read(ends).entries;
  const all = (): Entry[][] => cases.map(({ from, max, large }) => sent(from, max, large));
  const before = all();
  expect(Object.values(repackAll(realDisk, folder.log, writer))).toContain('ready');
  expect(folder.bytes(0).length).toBeLessThan(30_000);
  expect(all()).toEqual(before);
  expect(before).toEqual(cases.map(({ from }) => right.slice(from)));
  writer.close();
});

test('what was erased goes out with null values, also where that happens while a batch is put together, and all else as it is', () => {
  using folder = new LogFolder();
  const { writer, ends } = folder.open({ segmentBytes: 400_000 });
  const end = 12_000;
  for (let next = 0; next < end; next += 3) writer.append([secretRequest(next, 3)]);
  const order = erasureOf(0, 2 * end);
  const outgoing = new OutgoingBatches({ logFolder: folder.log, topic: 'samples', ends, clock: systemClock() });
  outgoing.seek(0);
  const said = new Map<number, string | null>();
  let batches = 0;
  for (let next = outgoing.next(40_000, 65_536); next !== undefined; next = outgoing.next(40_000, 65_536)) {
    if (++batches === 3) {
      repackAll(realDisk, folder.log, writer);
      eraseAll(realDisk, folder.log, writer, [order]);
    }
    const { bytes, baseOffset } = next;
    setProducer(bytes, { id: 7n, epoch: 1 }, 0);
    expect([checkBatch(bytes, 0, 0), baseOffset]).toEqual([undefined, said.size]);
    placeBatch(bytes, 0, baseOffset, 0);
    for (const [offset, value] of saidIn(bytes)) said.set(offset, value);
  }
  outgoing.close();
  writer.close();
  // What had been read before it was erased had gone out as it was.
  const first = [...said].find(([n, value]) => meantBy(order)(n) && value === null)?.[0] ?? end;
  expect(first).toBeLessThan(end / 2);
  expect(said).toEqual(expectedSaid(end, (n) => meantBy(order)(n) && n >= first));
});

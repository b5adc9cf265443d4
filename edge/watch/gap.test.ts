import { expect, test } from 'vitest';
import { tooHigh, WatchKit } from './watch-kit.ts';

const LIMIT = { timeout: 20_000, interval: 20 };

test('samples that the log does not have any more are told once, and the alarms go on behind them', async () => {
  await using kit = await WatchKit.open();
  const client = kit.start();
  await expect.poll(() => client.holds()['samples'], LIMIT).toBe(0);
  await kit.stop();
  await kit.append([{ value: 10 }]);
  const before = kit.folder.bytes(0).length;
  await kit.append([{ value: 20 }, { value: 30 }]);
  const behind = kit.folder.bytes(0).length;
  await kit.append([{ value: 90, timeUs: (Date.now() + 60_000) * 1000 }]);
  // A bit of a written page falls over; the writer itself does not look at it again.
  kit.folder.damage(0, (bytes) => void bytes.writeUInt8((bytes[before + 90] ?? 0) ^ 1, before + 90));
  expect(behind).toBeGreaterThan(before + 90);
  const again = kit.start();
  await expect.poll(() => again.alarms.map(({ id, state }) => [id, state]), LIMIT).toEqual([[tooHigh.name, 'UNACK']]);
  expect(kit.gaps).toEqual([{ topic: 'samples', first: 1, last: 2, reason: 'damage' }]);
  await kit.stop();
  kit.start();
  await kit.stop();
  expect(kit.gaps).toHaveLength(1);
});

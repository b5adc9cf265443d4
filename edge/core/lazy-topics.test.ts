import { expect, test } from 'vitest';
import { LogFolder, numbered } from './kit/log-kit.ts';
import { repackLog } from './repack/log.ts';
import { realDisk } from './disk.ts';

test('what a roll has synced of a topic that may wait is published by the next commit: nothing that is not is ever repacked', () => {
  using folder = new LogFolder();
  const { ends, writer } = folder.open({ topics: ['derived'], segmentBytes: 300 });
  for (let first = 0; first < 30; first += 3) {
    const batch = numbered(first, 3);
    writer.stage(0, batch, new DataView(batch.buffer), 0, batch.length, 3);
    expect(writer.commit(false)).toBeUndefined();
    expect(ends.end('derived')).toBe(folder.segments('derived').at(-1));
    const settled = [...repackLog(realDisk, folder.log, {})].flatMap((step) => step?.endOffset ?? []);
    expect(Math.max(0, ...settled)).toBeLessThanOrEqual(ends.end('derived'));
  }
  expect(ends.end('derived')).toBeGreaterThan(0);
  writer.close();
});

import path from 'node:path';
import { expect, test } from 'vitest';
import { readColumns, writeColumns } from './columns-file.ts';
import { someOfAll, temporaryFolder } from './set-kit.ts';

test('what was written as columns comes back, piece by piece, in its order', async () => {
  const set = someOfAll();
  const file = path.join(temporaryFolder(), 'columns');
  await writeColumns(file, set, new AbortController().signal);
  const pieces = readColumns(file);
  let points = 0;
  for (const { count, tags, timesMs, values, qualities } of set.rows()) {
    const { value: piece } = pieces.next();
    expect(piece?.count).toBe(count);
    const same = [
      piece?.tags.every((tag, row) => tag === tags[row]),
      piece?.values.every((value, row) => value === values[row]),
      piece?.qualities.every((quality, row) => quality === qualities[row]),
      piece?.timesMs.every((time, row) => Number(time) === timesMs[row]),
    ];
    expect(same).toEqual([true, true, true, true]);
    points += count;
  }
  expect(pieces.next().done).toBe(true);
  expect(points).toBeGreaterThan(20_000);
});

test('writing ends when the signal comes', async () => {
  const file = path.join(temporaryFolder(), 'columns');
  await expect(writeColumns(file, someOfAll(), AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
});

import { expect, test } from 'vitest';
import { FullDiskWatch } from './full-disk.ts';

test('a full disk is told once, and once that there is space again', () => {
  let full = false;
  const said: string[] = [];
  const watch = new FullDiskWatch(() => full, {
    error: (text: string) => said.push(`error: ${text}`),
    info: (text: string) => said.push(`info: ${text}`),
  });
  for (full of [false, true, true, false, false]) watch.look();
  expect(said).toEqual([
    'error: The disk is full: nothing is acknowledged until there is space.',
    'info: There is space on the disk again.',
  ]);
});

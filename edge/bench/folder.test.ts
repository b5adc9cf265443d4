import { existsSync } from 'node:fs';
import os from 'node:os';
import { expect, test } from 'vitest';
import { checkFolder } from './folder.ts';

test('a folder with too little space, and one that is not there, are refused with a reason', async () => {
  await expect(checkFolder(os.tmpdir(), 1e9)).rejects.toMatchObject({
    code: 'file-unwritable',
    detail: expect.stringMatching(/ has [\d.]+ GB free; 1000000000 GB are needed/) as string,
  });
  await expect(checkFolder('/absent', 1)).rejects.toMatchObject({ code: 'file-unwritable' });
});

test.runIf(existsSync('/dev/shm'))('a folder in memory is told from one on a disk', async () => {
  expect(await checkFolder('/dev/shm', 0)).toEqual({ inMemory: true });
  expect(await checkFolder(import.meta.dirname, 0)).toEqual({ inMemory: false });
});

import { expect, test } from 'vitest';
import { worksFor } from './works-for.ts';

test('what is done a second is counted without the first moments, and takes as long as it was given', async () => {
  const startMs = performance.now();
  let all = 0;
  const rate = await worksFor(0.3, new AbortController().signal, () => {
    all += 5;
    return 5;
  });
  const tookMs = performance.now() - startMs;
  expect(tookMs).toBeGreaterThanOrEqual(300);
  expect(rate).toBeGreaterThan(0);
  expect(rate * 0.3).toBeLessThan(all);
});

test('work ends between two pieces when the signal comes', async () => {
  const ending = new AbortController();
  let pieces = 0;
  const endless = worksFor(3600, ending.signal, () => {
    if (++pieces === 10) ending.abort(new Error('enough'));
    return 1;
  });
  await expect(endless).rejects.toThrow('enough');
  expect(pieces).toBe(10);
});

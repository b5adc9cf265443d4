import { expect, test } from 'vitest';
import { expiryMs } from './expiry.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 1000 * DAY_MS;
const trusted = { clock: { trusted: true, aheadMs: 0 }, believedMs: NOW_MS };
const doubted = { clock: { trusted: false, aheadMs: 9 * DAY_MS }, believedMs: NOW_MS };
const kept = { samples: 400 * DAY_MS, 'samples.bulk': 30 * DAY_MS };

test.each([
  ['without a tier the time that is believed', trusted, kept, undefined, NOW_MS],
  ['none while the clock is in doubt', doubted, kept, undefined, undefined],
  ['none while the clock is in doubt, whatever the tier has', doubted, kept, NOW_MS * 1000, undefined],
  ['none while it is not known what the tier has', trusted, kept, null, undefined],
  ['the believed one where the tier has all that is due', trusted, kept, (NOW_MS - DAY_MS) * 1000, NOW_MS],
  // What is kept for 30 days goes when it is 30 days old by that time: nothing that came behind what the tier has.
  ['behind a tier that lags', trusted, kept, (NOW_MS - 50 * DAY_MS) * 1000, NOW_MS - 20 * DAY_MS],
  ['the believed one where everything is kept for ever', trusted, {}, (NOW_MS - 50 * DAY_MS) * 1000, NOW_MS],
] as const)('samples expire by %s', (_, figures, retentionMs, coveredUs, expected) => {
  expect(expiryMs(figures, retentionMs, coveredUs)).toBe(expected);
});

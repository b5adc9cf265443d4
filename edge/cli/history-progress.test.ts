import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_TIME_US } from '../core/sample.ts';
import { formatTime } from '../api/time-text.ts';
import { RowProgress, withProgress } from './history-progress.ts';

const DAY_US = 86_400e6;
const FROM = Date.parse('2026-03-01T00:00:00Z') * 1000;

test('rows tell how far an answer has come, tag after tag', () => {
  const progress = new RowProgress({ fromUs: FROM, toUs: FROM + 10 * DAY_US }, 2, 0);
  progress.take('tag,time,value\n');
  expect([progress.doneUs, progress.totalUs]).toEqual([0, 20 * DAY_US]);
  progress.take(`plant/a,${formatTime(FROM + DAY_US)},1\nplant/a,${formatTime(FROM + 2 * DAY_US)},1\n`);
  expect(progress.doneUs).toBe(2 * DAY_US);
  progress.take(`["${formatTime(FROM + DAY_US)}",5]`);
  expect(progress.doneUs).toBe(11 * DAY_US);
});

test('an open span begins with the first row and ends now', () => {
  const progress = new RowProgress({ fromUs: -MAX_TIME_US, toUs: MAX_TIME_US + 1 }, 1, FROM + 4 * DAY_US);
  progress.take(formatTime(FROM));
  expect(progress.doneUs).toBe(0);
  progress.take(formatTime(FROM + 3 * DAY_US));
  expect(progress.doneUs).toBe(3 * DAY_US);
  expect(progress.totalUs).toBe(4 * DAY_US);
});

test('whatever is written goes on unchanged', async () => {
  const anyPieces = fc.array(fc.oneof(fc.string(), fc.uint8Array()), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(anyPieces, fc.nat(5), async (pieces, tags) => {
      const given = (async function* () {
        yield* await Promise.resolve(pieces);
      })();
      const out: (string | Uint8Array)[] = [];
      for await (const piece of withProgress(given, { fromUs: FROM, toUs: FROM + 1 }, tags)) out.push(piece);
      expect(out).toEqual(pieces);
    }),
  );
});

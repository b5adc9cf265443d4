import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SummarizedBlock } from '../files/block-list.ts';
import { listOf, summarized } from '../kit/list-kit.ts';
import { Points } from '../points/points.ts';
import { Feed } from './feed.ts';

const END_US = 60;

/** Of what was said: by time, a gap before a sample. */
const order = (text: string): number => Number.parseInt(text, 10) + (text.endsWith('gap') ? 0 : 0.5);

test('a calculation is told of each gap once, before the samples from there on, and takes no block in which one begins', () => {
  const anyTimes = fc.uniqueArray(fc.nat(END_US - 1), { maxLength: 40, size: 'max' });
  const anyGaps = fc.array(fc.nat(END_US + 5), { maxLength: 6 });
  const anyParts = fc.array(fc.record({ size: fc.integer({ min: 1, max: 6 }), isWhole: fc.boolean() }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(
      anyTimes,
      anyGaps,
      anyGaps,
      anyParts,
      fc.integer({ min: -1, max: 20 }),
      (all, gaps, late, parts, afterUs) => {
        const times = all.toSorted((a, b) => a - b);
        const said: string[] = [];
        const whole: boolean[] = [];
        let wantsMore = true;
        let part: readonly number[] = [];
        const takeTimes = (some: Iterable<number>): void => {
          for (const timeUs of some) said.push(`${timeUs} sample`);
        };
        const calculation = {
          take: (points: Points, start: number, end: number) => {
            takeTimes(points.times.subarray(start, end));
            return end > start;
          },
          takeBlock: (_block: SummarizedBlock) => {
            takeTimes(part);
            return true;
          },
          lose: (timeUs: number) => void said.push(`${timeUs} gap`),
        };
        const feed = new Feed(
          calculation,
          gaps.map((fromUs) => ({ fromUs })),
          afterUs,
        );
        const known = gaps.filter((gapUs) => gapUs > afterUs);
        const expectedWhole: boolean[] = [];
        for (let at = 0, i = 0; at < times.length; at += part.length, i++) {
          const { size, isWhole } = parts[i % parts.length] ?? { size: 1, isWhole: false };
          part = times.slice(at, at + size);
          const [firstUs = 0, lastUs = 0] = [part[0], part.at(-1)];
          // One that turns up begins behind what was taken.
          const turnedUp = late[i];
          if (turnedUp !== undefined && turnedUp > (times[at - 1] ?? -1)) {
            known.push(turnedUp);
            feed.addGap(turnedUp);
          }
          const rows = part.map((timeUs, offset) => ({ timeUs, topic: 0, offset, flags: 0 }));
          const list = listOf(0, rows, part.length);
          const points = list.load(0);
          expectedWhole.push(isWhole && !known.some((gapUs) => gapUs > firstUs && gapUs <= lastUs));
          whole.push(isWhole && feed.takeBlock(summarized(listOf(0, rows, part.length), 0)));
          if (whole.at(-1) === false && points instanceof Points) wantsMore &&= feed.take(points, 0, points.count);
        }
        feed.finish(END_US);
        const told = known.filter((gapUs) => gapUs < END_US).map((gapUs) => `${gapUs} gap`);
        const expected = [...told, ...times.map((timeUs) => `${timeUs} sample`)].toSorted(
          (a, b) => order(a) - order(b),
        );
        expect([said, whole, wantsMore]).toEqual([expected, expectedWhole, true]);
      },
    ),
    { numRuns: 500 },
  );
});

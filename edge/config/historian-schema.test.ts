import { expect, test } from 'vitest';
import { historianRollups } from '../log/log-settings.ts';
import { checkConfig } from './check.ts';
import { formatProblem } from './problem.ts';

const minimal = 'version: 1\nsite: northmill\n';
const check = (historian: string) => checkConfig(`${minimal}historian: ${historian}\n`, 'f', '/srv');

test.each([
  ['{ retention: 30d }', { retention: 30 * 86_400_000, topics: {} }],
  ['{ retention: forever }', { retention: Infinity, topics: {} }],
  [
    '{ topics: { samples.bulk: { retention: 7d }, samples.critical: { retention: forever } } }',
    {
      retention: 400 * 86_400_000,
      topics: { 'samples.bulk': { retention: 7 * 86_400_000 }, 'samples.critical': { retention: Infinity } },
    },
  ],
])('historian: %s', (text, expected) => {
  expect(check(text).config?.historian).toMatchObject(expected);
});

test.each([
  [
    '{ retention: 30s }',
    '3:25  historian.retention  "30s" is not valid  expected a time of at least 1m, such as 400d, or forever',
  ],
  [
    '{ retention: 7 }',
    '3:25  historian.retention  is the number 7  expected a time of at least 1m, such as 400d, or forever',
  ],
  [
    '{ topics: { events: { retention: 1d } } }',
    '3:24  historian.topics.events  is not a known key  expected "samples", the nearest known key',
  ],
  [
    '{ rollups: { minute: 300d } }',
    '3:33  historian.rollups.minute  "300d" is too short  expected a time at least as long as the retention of the samples',
  ],
  [
    '{ rollups: { minute: 5y } }',
    '3:33  historian.rollups.minute  "5y" is not valid  expected a time of at least 1m, such as 400d, or forever',
  ],
  [
    '{ rollups: { hour: forever, day: 4000d } }',
    '3:45  historian.rollups.day  "4000d" is too short  expected a time at least as long as `hour`',
  ],
  [
    '{ rollups: off }',
    '3:23  historian.rollups  "off" is not valid  expected a mapping with `minute`, `hour` and `day`, or none',
  ],
])('historian: %s is refused', (text, line) => {
  expect((check(text).problems ?? []).map((problem) => formatProblem(problem).slice('f:'.length))).toEqual([line]);
});

const DAY_MS = 86_400_000;
test.each([
  ['{}', [1100, 3650, Infinity]],
  ['{ retention: 2000d }', [2000, 3650, Infinity]],
  ['{ retention: forever }', [Infinity, Infinity, Infinity]],
  ['{ rollups: { minute: 400d, hour: 400d, day: 500d } }', [400, 400, 500]],
  ['{ rollups: { minute: 5000d } }', [5000, 5000, Infinity]],
  ['{ rollups: none }', []],
])('historian: %s keeps roll-ups so many days', (text, days) => {
  const { config } = check(text);
  expect(config && historianRollups(config).map((ms) => ms / DAY_MS)).toEqual(days);
});

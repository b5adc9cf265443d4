import { beforeAll, expect, test } from 'vitest';
import type { Missing } from './history-source.ts';
import { missingLines } from './missing.ts';
import { siteClock } from './site-clock.ts';

const START = Date.parse('2026-11-10T06:00:00Z');
const HOUR = 3_600_000;

beforeAll(() => {
  siteClock.use('Europe/Berlin');
});

function gap(tag: string, hours: number, reason: string | null, atHour = 0): Missing {
  const fromMs = START + atHour * HOUR;
  return { tag, fromMs, toMs: fromMs + hours * HOUR, reason, detail: 'BadNoCommunication.' };
}

test('an outage of several tags is one line, by the clock of the site', () => {
  const lines = missingLines([gap('n/press/force', 12, 'no-value'), gap('n/press/temperature', 12, 'no-value')]);
  expect(lines).toEqual([
    { text: 'force, temperature: no value, 2026-11-10 07:00:00 to 2026-11-10 19:00:00', title: 'BadNoCommunication.' },
  ]);
});

test('of many spans the longest are told, in the order of time, and how many more there are', () => {
  const gaps = [4, 1, 3, 2, 1].map((hours, i) => gap('n/a', hours, i === 0 ? null : 'expired', i * 24));
  const texts = missingLines(gaps).map(({ text }) => text);
  expect(texts.map((text) => text.slice(0, 40))).toEqual(
    [
      'a: no good value, 2026-11-10 07:00:00 to ',
      'a: samples have expired, 2026-11-12 07:00',
      'a: samples have expired, 2026-11-13 07:00',
      'and 2 shorter spans',
    ].map((text) => text.slice(0, 40)),
  );
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { siteCalendar } from '../site-calendar.ts';
import { checkConfig, checkWithFiles } from './check.ts';
import { formatProblem } from './problem.ts';
import { checkShifts } from './shifts-file.ts';

function folderWith(shifts: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-site-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'shifts.yaml'), shifts);
  return folder;
}

const SHIFTS = `- { name: early, from: "06:00", to: "14:00", days: [mon, tue] }
- { name: night, from: "22:00", to: "06:00" }
`;

async function linesOf(text: string, shifts: string | Uint8Array): Promise<string[]> {
  const { problems = [] } = await checkWithFiles(text, 'millrace.yaml', folderWith(shifts));
  return problems.map((problem) => formatProblem(problem).replace(/ENOENT.* {2}expected/, 'ENOENT  expected'));
}

test('a site has the clock UTC and no shifts unless it says so', async () => {
  const plain = await checkWithFiles('version: 1\nsite: northmill\n', 'millrace.yaml', '.');
  expect(plain.config?.site).toEqual({ name: 'northmill', timezone: 'UTC', shifts: [] });
  const text = 'version: 1\nsite: { name: northmill, timezone: Europe/Berlin, shifts: shifts.yaml }\n';
  const full = await checkWithFiles(text, 'millrace.yaml', folderWith(SHIFTS));
  expect(full.config?.site).toEqual({
    name: 'northmill',
    timezone: 'Europe/Berlin',
    shifts: [
      { name: 'early', from: '06:00', to: '14:00', days: ['mon', 'tue'] },
      { name: 'night', from: '22:00', to: '06:00' },
    ],
  });
});

test('what is wrong in the file of shifts stands by its own lines', async () => {
  const text = 'version: 1\nsite: { name: a, timezone: Europe/Berlin, shifts: shifts.yaml }\n';
  expect(await linesOf(text, '- { name: early, from: "6:00", to: "14:00" }\n- x\n')).toEqual([
    'shifts.yaml:1:24  [0].from  "6:00" is not valid  expected a time of the local clock from 00:00 to 23:59, such as 06:00',
    'shifts.yaml:2:3  [1]  is the text "x"  expected a mapping with `name`, `from` and `to`',
  ]);
  expect(await linesOf(text, SHIFTS.replace('06:00", to: "14', '05:00", to: "14'))).toEqual([
    expect.stringMatching(/^shifts\.yaml:1:1 .*overlap/) as unknown,
  ]);
  expect(await linesOf(text, 'shifts: [')).toEqual([
    expect.stringMatching(/^shifts\.yaml:\d+:\d+ .*is not YAML/) as unknown,
  ]);
  expect(await linesOf(text, Uint8Array.of(0xff))).toEqual([
    'millrace.yaml:2:51  site.shifts  is not UTF-8  expected text in UTF-8',
  ]);
  const missing = text.replace('shifts.yaml', 'none.yaml');
  expect(await linesOf(missing, '')).toEqual([
    'millrace.yaml:2:51  site.shifts  "none.yaml" cannot be read: ENOENT  expected a file with a list of shifts',
  ]);
});

test('a time zone that there is not is an error', () => {
  const { problems = [] } = checkConfig('version: 1\nsite: { name: a, timezone: Mars/Olympus }\n', 'm.yaml', '.');
  expect(problems.map((problem) => formatProblem(problem))).toEqual([
    'm.yaml:2:28  site.timezone  "Mars/Olympus" is not valid  expected a time zone of the IANA list, such as Europe/Berlin',
  ]);
});

test('counters are tags below the site, the first that fits holds', async () => {
  const text = `version: 1
site: northmill
historian:
  counters:
    - { match: utilities/**/energy, rollover: 4294967296 }
    - { match: "*/*/count", maxPerSecond: 5, correction: 1 }
    - { match: utilities/**, rollover: 10 }
`;
  const { config } = await checkWithFiles(text, 'millrace.yaml', '.');
  if (config === undefined) throw new Error('a configuration without problems');
  const calendar = siteCalendar(config);
  const counterOf = (path: string) => calendar.counterOf(path);
  expect(counterOf('northmill/Utilities/pump1/energy')).toEqual({ rollover: 4294967296, correction: 0 });
  expect(counterOf('northmill/line/press/count')).toEqual({ maxPerSecond: 5, correction: 1 });
  expect(counterOf('northmill/utilities/pump1/flow')).toEqual({ rollover: 10, correction: 0 });
  expect(counterOf('northmill/line/press/force')).toBeUndefined();
});

const withCounter = (counter: string): string => `version: 1\nsite: plant\nhistorian:\n  counters:\n    - ${counter}\n`;

async function replacedCounter(counter: string) {
  const { config } = await checkWithFiles(withCounter(counter), 'm.yaml', '.');
  return config && siteCalendar(config).counterOf('plant/hall/energy');
}

test('a device that was replaced is entered beside the path of its tag', async () => {
  const first = '{ at: 2026-03-01T10:00:00+01:00, last: 12345.6, first: 0 }';
  expect(
    await replacedCounter(
      `{ match: hall/energy, rollover: 99999, replaced: [${first}, { at: 2026-05-01T00:00:00Z }] }`,
    ),
  ).toEqual({
    rollover: 99_999,
    correction: 0,
    replacements: [
      { timeUs: Date.UTC(2026, 2, 1, 9) * 1000, readings: { last: 12_345.6, first: 0 } },
      { timeUs: Date.UTC(2026, 4, 1) * 1000, readings: null },
    ],
  });
  const expectedAt = 'expected a time with its zone, such as 2026-03-01T10:00:00+01:00';
  for (const [counter, ...lines] of [
    ['{ match: hall/*, replaced: [] }'],
    [
      `{ match: "hall/*", replaced: [${first}] }`,
      'match  "hall/*" may be several tags  expected the path of one tag beside `replaced`',
    ],
    [
      '{ match: a, replaced: [{ at: 2026-03-01T10:00:00 }] }',
      `replaced[0].at  "2026-03-01T10:00:00" is not valid  ${expectedAt}`,
    ],
    [
      '{ match: a, replaced: [{ at: 2026-02-30T10:00:00Z }] }',
      `replaced[0].at  "2026-02-30T10:00:00Z" is not valid  ${expectedAt}`,
    ],
    ['{ match: a, replaced: [{ first: 1, last: 2 }] }', `replaced[0].at  is missing  ${expectedAt}`],
    [
      '{ match: a, replaced: [{ at: 2026-03-01T10:00:00Z, first: 1 }] }',
      'replaced[0].first  "1" stands there without `last`  expected both readings, or none if they are not known',
    ],
    [
      `{ match: a, rollover: 10000, replaced: [${first}] }`,
      'replaced[0].last  "12345.6" is too large  expected a number below `rollover`, 10000',
    ],
    [
      `{ match: a, replaced: [${first}, ${first}] }`,
      'replaced[1].at  "2026-03-01T10:00:00+01:00" is not later than the one before  expected replacements in order of time',
    ],
    [
      `{ match: a, replaced: [{ at: 2026-03-01T10:00:00Z, from: 1 }] }`,
      'replaced[0].from  is not a known key  expected "first", the nearest known key',
    ],
  ] as const) {
    const { problems = [] } = await checkWithFiles(withCounter(counter), 'm.yaml', '.');
    const found = problems.map((problem) => formatProblem(problem).replace(/^.*?historian\.counters\[0\]\.?/, ''));
    expect(found).toEqual(lines);
  }
});

test('any text is a list of shifts, or has problems', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const { shifts, problems } = checkShifts(text, 'shifts.yaml');
      expect(shifts.length > 0).toBe(problems.length === 0);
    }),
  );
});

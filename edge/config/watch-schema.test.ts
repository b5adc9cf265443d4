import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { checkConfig } from './check.ts';

const ALARM = { name: 'hot', on: 'press/oil-temperature', high: 70 };
const MODEL = { name: 'press-health', asset: 'press', kind: 'autoencoder', signals: ['force', 'oil/pressure'] };

function check(parts: object) {
  return checkConfig(stringify({ version: 1, site: 'northmill', ...parts }), 'millrace.yaml', '/srv');
}

/** Path and what was expected, of each problem. */
function problemsOf(parts: object): string[] {
  return (check(parts).problems ?? []).map(({ path, expected }) => `${path}: ${expected}`);
}

test('an alarm has defaults; its times become ms', () => {
  expect(check({ alarms: [ALARM, { ...ALARM, name: 'b', onDelay: '3s', deadband: 2, low: 10 }] }).config).toMatchObject(
    {
      alarms: [
        { ...ALARM, deadband: 0, onDelay: 0, priority: 'medium', onReturn: 'latched' },
        { onDelay: 3000, deadband: 2, low: 10, high: 70 },
      ],
    },
  );
});

test.each([
  [{ high: undefined }, 'alarms[0]: a mapping with `name`, `on` and `high`, `low` or both'],
  [{ low: 70 }, 'alarms[0]: `low` below `high`'],
  [{ low: 60, deadband: 10 }, 'alarms[0].deadband: less than the distance between `low` and `high`'],
  [{ deadband: -1 }, 'alarms[0].deadband: a number of at least 0 in the unit of the tag'],
  [{ high: '70' }, 'alarms[0].high: a number in the unit of the tag'],
  [{ on: 'a//b' }, 'alarms[0].on: a tag path below the site, such as pressing/press1/temperature'],
  [{ on: 'a/#' }, 'alarms[0].on: a tag path below the site, such as pressing/press1/temperature'],
  [{ onDelay: '2d' }, 'alarms[0].onDelay: a time of at most 1d, such as 3s'],
  [{ priority: 'loud' }, 'alarms[0].priority: one of low, medium, high, urgent'],
  [{ onReturn: 'gone' }, 'alarms[0].onReturn: `latched` or `normal`'],
])('an alarm with %j is refused', (members, problem) => {
  expect(problemsOf({ alarms: [{ ...ALARM, ...members }] })).toContain(problem);
});

test('a model has defaults', () => {
  expect(check({ models: [MODEL] }).config).toMatchObject({
    models: [
      {
        ...MODEL,
        window: 32,
        hop: 4,
        hold: 10_000,
        train: { minimum: 3_600_000 },
        priority: 'high',
        onReturn: 'normal',
      },
    ],
  });
});

test.each([
  [{ signals: ['force'] }, 'models[0].signals: a list of 2 to 64 signals'],
  [{ signals: Array.from({ length: 65 }, (_, i) => `s${i}`) }, 'models[0].signals: a list of 2 to 64 signals'],
  [{ signals: ['force', 'force'] }, 'models[0].signals: each signal once'],
  [{ signals: ['force', '/x'] }, 'models[0].signals[1]: a tag below the asset, such as temperature'],
  [{ asset: '' }, 'models[0].asset: the path of an asset below the site, such as pressing/press1'],
  [{ kind: 'forest' }, 'models[0].kind: `autoencoder`'],
  [{ window: 7 }, 'models[0].window: a whole number from 8 to 512'],
  [{ hop: 0 }, 'models[0].hop: a whole number from 1 to 512'],
  [{ hop: 1.5 }, 'models[0].hop: a whole number from 1 to 512'],
  [{ hold: '900ms' }, 'models[0].hold: a time from 1s to 1d, such as 15m'],
  [{ hold: '25h' }, 'models[0].hold: a time from 1s to 1d, such as 15m'],
  [{ train: { minimum: '1m' } }, 'models[0].train.minimum: a time from 5m to 30d, such as 1h'],
])('a model with %j is refused', (members, problem) => {
  expect(problemsOf({ models: [{ ...MODEL, ...members }] })).toContain(problem);
});

test('alarms and models share their names: the alarm of a model has its name', () => {
  const problems = check({ alarms: [ALARM, ALARM], models: [{ ...MODEL, name: 'hot' }] }).problems ?? [];
  expect(problems.map(({ path, wrong }) => `${path} ${wrong}`)).toEqual([
    'alarms[1].name "hot" is already used by alarms[0].name',
    'models[0].name "hot" is already used by alarms[0].name',
  ]);
});

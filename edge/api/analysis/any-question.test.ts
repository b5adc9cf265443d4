import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AGGREGATE_FUNCTIONS } from '../../../historian/aggregates/aggregate.ts';
import { CALENDAR_UNITS } from '../../../historian/analysis/calendar.ts';
import { anySample, type Tagged } from '../../../historian/kit/history-kit.ts';
import { AGGREGATES } from '../../../historian/queries/bucket-page.ts';
import { ValueKind } from '../../core/sample.ts';
import { waitFor } from '../../../test/services/wait.ts';
import { HistorianServer } from './historian-kit.ts';

const tagOf: Readonly<Record<ValueKind, string>> = {
  [ValueKind.null]: 'plant/double',
  [ValueKind.boolean]: 'plant/long',
  [ValueKind.long]: 'plant/long',
  [ValueKind.float]: 'plant/double',
  [ValueKind.double]: 'plant/double',
  [ValueKind.string]: 'plant/string',
  [ValueKind.bytes]: 'plant/string',
  [ValueKind.uint64]: 'plant/long',
  [ValueKind.array]: 'plant/array',
};
const REPLACED = [
  { timeUs: Date.parse('2020-03-17T10:13:25Z') * 1000, readings: { last: 500, first: 7 } },
  { timeUs: Date.parse('2020-03-17T10:13:28Z') * 1000, readings: null },
];
let server: HistorianServer;

/** Tags with samples of every kind, type and time that there can be. */
beforeAll(async () => {
  const samples = fc.sample(anySample, { numRuns: 400, seed: 7 });
  server = await HistorianServer.with(
    samples.map((sample): Tagged => ({ tag: tagOf[sample.kind], sample })),
    waitFor,
  );
  server.types.set('plant/long', 'long').set('plant/string', 'string').set('plant/array', 'array');
  server.services.calendar = {
    timezone: 'Europe/Berlin',
    shifts: [{ name: 'late', from: '14:00', to: '22:00' }],
    counterOf: (path) =>
      path === 'plant/long' ? { rollover: 1000, correction: 1, replacements: REPLACED } : undefined,
  };
});

afterAll(() => server[Symbol.asyncDispose]());

const interval = fc.constantFrom('1ms', '7s', '1m', '1h', '30d', ...CALENDAR_UNITS, 'shift', '0s', 'x');
const time = fc.constantFrom(
  '2020-03-17T10:13:20Z',
  '2020-03-17T10:13:20.004Z',
  '2020-03-17T10:13:30Z',
  '2020-04-01T00:00:00+02:00',
  '1800-01-01T00:00:00Z',
  '2200-01-01T00:00:00Z',
  '0001-01-01T00:00:00Z',
  'now',
);
const flag = fc.constantFrom('true', 'false', 'true', 'false', 'maybe');
const number = fc.constantFrom('0', '1', '50', '100', '1e3', '-5', 'NaN');
const names = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .uniqueArray(fc.constantFrom(...AGGREGATES, ...AGGREGATE_FUNCTIONS), { minLength: 1, maxLength: 5 })
      .map((few) => few.join(',')),
  },
  { weight: 1, arbitrary: fc.constantFrom('counted', 'counted,mean', 'Mean', 'mean,mean', '') },
);

const parameters: Readonly<Record<string, fc.Arbitrary<string>>> = {
  from: time,
  to: time,
  interval,
  aggregate: names,
  points: number,
  timezone: fc.constantFrom('UTC', 'Asia/Kathmandu', 'Mars/Olympus', ''),
  layout: fc.constantFrom('wide', 'long', 'x'),
  at: time,
  every: interval,
  method: fc.constantFrom('interpolated', 'stepped', 'previous', 'next', 'x'),
  shape: fc.constantFrom('minmax', 'lttb', 'x'),
  stepped: flag,
  treatUncertainAsBad: flag,
  percentDataGood: number,
  percentDataBad: number,
  useSlopedExtrapolation: flag,
  rollover: number,
  maxPerSecond: number,
  correction: number,
};
const frameParameters: Readonly<Record<string, fc.Arbitrary<string>>> = {
  from: time,
  to: time,
  above: number,
  below: number,
  inside: fc.constantFrom('1,5', '5,1', 'x', '1'),
  outside: fc.constantFrom('1,5', '-1e9,1e9'),
  equals: fc.constantFrom('1', 'true', 'x'),
  quality: fc.constantFrom('bad', 'not-good', 'x'),
  for: fc.constantFrom('1s', '0s', '400d', 'x'),
  deadband: number,
  bridge: fc.constantFrom('1s', '10d'),
  stale: fc.constantFrom('1s', '0s'),
};

/** Some parameters that go together, and sometimes one that does not. */
function some(of: Readonly<Record<string, fc.Arbitrary<string>>>, ...sets: readonly (readonly string[])[]) {
  const pair = (name: string): fc.Arbitrary<[string, string]> =>
    fc.tuple(fc.constant(name), of[name] ?? fc.constant(''));
  const related = fc.constantFrom(...sets).chain((set) => fc.tuple(...set.map(pair)));
  const extra = fc.array(fc.constantFrom(...Object.keys(of)).chain(pair), { maxLength: 1, size: 'xsmall' });
  return fc.tuple(related, extra).map(([first, more]): [string, string][] => [...first, ...more]);
}

const history = some(
  parameters,
  ['from', 'to', 'interval', 'aggregate'],
  ['from', 'to', 'interval', 'aggregate', 'treatUncertainAsBad', 'useSlopedExtrapolation', 'stepped'],
  ['interval', 'aggregate', 'layout'],
  ['from', 'to', 'every', 'method'],
  ['at', 'at', 'method'],
  ['from', 'to', 'points', 'shape'],
  ['layout'],
);
const frames = some(
  frameParameters,
  ['above', 'for'],
  ['outside', 'deadband', 'bridge'],
  ['quality'],
  ['from', 'to', 'below', 'stale'],
);

const question = fc.oneof(
  history.map((given) => ({ path: '/api/v1/history', given })),
  frames.map((given) => ({ path: '/api/v1/event-frames', given })),
);

/** Whether it is an answer that can be read, or says what is wrong with the question. */
function isFair(status: number, body: string, type: string): boolean {
  if (status === 200 && type !== 'application/json') return true;
  const answer = JSON.parse(body) as { readonly gaps?: unknown; readonly detail?: string };
  return status === 200 ? Array.isArray(answer.gaps) : [400, 404, 406].includes(status) && answer.detail !== '';
}

test('any question is answered, or refused in a way that says why, and ends in bounded time', async () => {
  const anyTag = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('plant/double', 'plant/long', 'plant/none') },
    { weight: 1, arbitrary: fc.constantFrom('plant/string', 'plant/array', 'x') },
  );
  const tags = fc.uniqueArray(anyTag, { minLength: 1, maxLength: 3 });
  const accept = fc.constantFrom('application/json', 'text/csv', 'application/vnd.apache.arrow.stream');
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(question, tags, accept, async ({ path, given }, asked, type) => {
      const query = [...asked.map((tag): [string, string] => ['tag', tag]), ...given];
      const { status, body } = await server.get(`${path}?${new URLSearchParams(query).toString()}`, type);
      if (status === 200) answered++;
      expect(isFair(status, body, type)).toBe(true);
    }),
    { numRuns: 400 },
  );
  expect(answered).toBeGreaterThan(40);
});

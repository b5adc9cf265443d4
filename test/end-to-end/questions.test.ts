import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../services/wait.ts';
import { type Gateway, millrace, startGatewayIn } from './gateway.ts';

const CONFIG = `version: 1
site: { name: northmill, timezone: Europe/Berlin, shifts: shifts.yaml }
historian: { counters: [ { match: "hall/*/energy", rollover: 1000 } ] }
`;
const SHIFTS = '- { name: early, from: "06:00", to: "14:00" }\n- { name: late, from: "14:00", to: "22:00" }\n';
const T0 = Date.parse('2020-03-28T00:00:00+01:00');
const MINUTE = 60_000;
const END = Date.parse('2020-03-31T00:00:00+02:00');

/** A gateway in Berlin with three days of two tags, a value a minute, over a change of the clock. */
async function gatewayWithHistory(): Promise<Gateway> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-questions-'));
  const configFile = join(folder, 'millrace.yaml');
  const [httpPort, mqttPort] = [await freePort(), await freePort()];
  writeFileSync(configFile, `${CONFIG}http: { listen: "127.0.0.1:${httpPort}" }\n`);
  writeFileSync(join(folder, 'shifts.yaml'), SHIFTS);
  const gateway = await startGatewayIn({ folder, configFile, args: ['start', '-c', configFile], httpPort, mqttPort });
  const lines = ['tag,time,value,quality'];
  for (let ms = T0, i = 0; ms < END; ms += MINUTE, i++) {
    const time = new Date(ms).toISOString();
    lines.push(`hall/pump1/flow,${time},${i % 60 < 30 ? 90 : 10},${i % 600 === 0 ? 'Bad' : 'Good'}`);
    lines.push(`hall/pump1/energy,${time},${(i * 2) % 1000},Good`);
  }
  writeFileSync(join(folder, 'history.csv'), `${lines.join('\n')}\n`);
  writeFileSync(join(folder, 'map.yaml'), 'unmapped: keep\n');
  await gateway.cli('import', 'history.csv', '--map', 'map.yaml');
  return gateway;
}

const FLOW = 'northmill/hall/pump1/flow';
const ENERGY = 'northmill/hall/pump1/energy';
const SPAN = ['--from', '2020-03-28T00:00:00+01:00', '--to', '2020-03-31T00:00:00+02:00'];

/** What is asked on the command line, and the address of the same question. */
const questions: readonly (readonly [args: readonly string[], url: string])[] = [
  [
    ['history', FLOW, ...SPAN, '--interval', 'day', '--aggregate', 'count,TimeAverage2,PercentGood'],
    'interval=day&aggregate=count,TimeAverage2,PercentGood',
  ],
  [
    ['history', FLOW, ...SPAN, '--interval', 'shift', '--aggregate', 'Maximum,WorstQuality'],
    'interval=shift&aggregate=Maximum,WorstQuality',
  ],
  [['history', ENERGY, ...SPAN, '--interval', 'day', '--aggregate', 'counted'], 'interval=day&aggregate=counted'],
  [['history', FLOW, ENERGY, ...SPAN, '--every', '6h', '--layout', 'wide'], `every=6h&layout=wide&tag=${ENERGY}`],
  [['history', FLOW, ...SPAN, '--points', '100', '--shape', 'lttb'], 'points=100&shape=lttb'],
  [['frames', FLOW, ...SPAN, '--above', '80', '--for', '25m'], 'above=80&for=25m'],
];

/** The rows of a CSV. */
function cells(text: string): string[][] {
  const lines = text.split('\n').slice(1, -1);
  return lines.map((line) => line.split(','));
}

test('every question has the same answer from the gateway, the command, and the command without a gateway', async () => {
  await using gateway = await gatewayWithHistory();
  const answers: string[] = [];
  for (const [args, url] of questions) {
    const route = args[0] === 'frames' ? 'event-frames' : 'history';
    const tag = args[1] === ENERGY ? ENERGY : FLOW;
    const span = 'from=2020-03-28T00:00:00%2B01:00&to=2020-03-31T00:00:00%2B02:00';
    const answer = await gateway.text(`/api/v1/${route}?tag=${tag}&${span}&${url}`, 'text/csv');
    expect(String((await gateway.cli(...args)).stdout)).toBe(answer);
    answers.push(answer);
  }
  const [days = '', shifts = '', counted = '', wide = '', chart = '', frames = ''] = answers;
  // 28 March has 24 hours, 29 March 23; each tenth hour has one bad value.
  expect(cells(days).map(([time, , label, count]) => [time, label, count])).toEqual([
    ['2020-03-27T23:00:00.000000Z', '2020-03-28', '1437'],
    ['2020-03-28T23:00:00.000000Z', '2020-03-29', '1378'],
    ['2020-03-29T22:00:00.000000Z', '2020-03-30', '1437'],
  ]);
  expect(cells(shifts).map(([, , label]) => label)).toEqual(
    ['2020-03-28', '2020-03-29', '2020-03-30'].flatMap((day) => [`early ${day}`, `late ${day}`]),
  );
  expect(cells(counted).map(([, , , amount, , marks]) => [amount, marks])).toEqual([
    ['2880', 'rollover'],
    ['2760', 'rollover'],
    ['2878', 'rollover'],
  ]);
  expect(wide.split('\n')[0]).toBe(`time,${FLOW},${ENERGY}`);
  expect(cells(chart).length).toBeGreaterThan(50);
  // Half an hour above 80 in each hour; where it begins with a bad value it is a minute shorter.
  expect(cells(frames).length).toBe(71);
  await gateway.stop();
  for (const [i, [args]] of questions.entries()) {
    const { stdout } = await millrace([...args, '-c', gateway.configFile], gateway.folder);
    expect(String(stdout)).toBe(answers[i]);
  }
});

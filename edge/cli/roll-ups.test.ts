import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { applyAll, batchOf, double, type Tagged, T0 } from '../../historian/kit/history-kit.ts';
import { Store } from '../../historian/store/store.ts';
import { freePort, waitFor } from '../../test/services/wait.ts';
import { realDisk } from '../core/disk.ts';
import { HandClock } from '../core/retention/clock-kit.ts';
import { TagDictionary } from '../tags/dictionary.ts';
import { exitOf, millrace, startMillrace, temporaryFolder, writeLog } from './cli-kit.ts';

const ENTRY = { type: 'double', unit: null, class: 'standard', connector: 'mqtt', source: 'x', createdUs: 0 } as const;
/** 2020-03-17T10:14:00Z is so many seconds behind T0. */
const BEGIN = 40;
const REPLACED = 75 * 60;
const [FLOW, ENERGY] = ['plant/flow', 'plant/energy'];

/** Two hours of a flow, with one bad value at 10:44:30, and of a meter, which was replaced at 11:29:00.5. */
const samples: Tagged[] = Array.from({ length: 7200 }, (_, i) => [
  double(FLOW, BEGIN + i, (i % 600) / 8, i === 1830 ? { quality: 0x80310000 } : {}),
  double(ENERGY, BEGIN + i, i <= REPLACED ? 5000 + i : i - REPLACED + 9),
]).flat();

const CONFIG = `historian:
  retention: 30d
  rollups: { minute: forever }
  counters: [ { match: energy, replaced: [ { at: 2020-03-17T12:29:00.5+01:00, last: ${5000 + REPLACED + 0.5}, first: 9.5 } ] } ]
`;

/** A data folder as a gateway of that day left it. */
async function oldData(data: string): Promise<void> {
  const dictionary = new TagDictionary(realDisk, path.join(data, 'tags'));
  dictionary.open();
  const entries = [FLOW, ENERGY].map((tag) => ({ path: tag, ...ENTRY }));
  dictionary.append(entries, []);
  dictionary.close();
  await writeLog(data, [['samples', samples.map(({ tag, sample }) => ({ key: tag, value: sample }))]]);
  const log = JSON.parse(readFileSync(path.join(data, 'log', 'millrace.json'), 'utf8')) as {
    logId: string;
    epoch: number;
  };
  const store = new Store({ folder: path.join(data, 'historian'), log, clock: new HandClock(T0 / 1000 + 86_400_000) });
  store.open();
  await applyAll(store, [batchOf(samples, 0, T0 / 1000 + 86_400_000)]);
  await store.flush();
  await store.close();
}

const span = ['--from', '2020-03-17T10:30:00Z', '--to', '2020-03-17T12:00:00Z'];
/** Questions that roll-ups of minutes answer as the samples did. */
const questions: readonly (readonly [command: 'history' | 'frames', tag: string, ...options: string[]])[] = [
  ['history', FLOW, '--interval', '1m', '--aggregate', 'mean,min,max,count,first,last'],
  ['history', FLOW, '--interval', '30m', '--aggregate', 'Count,PercentGood,DurationBad,TimeAverage2,Average,Range'],
  ['history', FLOW, '--interval', 'hour', '--aggregate', 'max,count', '--timezone', 'Asia/Kathmandu'],
  ['history', FLOW, '--points', '100'],
  ['history', ENERGY, '--interval', '30m', '--aggregate', 'counted'],
  ['history', ENERGY, '--interval', '1h', '--aggregate', 'TimeAverage,Start,End,Delta,WorstQuality'],
  ['frames', FLOW, '--above', '100'],
];

/** The address of a question. */
function urlOf([command, tag, ...options]: (typeof questions)[number]): string {
  const query = new URLSearchParams({ tag });
  for (let i = 0; i < options.length; i += 2) query.append(options[i]?.slice(2) ?? '', options[i + 1] ?? '');
  for (let i = 0; i < span.length; i += 2) query.append(span[i]?.slice(2) ?? '', span[i + 1] ?? '');
  return `/api/v1/${command === 'frames' ? 'event-frames' : 'history'}?${query.toString()}`;
}

test('a gateway answers out of roll-ups as it did out of the samples: by HTTP, by command, and when it has ended', async () => {
  const cwd = temporaryFolder();
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  writeFileSync(
    path.join(cwd, 'millrace.yaml'),
    `version: 1\nsite: plant\nhttp: { listen: 127.0.0.1:${port} }\n${CONFIG}`,
  );
  await oldData(path.join(cwd, 'data'));
  const command = async ([name, ...rest]: (typeof questions)[number]): Promise<string> => {
    const { code, stdout, stderr } = await millrace([name, ...rest, ...span], { cwd });
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^(|millrace: samples may be missing in 1 span; .*\n)$/)]);
    return stdout;
  };
  const before: string[] = [];
  for (const question of questions) before.push(await command(question));
  // Three times 30 minutes, the replaced meter in the second.
  expect(
    before[4]
      ?.split('\n')
      .slice(1, -1)
      .map((row) => row.split(',').slice(1)),
  ).toEqual([
    ['1800', '1025', '""'],
    ['1800', '1025', 'known-replacement'],
    ['1800', '1025', '""'],
  ]);

  const gateway = startMillrace(['start'], { cwd });
  const get = async (url: string, accept: string): Promise<string> => {
    const answer = await fetch(`${origin}${url}`, { headers: { accept } });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(text);
    return text;
  };
  await waitFor('the gateway is ready', async () => (await get('/readyz', 'application/json')) !== '');
  expect((await millrace(['log', 'confirm-clock'], { cwd })).code).toBe(0);
  const gapsOf = async (...question: (typeof questions)[number]): Promise<unknown[]> =>
    (JSON.parse(await get(urlOf(question), 'application/json')) as { readonly gaps: unknown[] }).gaps;
  await waitFor('samples to have become roll-ups', async () => {
    const gaps = await gapsOf('history', FLOW, '--interval', '1h', '--aggregate', 'Maximum');
    return JSON.stringify(gaps).includes('Only a roll-up is left, which does not say Maximum');
  });

  // The minute of the replacement cannot be taken: the meter was counted on from before it, which is a gap in its readings.
  for (const [i, text] of before.entries())
    before[i] = text.replace(',known-replacement\n', ',known-replacement gap\n');
  for (const [i, question] of questions.entries()) {
    expect([question, await get(urlOf(question), 'text/csv')]).toEqual([question, before[i]]);
    expect([question, await command(question)]).toEqual([question, before[i]]);
  }
  expect(await gapsOf(...(questions[0] ?? ['history', FLOW]))).toEqual([]);
  expect(await gapsOf('history', FLOW)).toMatchObject([
    {
      reason: 'expired',
      detail: 'Kept no longer, but for aggregates and charts of whole minutes, hours or days (UTC).',
    },
  ]);
  expect(await gapsOf('history', FLOW, '--interval', '1h', '--aggregate', 'TimeAverage')).toMatchObject([
    {
      from: '2020-03-17T10:44:00.000000Z',
      reason: 'expired',
      samples: 60,
      detail: expect.stringContaining('of samples that are not all Good, which does not say TimeAverage') as string,
    },
  ]);
  expect(await gapsOf('frames', FLOW, '--above', '70')).toHaveLength(9);

  gateway.kill('SIGTERM');
  expect(await exitOf(gateway)).toBe(0);
  for (const [i, question] of questions.entries())
    expect([question, await command(question)]).toEqual([question, before[i]]);
});

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { applyAll, batchOf, double, type Tagged, T0 } from '../../historian/kit/history-kit.ts';
import { ARROW_MEDIA_TYPE } from '../../historian/arrow/stream.ts';
import { Store } from '../../historian/store/store.ts';
import { freePort } from '../../test/services/wait.ts';
import { HandClock } from '../core/retention/clock-kit.ts';
import { realDisk } from '../core/disk.ts';
import { TagDictionary } from '../tags/dictionary.ts';
import { millrace, startMillrace, temporaryFolder, writeLog } from './cli-kit.ts';

const DAY_S = 86_400;
/** Four days of 2020, of two tags, every hundred seconds. */
const samples: Tagged[] = Array.from({ length: 4 * 864 }, (_, i) =>
  double(i % 2 === 0 ? 'plant/a' : 'plant/b', i * 100, i / 8),
);

const ENTRY = { type: 'double', unit: null, class: 'standard', connector: 'mqtt', source: 'x', createdUs: 0 } as const;

/** A data folder as a gateway of those days left it: everything is in the log and in files of that time. */
async function oldData(cwd: string): Promise<void> {
  const data = path.join(cwd, 'data');
  const dictionary = new TagDictionary(realDisk, path.join(data, 'tags'));
  dictionary.open();
  const entries = ['plant/a', 'plant/b'].map((tag) => ({ path: tag, ...ENTRY }));
  dictionary.append(entries, []);
  dictionary.close();
  const records = samples.map(({ tag, sample }) => ({ key: tag, value: sample }));
  await writeLog(data, [['samples', records]]);
  const log = JSON.parse(readFileSync(path.join(data, 'log', 'millrace.json'), 'utf8')) as {
    logId: string;
    epoch: number;
  };
  const clock = new HandClock(T0 / 1000);
  const store = new Store({ folder: path.join(data, 'historian'), log, clock });
  store.open();
  const days = Map.groupBy(samples, ({ sample }) => Math.floor((sample.timeUs - T0) / (DAY_S * 1e6)));
  let offset = 0;
  for (const some of days.values()) {
    clock.pass(DAY_S * 1000);
    await applyAll(store, [batchOf(some, offset, clock.nowMs())]);
    await store.flush();
    offset += some.length;
  }
  await store.close();
}

describe('a gateway with a cold tier', () => {
  let cwd: string;
  let origin: string;

  const json = async (url: string): Promise<Record<string, unknown>> =>
    (await (await fetch(`${origin}${url}`)).json()) as never;
  const expired = async (): Promise<unknown> => ((await json('/api/v1/historian'))['topics'] as unknown[])[0];
  const csvOf = async (args: readonly string[]): Promise<string> =>
    (await millrace(['history', ...args], { cwd })).stdout;
  /** Questions of each kind beside the samples, in spans that end in the tier and in the store. */
  const others = async (): Promise<string[]> => {
    const span = ['--from', '2020-03-17T11:30:00Z', '--to', '2020-03-20T21:00:00Z'];
    const answers: string[] = [];
    for (const args of [
      ['plant/a', 'plant/b', ...span, '--interval', '7m', '--aggregate', 'mean,min,max,count,first,last'],
      ['plant/a', '--interval', 'day', '--aggregate', 'TimeAverage2,PercentGood,Minimum2'],
      ['plant/a', '--points', '100'],
      ['plant/b', ...span, '--points', '100', '--shape', 'lttb'],
      ['plant/a', 'plant/b', ...span, '--every', '5h', '--method', 'previous'],
    ])
      answers.push(await csvOf(args));
    return answers;
  };

  test('puts old days away, gives them up itself only then, and answers as before; so do the commands without it', async () => {
    const port = await freePort();
    cwd = temporaryFolder();
    const yaml = `version: 1\nsite: plant\nhttp: { listen: 127.0.0.1:${port} }\nhistorian: { tier: { folder: ./cold, after: 30d } }\n`;
    writeFileSync(path.join(cwd, 'millrace.yaml'), yaml);
    origin = `http://127.0.0.1:${port}`;
    await oldData(cwd);
    const asked = ['plant/a', 'plant/b', '--from', '2020-03-17T00:00:00Z'];
    const before = await csvOf(asked);
    expect(before.split('\n')).toHaveLength(samples.length + 2);
    const others0 = await others();
    expect(others0.map((text) => text.split('\n').length > 4)).toEqual([true, true, true, true, true]);

    const gateway = startMillrace(['start'], { cwd });
    await expect.poll(async () => (await fetch(`${origin}/readyz`)).status, { timeout: 60_000 }).toBe(200);
    expect((await millrace(['log', 'confirm-clock'], { cwd })).code).toBe(0);
    await expect
      .poll(expired, { timeout: 60_000 })
      .toMatchObject({ expiredBefore: expect.stringContaining('20') as string });

    expect(await csvOf(asked)).toBe(before);
    expect(await others()).toEqual(others0);
    const { items: last } = (await json('/api/v1/latest?tag=plant/b')) as { items: { value: number }[] };
    expect(last.map(({ value }) => value)).toEqual([(samples.length - 1) / 8]);
    const windows = `${origin}/prometheus/api/v1/query_range?query=${encodeURIComponent('count_over_time(millrace{name="a"}[6h])')}&start=2020-03-17T12:00:00Z&end=2020-03-21T12:00:00Z&step=21600`;
    const { data } = (await (await fetch(windows)).json()) as { data: { result: { values: [number, string][] }[] } };
    expect(data.result[0]?.values.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(samples.length / 2);
    expect(await json('/api/v1/historian')).toMatchObject({
      tier: { days: 5, samples: samples.length, lagSeconds: 0, failures: 0 },
    });
    expect((await millrace(['historian', 'status'], { cwd })).stdout).toContain('tier: 5 days, ');
    expect(await (await fetch(`${origin}/metrics`)).text()).toContain('millrace_historian_tier_days 5');
    const table = tableFromIPC(
      new Uint8Array(
        await (
          await fetch(`${origin}/api/v1/history?tag=plant/b`, { headers: { accept: ARROW_MEDIA_TYPE } })
        ).arrayBuffer(),
      ),
    );
    expect(table.numRows).toBe(samples.length / 2);
    const sql = `SELECT tag, count(*) AS n, sum(value) AS sum FROM samples GROUP BY tag ORDER BY tag`;
    const sum = (tag: string): number =>
      samples.reduce((total, each) => total + (each.tag === tag ? (each.sample.value as number) : 0), 0);
    const half = samples.length / 2;
    const csv = `tag,n,sum\nplant/a,${half},${sum('plant/a')}\nplant/b,${half},${sum('plant/b')}\n`;
    expect(await millrace(['sql', sql], { cwd })).toEqual({ code: 0, stdout: csv, stderr: '' });
    const listed = await millrace(['historian', 'tier', '--json'], { cwd });
    expect(JSON.parse(listed.stdout)).toMatchObject({
      location: `file://${path.join(cwd, 'cold')}`,
      days: ['2020-03-17', '2020-03-18', '2020-03-19', '2020-03-20', '2020-03-21'].map((day) => ({ day })),
    });

    const span = ['--from', '2020-03-18T00:00:00Z', '--to', '2020-03-19T00:00:00Z'];
    const erased = await millrace(['erase', '--tag', 'plant/a', ...span, '--reason', 'wrong sensor', '--yes'], { cwd });
    expect([erased.code, erased.stderr]).toEqual([0, '']);
    const left = await csvOf(asked);
    expect(left.split('\n').length).toBe(samples.length + 2 - 432);
    expect(
      before
        .split('\n')
        .filter((line) => !line.startsWith('plant/a,2020-03-18'))
        .join('\n'),
    ).toBe(left);

    gateway.kill('SIGTERM');
    await expect.poll(() => gateway.exitCode, { timeout: 60_000 }).toBe(0);
    expect(await csvOf(asked)).toBe(left);
    expect((await others()).slice(3, 4)).toEqual(others0.slice(3, 4));
    const later = ['--from', '2020-03-19T00:00:00Z', '--to', '2020-03-20T00:00:00Z'];
    expect((await millrace(['erase', '--tag', 'plant/b', ...later, '--reason', 'again', '--yes'], { cwd })).code).toBe(
      0,
    );
    const rest = await csvOf(asked);
    expect(rest.split('\n')).toHaveLength(samples.length + 2 - 864);
    const exported = await millrace(['export', 'plant/*', '-o', 'all.parquet', '--json'], { cwd });
    expect(JSON.parse(exported.stdout)).toMatchObject({ tags: 2, samples: samples.length - 864, gaps: 0 });
    const counted = await millrace(['sql', 'SELECT count(*) AS n FROM samples', '--format', 'csv'], { cwd });
    expect(counted.stdout).toBe(`n\n${samples.length - 864}\n`);
    expect(readdirSync(cwd).toSorted()).toEqual(['all.parquet', 'cold', 'data', 'millrace.yaml']);

    rmSync(path.join(cwd, 'cold', 'metadata', 'version-hint.text'));
    // What was there is not taken for nothing.
    const damaged = await millrace(['historian', 'tier'], { cwd });
    expect([damaged.code, damaged.stderr]).toEqual([1, expect.stringContaining('Is it mounted?')]);
  }, 400_000);
});

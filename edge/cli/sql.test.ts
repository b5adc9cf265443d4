import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { beforeEach, describe, expect, test } from 'vitest';
import { waitFor } from '../../test/services/wait.ts';
import { MemoryServices, START_US } from '../api/services-kit.ts';
import { realDisk } from '../core/disk.ts';
import { TagDictionary } from '../tags/dictionary.ts';
import {
  childrenOf,
  configuredFolder,
  doubleSample,
  exitOf,
  millrace,
  servedFrom,
  startMillrace,
  writeLog,
} from './cli-kit.ts';

/** What a gateway left behind that had just begun: everything is in the log alone. */
async function folderWithSamples(): Promise<string> {
  const cwd = configuredFolder();
  const data = path.join(cwd, 'data');
  const dictionary = new TagDictionary(realDisk, path.join(data, 'tags'));
  dictionary.open();
  const entry = {
    type: 'double',
    unit: null,
    class: 'standard',
    connector: 'mqtt',
    source: 'x',
    createdUs: 0,
  } as const;
  dictionary.append(
    [
      { path: 'plant/a', ...entry },
      { path: 'plant/b', ...entry },
    ],
    [],
  );
  dictionary.close();
  const records = Array.from({ length: 300 }, (_, i) => ({
    key: i % 3 === 0 ? 'plant/b' : 'plant/a',
    value: doubleSample(START_US + i * 1_000_000, i / 4),
  }));
  await writeLog(data, [['samples', records]]);
  return cwd;
}

const COUNTS = 'SELECT tag, count(*) AS n, sum(value) AS sum FROM samples GROUP BY tag ORDER BY tag';

describe('millrace sql, without a gateway', () => {
  test('CSV where nobody watches, a table where it is asked for, JSON, Arrow and Parquet', async () => {
    const cwd = await folderWithSamples();
    const csv = 'tag,n,sum\nplant/a,200,7500\nplant/b,100,3712.5\n';
    expect(await millrace(['sql', COUNTS], { cwd })).toEqual({ code: 0, stdout: csv, stderr: '' });
    expect((await millrace(['sql', COUNTS, '--format', 'table'], { cwd })).stdout).toBe(
      'tag      n    sum\nplant/a  200  7500\nplant/b  100  3712.5\n',
    );
    expect(JSON.parse((await millrace(['sql', COUNTS, '--json'], { cwd })).stdout)).toMatchObject({
      rows: [
        ['plant/a', 200, 7500],
        ['plant/b', 100, 3712.5],
      ],
      more: false,
    });
    await millrace(['sql', COUNTS, '-o', 'counts.arrow'], { cwd });
    const table = tableFromIPC(readFileSync(path.join(cwd, 'counts.arrow')));
    expect(table.toArray().map((row: { tag: string; n: bigint }) => [row.tag, row.n])).toEqual([
      ['plant/a', 200n],
      ['plant/b', 100n],
    ]);
    const all = await millrace(['sql', 'SELECT tag, time, value FROM samples; -- all of it', '-o', 'all.parquet'], {
      cwd,
    });
    expect(all).toEqual({ code: 0, stdout: '', stderr: 'all.parquet: 300 rows\n' });
    expect(readFileSync(path.join(cwd, 'all.parquet')).subarray(0, 4).toString()).toBe('PAR1');
    expect(readdirSync(cwd).toSorted()).toEqual(['all.parquet', 'counts.arrow', 'data', 'millrace.yaml']);
  });

  test('a limit is kept, and what more there is, is said', async () => {
    const cwd = await folderWithSamples();
    const { code, stdout, stderr } = await millrace(
      ['sql', 'SELECT value FROM samples ORDER BY time', '--limit', '2'],
      { cwd },
    );
    expect([code, stdout]).toEqual([0, 'value\n0\n0.25\n']);
    expect(stderr).toBe('millrace: these are the first 2 rows; there are more (--limit, up to 1,000,000)\n');
  });

  test.each([
    [['SELECT vlaue FROM samples'], 1, 'Line 1, column 8: Binder Error: Referenced column "vlaue" not found'],
    [['SELECT *\nFROM smaples'], 1, 'Line 2, column 6: Catalog Error: Table with name smaples does not exist!'],
    [['DROP VIEW samples'], 1, 'A statement of type DROP.'],
    [['delete from samples'], 1, 'A statement of type DELETE.'],
    [[' '], 2, 'The statement is empty.'],
    [['SELECT 1', '-o', 'nowhere/x.parquet'], 1, 'IO Error: Cannot open file'],
    [["SELECT * FROM read_csv('/etc/passwd')"], 1, 'Permission Error'],
    [["COPY samples TO 'x.csv'", '--format', 'parquet', '-o', 'x.parquet'], 1, 'Permission Error'],
    [['SELECT 1', '--timeout', '1d'], 2, '--timeout: expected a time up to 5m, such as 30s.'],
    [['SELECT 1', '--limit', '0'], 2, '--limit: expected 1 to 1000000.'],
    [['SELECT 1', '--format', 'parquet'], 2, '--format parquet: name a file with -o.'],
  ])('%j is refused, and nothing is left', async (args, exitCode, detail) => {
    const cwd = await folderWithSamples();
    const { code, stdout, stderr } = await millrace(['sql', ...args], { cwd });
    expect([code, stdout]).toEqual([exitCode, '']);
    expect(stderr.split('\n')[1]).toContain(detail);
    expect(readdirSync(cwd).toSorted()).toEqual(['data', 'millrace.yaml']);
  });
});

describe('Ctrl-C and SIGTERM', () => {
  const ENDLESS = 'SELECT count(*) FROM range(1000000000) a, range(1000) b';

  test.each([
    ['SIGINT', 130, []],
    ['SIGINT', 130, ['-o', 'out.csv']],
    ['SIGTERM', 143, ['-o', 'out.parquet']],
  ] as const)('%s ends a question at once, exit code %d, and nothing is left: %j', async (signal, exitCode, output) => {
    const cwd = await folderWithSamples();
    const child = startMillrace(['sql', ENDLESS, ...output], { cwd });
    const asking = (): number[] => childrenOf(child.pid ?? 0);
    await waitFor('the process of the question', () => asking().length > 0);
    const [question] = asking();
    child.kill(signal);
    expect(await exitOf(child)).toBe(exitCode);
    await waitFor('the end of that process', () => !existsSync(`/proc/${question}`));
    expect(readdirSync(cwd).toSorted()).toEqual(['data', 'millrace.yaml']);
  });
});

describe('millrace history and export, without a gateway', () => {
  test('a file behind a link is replaced, and what is no plain file is left as it is', async () => {
    const cwd = await folderWithSamples();
    writeFileSync(path.join(cwd, 'real.csv'), 'old');
    symlinkSync('real.csv', path.join(cwd, 'link.csv'));
    expect((await millrace(['export', 'plant/a', '-o', 'link.csv'], { cwd })).code).toBe(0);
    expect(lstatSync(path.join(cwd, 'link.csv')).isSymbolicLink()).toBe(true);
    expect(readFileSync(path.join(cwd, 'real.csv'), 'utf8').split('\n')).toHaveLength(202);
    mkdirSync(path.join(cwd, 'folder.csv'));
    execFileSync('mkfifo', [path.join(cwd, 'pipe.parquet')]);
    for (const args of [
      ['export', 'plant/a', '-o', 'folder.csv'],
      ['export', 'plant/a', '-o', 'pipe.parquet'],
      ['sql', 'SELECT 1', '-o', 'pipe.parquet'],
    ]) {
      const { code, stderr } = await millrace(args, { cwd });
      expect([code, stderr.split('\n').slice(0, 2)]).toEqual([
        1,
        ['millrace: A file cannot be written.', `  ${args.at(-1)} is there and is no plain file.`],
      ]);
    }
    expect(lstatSync(path.join(cwd, 'pipe.parquet')).isFIFO()).toBe(true);
  });

  test('Arrow and Parquet files have all samples; aggregates are not for Parquet', async () => {
    const cwd = await folderWithSamples();
    expect((await millrace(['history', 'PLANT/A', '--format', 'arrow', '-o', 'a.arrow'], { cwd })).code).toBe(0);
    expect(tableFromIPC(readFileSync(path.join(cwd, 'a.arrow'))).numRows).toBe(200);
    expect((await millrace(['history', 'plant/a', '--format', 'parquet', '-o', 'a.parquet'], { cwd })).code).toBe(0);
    const span = ['--from', '2020-03-17T10:14:33Z', '--to', '2020-03-17T10:15:33Z'];
    const exported = await millrace(['export', 'plant/*', ...span, '-o', 'minute.csv'], { cwd });
    expect(exported).toMatchObject({ code: 0, stderr: '' });
    expect(exported.stdout).toMatch(/^minute\.csv: 60 samples of 2 tags, /);
    expect(readFileSync(path.join(cwd, 'minute.csv'), 'utf8').split('\n')).toHaveLength(62);
    const reduced = [
      'history',
      'plant/a',
      '--interval',
      '1m',
      '--aggregate',
      'mean',
      '--format',
      'parquet',
      '-o',
      'x.parquet',
    ];
    expect((await millrace(reduced, { cwd })).code).toBe(2);
    expect((await millrace(['export', 'plant/x*', '-o', 'x.csv'], { cwd })).stderr).toContain('plant/x*');
    expect((await millrace(['export', 'plant/a', '-o', 'x.txt'], { cwd })).code).toBe(2);
    expect(readdirSync(cwd).filter((name) => name.startsWith('x'))).toEqual([]);
  });
});

describe('millrace sql, from a gateway', () => {
  let cwd: string;

  beforeEach(async () => {
    cwd = configuredFolder();
    await servedFrom(new MemoryServices(), cwd);
  });

  test('its answer, its notes and its faults', async () => {
    const { code, stdout, stderr } = await millrace(['sql', 'SELECT 1 AS n'], { cwd });
    expect([code, stdout]).toEqual([0, 'n\n1\n']);
    expect(stderr).toBe(
      'millrace: these are the first 100,000 rows; there are more (--limit, up to 1,000,000)\n' +
        'millrace: samples may be missing in 2 spans; `millrace history --format json` says where and why\n',
    );
    const wrong = await millrace(['sql', 'SELECT wrong'], { cwd });
    expect([wrong.code, wrong.stderr.split('\n')[1]]).toEqual([1, '  Line 1, column 8: no such column.']);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import { waitFor } from '../services/wait.ts';
import { figure } from './figures.ts';
import { type Gateway, millrace, site, startGateway } from './gateway.ts';
import { parseHistoryCsv } from './history.ts';
import { settledLedger } from './ledger.ts';
import { random, testSeed } from './random.ts';

const launcher = resolve(import.meta.dirname, '..', '..', 'edge', 'millrace.js');
const none = { topics: [{ match: 'plant/#' }] };

interface Counts {
  readonly logged: number;
  readonly duplicate: number;
  readonly refused: number;
  readonly whole: boolean;
  readonly report: string | null;
}

/** A command on the files of a gateway's folder, whatever its exit code; what it prints is JSON. */
async function command(
  gateway: Pick<Gateway, 'folder' | 'configFile'>,
  ...args: readonly string[]
): Promise<{ code: number | null; json: unknown; stderr: string }> {
  const { code, stdout, stderr } = await millrace([...args, '--json', '-c', gateway.configFile], gateway.folder);
  const text = stdout.toString('utf8');
  return { code, json: text === '' ? undefined : JSON.parse(text), stderr };
}

async function importing(
  gateway: Gateway,
  ...args: readonly string[]
): Promise<Counts & { code: number | null; stderr: string }> {
  const { code, json, stderr } = await command(gateway, 'import', ...args);
  if (json === undefined) throw new Error(`import ${args.join(' ')}: exit code ${code}\n${stderr}`);
  return { ...(json as Counts), code, stderr };
}

/** Rows `tag,time,value` of some tags, a second apart; some of them stand there twice. */
function longTable(seconds: number, tags: number): { text: string; expected: Map<string, string[]> } {
  const choose = random(testSeed());
  const lines = ['tag,time,value,quality'];
  const expected = new Map<string, string[]>();
  for (let second = 0; second < seconds; second++) {
    for (let tag = 0; tag < tags; tag++) {
      const name = `T${tag}.PV`;
      const time = new Date(Date.UTC(2024, 1, 28) + second * 1000 + choose.whole(0, 20)).toISOString();
      const value = choose.whole(-5000, 5000) / 100;
      lines.push(`${name},${time},${value},192`);
      if (choose.whole(0, 99) === 0) lines.push(lines.at(-1) ?? '');
      const path = `${site}/${name}`;
      const rows = expected.get(path) ?? [];
      expected.set(path, rows);
      rows.push(`${time.replace('Z', '000Z')},${value},0`);
    }
  }
  return { text: `${lines.join('\n')}\n`, expected };
}

/** Rows of history as CSV has them. */
async function historyOf(gateway: Gateway, tag: string): Promise<string[]> {
  const csv = await gateway.text(`/api/v1/history?tag=${encodeURIComponent(tag)}`, 'text/csv');
  return csv.trimEnd().split('\n').slice(1);
}

async function expectHistory(gateway: Gateway, expected: ReadonlyMap<string, readonly string[]>): Promise<void> {
  for (const [tag, rows] of expected) expect([tag, ...(await historyOf(gateway, tag))]).toEqual([tag, ...rows]);
}

describe('history of another historian', () => {
  test('comes into the running gateway, each sample once, however often it is imported; the ledger balances', async () => {
    await using gateway = await startGateway(none);
    const { text, expected } = longTable(2000, 20);
    writeFileSync(join(gateway.folder, 'old.csv.gz'), gzipSync(text));
    const samples = [...expected.values()].flat().length;
    const repeated = text.split('\n').length - 2 - samples;

    const plan = await command(gateway, 'import', 'old.csv.gz', '--dry-run');
    expect([
      plan.code,
      (plan.json as { tags: unknown[] }).tags.length,
      (plan.json as { samples: number }).samples,
    ]).toEqual([0, 20, samples + repeated]);
    expect(((await gateway.api('/api/v1/tags')) as { items: unknown[] }).items).toEqual([]);

    const first = await importing(gateway, 'old.csv.gz');
    expect(first).toMatchObject({ code: 0, logged: samples, duplicate: repeated, refused: 0, report: null });
    expect(first.stderr).toContain('the historian keeps them 400 d from now on');
    await expectHistory(gateway, expected);
    expect(await importing(gateway, 'old.csv.gz')).toMatchObject({ code: 0, logged: 0, duplicate: samples + repeated });
    await expectHistory(gateway, expected);
    const ledger = await settledLedger(gateway);
    expect(ledger.balanced).toBe(true);
    expect(ledger.total).toMatchObject({
      logged: samples,
      duplicate: samples + 2 * repeated,
      stored: samples,
      lost: 0,
    });

    // The same again over a restart, with half of the file new: only the new half comes.
    await gateway.restart();
    const longer = `${text}${text.replaceAll('2024-02-28', '2024-03-07')}`.replaceAll('\ntag,time,value,quality', '');
    writeFileSync(join(gateway.folder, 'longer.csv'), longer);
    expect(await importing(gateway, 'longer.csv')).toMatchObject({ code: 0, logged: samples, refused: 0 });
  });

  test('an import that is killed goes on, or begins anew: each row comes once', async () => {
    await using gateway = await startGateway(none);
    const { text, expected } = longTable(20_000, 40);
    writeFileSync(join(gateway.folder, 'old.csv'), text);
    const imports = join(gateway.data, 'imports');
    for (const how of [[], ['--resume']]) {
      const child = spawn(process.execPath, [launcher, 'import', 'old.csv', ...how, '-c', gateway.configFile], {
        cwd: gateway.folder,
        stdio: 'ignore',
      });
      const exited = once(child, 'exit');
      const stored = await settledPoints(gateway);
      await waitFor(
        'some of it is there',
        async () => child.exitCode !== null || (existsSync(imports) && (await points(gateway)) > stored),
      );
      child.kill('SIGKILL');
      await exited;
    }
    const begun = await settledPoints(gateway);
    const samples = [...expected.values()].flat().length;
    figure('samples when the import was killed', begun);
    expect(begun).toBeLessThan(samples);
    const rest = await importing(gateway, 'old.csv', '--resume');
    expect(rest).toMatchObject({ code: 0, refused: 0, whole: true });
    expect(await settledPoints(gateway)).toBe(samples);
    await expectHistory(gateway, expected);
    expect(await importing(gateway, 'old.csv')).toMatchObject({ logged: 0 });
    expect((await importing(gateway, 'old.csv', '--resume')).stderr).toContain(
      'no import of these files to go on with',
    );
  });

  test('without a gateway it comes in under the lock, and is there at the next start', async () => {
    await using gateway = await startGateway(none);
    const { text, expected } = longTable(500, 5);
    await gateway.stop();
    writeFileSync(join(gateway.folder, 'old.csv'), text);
    expect(await importing(gateway, 'old.csv')).toMatchObject({ code: 0, logged: 2500 });
    expect(await importing(gateway, 'old.csv')).toMatchObject({ code: 0, logged: 0 });
    gateway.start();
    await gateway.ready();
    await expectHistory(gateway, expected);
    expect((await settledLedger(gateway)).balanced).toBe(true);
  });

  test('a wide table of a spreadsheet, in local time and with decimal commas, by a map', async () => {
    await using gateway = await startGateway(none);
    const map = `
      delimiter: ";"
      decimal: ","
      encoding: windows-1252
      skip: 2
      columns: { time: [Datum, Uhrzeit] }
      timeFormat: dd.MM.yyyy HH:mm
      nulls: { gestört: BadDeviceFailure }
      tags:
        - { match: "P* Druck", tag: "utilities/pump{1}/pressure", unit: Pa, scale: 100000 }
        - { match: "Zustand", tag: utilities/state, type: string }
        - { match: "*Reserve", ignore: true }
    `;
    const rows = [
      'Export vom 26.10.2025',
      '',
      'Datum;Uhrzeit;P1 Druck;P2 Druck;Zustand;Reserve;Neu',
      '26.10.2025;01:30;1,5;;läuft;0;',
      '26.10.2025;02:30;1,25;gestört;läuft;0;',
      '26.10.2025;02:30;1,75;2;;0;',
      '26.10.2025;03:30;2,5;x;aus;0;7',
      '30.03.2025;02:30;1;1;;0;',
    ];
    writeFileSync(join(gateway.folder, 'map.yaml'), map);
    writeFileSync(join(gateway.folder, 'alt.csv'), Buffer.from(rows.join('\r\n'), 'latin1'));
    const args = ['alt.csv', '--map', 'map.yaml', '--site-time-zone', 'Europe/Berlin'];
    const plan = await command(gateway, 'import', ...args, '--dry-run');
    expect(plan.code).toBe(1);
    const { refusals, ambiguousHours } = plan.json as {
      refusals: { reason: string; count: number; first: { line: number }[] }[];
      ambiguousHours: unknown[];
    };
    expect(refusals.map(({ reason, count, first }) => [reason, count, first.map(({ line }) => line)])).toEqual([
      ['wrong-type', 1, [7]],
      ['unmapped', 1, [7]],
      ['time-skipped', 2, [8, 8]],
    ]);
    expect(ambiguousHours).toEqual([
      { hour: '2025-10-26T00:00:00.000000Z', first: 3, second: 0 },
      { hour: '2025-10-26T01:00:00.000000Z', first: 0, second: 2 },
    ]);
    const done = await importing(gateway, ...args);
    expect(done).toMatchObject({ code: 1, logged: 9, refused: 4, report: 'alt.csv.refused.csv' });
    const report = readFileSync(join(gateway.folder, 'alt.csv.refused.csv'), 'utf8').trimEnd().split('\n');
    expect(report[0]).toBe('file,line,name,reason,detail,text');
    expect(report.slice(1).map((line) => line.split(',').slice(0, 4).join(','))).toEqual([
      'alt.csv,7,P2 Druck,wrong-type',
      'alt.csv,7,Neu,unmapped',
      'alt.csv,8,P1 Druck,time-skipped',
      'alt.csv,8,P2 Druck,time-skipped',
    ]);
    expect(await historyOf(gateway, `${site}/utilities/pump1/pressure`)).toEqual([
      '2025-10-25T23:30:00.000000Z,150000,0',
      '2025-10-26T00:30:00.000000Z,125000,0',
      '2025-10-26T01:30:00.000000Z,175000,0',
      '2025-10-26T02:30:00.000000Z,250000,0',
    ]);
    expect(await historyOf(gateway, `${site}/utilities/pump2/pressure`)).toEqual([
      '2025-10-26T00:30:00.000000Z,,2156593152',
      '2025-10-26T01:30:00.000000Z,200000,0',
    ]);
    expect(await historyOf(gateway, `${site}/utilities/state`)).toEqual([
      '2025-10-25T23:30:00.000000Z,läuft,0',
      '2025-10-26T00:30:00.000000Z,läuft,0',
      '2025-10-26T02:30:00.000000Z,aus,0',
    ]);
  });

  test('Parquet, with the types of its columns; what differs from the type of a tag is refused', async () => {
    await using gateway = await startGateway(none);
    const file = join(gateway.folder, 'old.parquet');
    await writeParquet(
      file,
      `SELECT 'a' AS tag, TIMESTAMPTZ '2024-01-01 00:00:00+00' + INTERVAL 1 SECOND * i AS time, i * 0.5 AS value FROM range(30000) AS r(i)
      UNION ALL SELECT 'b', TIMESTAMPTZ '2024-01-01 00:00:00.123456+00', 1.5`,
    );
    expect(await importing(gateway, 'old.parquet')).toMatchObject({ code: 0, logged: 30_001, refused: 0 });
    const a = parseHistoryCsv(
      await gateway.text(`/api/v1/history?tag=${site}/a&from=2024-01-01T08:19:58Z`, 'text/csv'),
      `${site}/a`,
    );
    expect(a.map(({ value }) => value)).toEqual([14_999, 14_999.5]);
    expect(await historyOf(gateway, `${site}/b`)).toEqual(['2024-01-01T00:00:00.123456Z,1.5,0']);

    writeFileSync(
      join(gateway.folder, 'texts.csv'),
      'tag;time;value\na;2024-02-01T00:00:00Z;on\na;2099-01-01T00:00:00Z;1\n;2024-02-01T00:00:00Z;1\na;2024-02-01T00:00:00;1\n',
    );
    const refused = await importing(gateway, 'texts.csv', '--report', 'bad.csv');
    expect(refused).toMatchObject({ code: 1, logged: 0, refused: 4 });
    const reasons = readFileSync(join(gateway.folder, 'bad.csv'), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',')[3]);
    expect(reasons).toEqual(['wrong-type', 'future', 'malformed', 'no-zone']);
  });

  test('what is wrong with files, maps and options is said before anything is written', async () => {
    await using gateway = await startGateway(none);
    const failing = async (...args: string[]): Promise<[number | null, string]> => {
      const { code, stderr } = await command(gateway, 'import', ...args);
      return [code, stderr];
    };
    writeFileSync(join(gateway.folder, 'empty.csv'), '');
    writeFileSync(join(gateway.folder, 'no-tags.csv'), 'time,value\n2024-01-01T00:00:00Z,1\n');
    writeFileSync(
      join(gateway.folder, 'latin.csv'),
      Buffer.from('tag,time,value\nDruck für,2024-01-01T00:00:00Z,1\n', 'latin1'),
    );
    writeFileSync(join(gateway.folder, 'bad.parquet'), 'PAR1 is not enough');
    writeFileSync(join(gateway.folder, 'map.yaml'), 'tags: [{ match: a, tga: b }]\ndecimal: ";"\ntimezone: Berlin\n');
    expect(await failing('nowhere.csv')).toEqual([1, expect.stringContaining('nowhere.csv')]);
    expect(await failing('empty.csv')).toEqual([1, expect.stringContaining('is empty')]);
    expect(await failing('no-tags.csv')).toEqual([1, expect.stringContaining('no tag is named')]);
    expect(await failing('latin.csv')).toEqual([1, expect.stringContaining('encoding: windows-1252')]);
    expect(await failing('bad.parquet')).toEqual([1, expect.stringContaining('bad.parquet')]);
    const [code, problems] = await failing('empty.csv', '--map', 'map.yaml');
    expect(code).toBe(2);
    expect(
      problems
        .split('\n')
        .slice(0, 3)
        .map((line) => line.split('  ').slice(0, 2).join(' ')),
    ).toEqual(['map.yaml:1:20 tags[0].tga', 'map.yaml:2:10 decimal', 'map.yaml:3:11 timezone']);
    expect(await failing('empty.csv', '--site-time-zone', 'Mars')).toEqual([2, expect.stringContaining('Mars')]);
    expect(await importing(gateway, 'no-tags.csv', '--tag', 'press/force')).toMatchObject({ code: 0, logged: 1 });
    expect(await historyOf(gateway, `${site}/press/force`)).toEqual(['2024-01-01T00:00:00.000000Z,1,0']);
  });
});

async function writeParquet(file: string, select: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (${select}) TO '${file}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
}

/** Samples that the historian has taken over. */
async function points(gateway: Gateway): Promise<number> {
  const metrics = await gateway.text('/metrics', 'text/plain');
  return Number(/^millrace_historian_points_total (\d+)/m.exec(metrics)?.[1] ?? Number.NaN);
}

/** The same, when what a killed command had handed over is through. */
async function settledPoints(gateway: Gateway): Promise<number> {
  let before = -1;
  await waitFor('nothing comes any more', async () => {
    const now = await points(gateway);
    const lag = Number(
      /^millrace_historian_lag_samples (\d+)/m.exec(await gateway.text('/metrics', 'text/plain'))?.[1] ?? 1,
    );
    const settled = now === before && lag === 0;
    before = now;
    return settled;
  });
  return before;
}

describe('beside an old historian', () => {
  /** What `millrace compare` prints. */
  interface Found {
    readonly equal: boolean;
    readonly refused: number;
    readonly tags: readonly {
      tag: string;
      there: number;
      equal: number;
      different: number;
      missingHere: number;
      missingThere: number;
      first: { what: string; time: string }[];
    }[];
  }

  test.each([['the running gateway'], ['its files']])(
    'an export is compared with %s: what is missing on either side, and what differs',
    async (where) => {
      await using gateway = await startGateway(none);
      const rows = Array.from({ length: 2000 }, (_, i) => {
        const time = new Date(Date.UTC(2024, 2, 1) + i * 500).toISOString();
        return [`press/force,${time},${i / 8}`, `press/on,${time},${i % 7 === 0}`];
      });
      const write = (name: string, table: readonly (readonly string[])[]): void =>
        writeFileSync(join(gateway.folder, name), `tag,time,value\n${table.flat().join('\n')}\n`);
      write('here.csv', rows);
      expect(await importing(gateway, 'here.csv')).toMatchObject({ code: 0, logged: 4000 });
      if (where === 'its files') await gateway.stop();
      const compare = async (...args: string[]): Promise<{ code: number | null; found: Found }> => {
        const { code, json, stderr } = await command(gateway, 'compare', ...args);
        if (json === undefined) throw new Error(stderr);
        return { code, found: json as Found };
      };
      expect(await compare('here.csv')).toMatchObject({ code: 0, found: { equal: true, refused: 0 } });

      const other = rows.map(([force = '', on = ''], i) => {
        if (i === 100) return [on];
        if (i === 200) return [force.replace(/[^,]*$/, '25.01'), on];
        if (i === 300) return [force, force.replace('.000Z', '.001Z').replace('.500Z', '.501Z'), on];
        return [force, on];
      });
      write('there.csv', other);
      const { code, found } = await compare('there.csv', '-o', 'differences.csv');
      expect(code).toBe(1);
      expect(found.tags).toMatchObject([
        { tag: `${site}/press/force`, there: 2000, equal: 1998, different: 1, missingHere: 1, missingThere: 1 },
        { tag: `${site}/press/on`, there: 2000, equal: 2000, different: 0, missingHere: 0, missingThere: 0 },
      ]);
      expect(readFileSync(join(gateway.folder, 'differences.csv'), 'utf8').trimEnd().split('\n')).toEqual([
        'tag,time,what,there,quality_there,here,quality_here',
        `${site}/press/force,2024-03-01T00:00:50.000000Z,missing-there,,,12.5,0`,
        `${site}/press/force,2024-03-01T00:01:40.000000Z,different,25.01,0,25,0`,
        `${site}/press/force,2024-03-01T00:02:30.001000Z,missing-here,37.5,0,,`,
      ]);
      const near = await compare('there.csv', '--tolerance', '0.1%', '--time-tolerance', '10ms');
      expect(near.found.tags[0]).toMatchObject({ different: 0, missingHere: 1, missingThere: 1 });

      // As one that reports by exception has it: only what has changed.
      const byException = rows.map(([, on = ''], i) => (i === 0 || (i % 7 === 0) !== ((i - 1) % 7 === 0) ? [on] : []));
      write('exceptions.csv', [...byException, [rows.at(-1)?.[1] ?? '']]);
      expect((await compare('exceptions.csv')).code).toBe(1);
      const steps = await compare('exceptions.csv', '--steps');
      expect(steps).toMatchObject({ code: 0, found: { equal: true, tags: [{ equal: 2000 }] } });
    },
  );
});

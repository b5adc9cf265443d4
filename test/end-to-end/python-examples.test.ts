import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runPython } from '../services/python.ts';
import { requireService } from '../services/require.ts';
import { type Gateway, site, startGateway } from './gateway.ts';

const service = requireService('tables');
const examples = resolve(import.meta.dirname, '..', '..', 'docs', 'examples');
const DAY = '2020-03-01';
const SECONDS = 7200;
const force = `${site}/press/force`;
const parts = `${site}/press/parts`;

/** What a program of `docs/examples` prints, line by line. */
async function printed(program: string, ...args: readonly string[]): Promise<string[]> {
  const { stdout } = await runPython(join(examples, program), args, '', { environment: 'tables' });
  return stdout.toString('utf8').trimEnd().split('\n');
}

/** Two hours of a press: a force each second, bad in one minute, and a count of parts that a double could not hold. */
async function gatewayWithPress(config: Readonly<Record<string, unknown>> = {}): Promise<Gateway> {
  const gateway = await startGateway({ topics: [{ match: 'plant/#' }], ...config });
  const lines = ['tag,time,value,quality'];
  for (let second = 0; second < SECONDS; second++) {
    const time = new Date(Date.parse(`${DAY}T00:00:00Z`) + second * 1000).toISOString();
    const bad = second >= 600 && second < 660;
    lines.push(`press/force,${time},${(second % 100) / 4},${bad ? 'Bad' : 'Good'}`);
    if (second % 60 === 0) lines.push(`press/parts,${time},${9_007_199_254_740_993n + BigInt(second)},Good`);
  }
  writeFileSync(join(gateway.folder, 'press.csv'), `${lines.join('\n')}\n`);
  writeFileSync(join(gateway.folder, 'map.yaml'), 'unmapped: keep\ntags: [{ match: press/parts, type: long }]\n');
  await gateway.cli('import', 'press.csv', '--map', 'map.yaml');
  return gateway;
}

describe.skipIf(!service.available)('the Python examples', () => {
  test('pandas and polars read history and aggregates over HTTP, every type exact', async () => {
    await using gateway = await gatewayWithPress();
    const asked = [gateway.http, `${DAY}T00:00:00Z`, `${DAY}T02:00:00Z`, force, parts];
    const pandas = await printed('history_pandas.py', ...asked);
    expect(JSON.parse((pandas[0] ?? '').replaceAll("'", '"'))).toMatchObject({
      time: 'timestamp[us, tz=UTC][pyarrow]',
      tag: 'dictionary<values=string, indices=int32, ordered=0>[pyarrow]',
      value: 'double[pyarrow]',
      integer: 'int64[pyarrow]',
      unsigned: 'uint64[pyarrow]',
      quality: 'uint32[pyarrow]',
    });
    const cells = pandas.slice(1).map((line) => line.trim().split(/\s+/));
    expect(cells.filter(([tag]) => tag === force || tag === parts)).toEqual([
      [force, '7140', '0.0', '12.417017', '24.75'],
      [parts, '120', '9007199254740992.0', '9007199254744562.0', '9007199254748132.0'],
    ]);
    expect(cells.slice(-3)).toEqual([
      [DAY, '00:00:00+00:00', '14.75', '9007199254740992.0'],
      [DAY, '00:01:00+00:00', '4.75', '9007199254741052.0'],
      [DAY, '00:02:00+00:00', '19.75', '9007199254741112.0'],
    ]);

    const polars = await printed('history_polars.py', ...asked);
    expect(polars[0]).toContain("'integer': 'Int64', 'unsigned': 'UInt64'");
    expect(polars[0]).toContain("'time': \"Datetime(time_unit='us', time_zone='UTC')\"");
    expect(polars[1]).toBe(
      `[('${force}', 7140, 0.0, 24.75), ('${parts}', 120, 9007199254740992.0, 9007199254748132.0)]`,
    );
    expect(polars[2]).toContain("'mean': 'Float64', 'max': 'Float64', 'count': 'Int64'");
    expect(polars[3]).toContain(`'${force}', 12.459745762711865, 24.75, 3540`);
  });

  test('Parquet files of `millrace export` are read by pyarrow, polars and pandas', async () => {
    await using gateway = await gatewayWithPress();
    const file = join(gateway.folder, 'press.parquet');
    await gateway.cli('export', `${site}/press/**`, '-o', file);
    const lines = await printed('parquet_files.py', file);
    expect(lines[0]).toBe(`${SECONDS + 120} True`);
    expect(lines[1]).toBe(
      "{'time': 'timestamp[us, tz=UTC]', 'tag': 'string', 'kind': 'string', 'value': 'double', 'integer': 'int64'}",
    );
    expect(lines[2]).toMatch(new RegExp(`^\\[\\('${force}', 7140, 88657\\.5\\), \\('${parts}', 120, `));
    expect(
      lines
        .at(-2)
        ?.trim()
        .split(/\s{2,}/),
    ).toEqual([force, `${DAY} 00:00:00+00:00`, `${DAY} 01:59:59+00:00`]);

    // And back: an import of what was exported finds everything.
    const { stdout } = await gateway.cli('import', file, '--json');
    expect(JSON.parse(stdout.toString('utf8'))).toMatchObject({ logged: 0, duplicate: SECONDS + 120, refused: 0 });
  });

  test('the cold tier is an Iceberg table that needs no gateway', async () => {
    await using gateway = await gatewayWithPress({ historian: { tier: { folder: './cold', after: '1d' } } });
    const hint = join(gateway.folder, 'cold', 'metadata', 'version-hint.text');
    await gateway.restart();
    await gateway.until('the day is put away', () => existsSync(hint), 60_000);
    await gateway.stop();
    const lines = await printed('iceberg_tier.py', join(gateway.folder, 'cold'), force, DAY);
    expect(lines).toEqual(["['tag', 'time', 'kind', 'value', 'integer']", '1 of 1 files', '7200 0.0 24.75 89100.0']);
  });
});

import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  configuredFolder,
  doubleSample,
  exitOf,
  FIRST_MS,
  millrace,
  startMillrace,
  type TestRecord,
  writeLog,
} from './cli-kit.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const pressure = (i: number): TestRecord => {
  return { key: 'plant/loop/pressure', value: doubleSample(FIRST_MS * 1000 + i, i + 0.5) };
};

let cwd: string;

beforeEach(() => {
  cwd = configuredFolder();
});

function file(name: string): string {
  return path.join(cwd, 'data', 'log', name);
}

async function dump(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await millrace(['log', 'dump', ...args], { cwd });
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

/** First words of lines. */
function offsets(text: string): string[] {
  return text.split('\n').map((line) => line.split(' ')[0] ?? '');
}

/** Segments of topic `samples`. */
function segments(): string[] {
  return readdirSync(file('samples-0')).filter((name) => name.endsWith('.log'));
}

/** Changes bytes of a file in place. */
function change(name: string, edit: (content: Buffer) => void): void {
  const content = readFileSync(file(`samples-0/${name}`));
  edit(content);
  writeFileSync(file(`samples-0/${name}`), content);
}

describe('dump', () => {
  const headers = [
    ['c', bytes('pump-7')],
    ['p', Uint8Array.of(0x11, 0x22)],
  ] as const;
  const quarantined: TestRecord = {
    key: '(unmapped)',
    value: Uint8Array.of(0xff, 0),
    headers: [
      ['reason', bytes('malformed')],
      ['sha256', Uint8Array.of(0xab, 0xcd)],
    ],
  };

  beforeEach(async () => {
    await writeLog(path.join(cwd, 'data'), [
      ['samples', [pressure(0), { ...pressure(1), headers }]],
      ['samples', [pressure(2), { key: null, value: null, headers: [['gap', bytes('{"reason":"damage"}')]] }]],
      ['events', [{ key: 'gateway', value: bytes('{"v":1,"type":"started"}') }]],
      ['quarantine', [quarantined]],
      ['derived', [{ key: 'plant/score', value: null }]],
    ]);
  });

  test('prints a record a line: offset, ingest time, key, value, headers', async () => {
    expect(await dump('samples')).toBe(
      `0  2020-03-17T10:14:33.123000Z  plant/loop/pressure  2020-03-17T10:14:33.123000Z  0.5  Good
1  2020-03-17T10:14:33.123000Z  plant/loop/pressure  2020-03-17T10:14:33.123001Z  1.5  Good  c=pump-7  p=4386
2  2020-03-17T10:14:33.124000Z  plant/loop/pressure  2020-03-17T10:14:33.123002Z  2.5  Good
3  2020-03-17T10:14:33.124000Z  (no key)  (no value)  gap={"reason":"damage"}
`,
    );
    expect(await dump('events')).toBe('0  2020-03-17T10:14:33.125000Z  gateway  {"v":1,"type":"started"}\n');
    expect(await dump('quarantine')).toBe(
      '0  2020-03-17T10:14:33.126000Z  (unmapped)  ff00 (2 bytes)  reason=malformed  sha256=abcd\n',
    );
    expect(await dump('derived')).toBe('0  2020-03-17T10:14:33.127000Z  plant/score  (erased)\n');
  });

  test('prints the same as JSON, a line each', async () => {
    const rows = (await dump('samples', '--json'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const sample = { time: '2020-03-17T10:14:33.123001Z', value: 1.5, quality: 0, flags: [] };
    expect(rows[1]).toEqual({
      offset: 1,
      timestamp: '2020-03-17T10:14:33.123000Z',
      key: 'plant/loop/pressure',
      headers: { c: 'pump-7', p: 4386 },
      sample,
    });
    expect(rows[3]).toMatchObject({ offset: 3, key: null, value: null });
    expect(rows[3]).not.toHaveProperty('erased');
    const erased = { offset: 0, key: 'plant/score', value: null, erased: true };
    expect(JSON.parse(await dump('derived', '--json'))).toMatchObject(erased);
    expect(JSON.parse(await dump('events', '--json'))).toMatchObject({ value: { v: 1, type: 'started' } });
    expect(JSON.parse(await dump('quarantine', '--json'))).toMatchObject({
      base64: '/wA=',
      headers: { reason: 'malformed', sha256: 'abcd' },
    });
  });

  test('from has the first record, to the first one that is no longer printed', async () => {
    expect(offsets(await dump('samples', '--from', '1', '--to', '3'))).toEqual(['1', '2', '']);
    expect(offsets(await dump('samples', '--from', '3', '--to', '99'))).toEqual(['3', '']);
    expect(await dump('samples', '--to', '0')).toBe('');
  });

  test.each([
    [
      ['--from', '4'],
      1,
      'millrace: The log has no such records.\n  samples ends before offset 4: there is nothing from 4 on.\n',
    ],
    [['--from', '1000', '--to', '2000'], 1, 'samples ends before offset 4: there is nothing from 1000 on.'],
    [['--from', '3', '--to', '3'], 2, '--from 3 is not before --to 3.'],
    [['--from', '4', '-o', 'dump.txt'], 1, 'samples ends before offset 4'],
  ])('nothing is no answer where offsets are named: %j', async (args, exitCode, said) => {
    const { code, stdout, stderr } = await millrace(['log', 'dump', 'samples', ...args], { cwd });
    expect([code, stdout, stderr.includes(said)]).toEqual([exitCode, '', true]);
    expect(readdirSync(cwd)).not.toContain('dump.txt');
  });

  test('a file appears when it is whole', async () => {
    expect(await dump('samples', '-o', 'dump.txt')).toBe('');
    expect(readFileSync(path.join(cwd, 'dump.txt'), 'utf8')).toBe(await dump('samples'));
    const { code, stderr } = await millrace(['log', 'dump', 'samples', '-o', 'no/dump.txt'], { cwd });
    expect([code, stderr.split('\n')[0]]).toEqual([1, 'millrace: A file cannot be written.']);
    expect(readdirSync(cwd).toSorted()).toEqual(['data', 'dump.txt', 'millrace.yaml']);
  });

  test('a topic that does not exist is named', async () => {
    const { code, stderr } = await millrace(['log', 'dump', 'smaples'], { cwd });
    expect([code, stderr]).toEqual([
      1,
      `millrace: The log has no such topic.\n  smaples in ${cwd}/data/log\n  \`millrace log topics\` lists them.\n`,
    ]);
  });
});

test('a reader that has seen enough is no error', async () => {
  const many = Array.from({ length: 5000 }, (_, i) => pressure(i));
  await writeLog(
    path.join(cwd, 'data'),
    Array.from({ length: 10 }, () => ['samples', many] as const),
  );
  const child = startMillrace(['log', 'dump', 'samples'], { cwd });
  let stderr = '';
  child.stderr?.on('data', (part: Buffer) => (stderr += part.toString()));
  child.stdout?.once('data', () => child.stdout?.destroy());
  expect(await exitOf(child)).toBe(0);
  expect(stderr).toBe('');
});

test('topics are printed with their offsets and sizes', async () => {
  await writeLog(path.join(cwd, 'data'), [['samples', [pressure(0), pressure(1)]]]);
  const { stdout } = await millrace(['log', 'topics'], { cwd });
  expect(stdout.split('\n')[0]).toMatch(/^topic +start +end +segments +size$/);
  expect(stdout).toMatch(/^samples +0 +2 +1 +\d+B$/m);
  const { items } = JSON.parse((await millrace(['log', 'topics', '--json'], { cwd })).stdout) as { items: unknown[] };
  const { size } = statSync(file('samples-0/00000000000000000000.log'));
  expect(items).toContainEqual({ topic: 'samples', start: 0, end: 2, segments: 1, bytes: size });
});

test('tail prints the last records and, without a gateway, ends', async () => {
  await writeLog(path.join(cwd, 'data'), [['samples', [pressure(0), pressure(1), pressure(2)]]]);
  const { code, stdout } = await millrace(['log', 'tail', 'samples', '-n', '2'], { cwd });
  expect([code, stdout.split('\n').map((line) => line.split(' ')[0])]).toEqual([0, ['1', '2', '']]);
});

test('tail follows a running gateway', async () => {
  const gateway = startMillrace(['start'], { cwd });
  await expect.poll(() => existsSync(path.join(cwd, 'data', 'gateway.sock')), { timeout: 60_000 }).toBe(true);
  const lines: string[] = [];
  await expect
    .poll(async () => (await millrace(['log', 'topics'], { cwd })).code, { timeout: 60_000, interval: 100 })
    .toBe(0);
  const tail = startMillrace(['log', 'tail', 'events'], { cwd });
  if (tail.stdout !== null) createInterface({ input: tail.stdout }).on('line', (line) => lines.push(line));
  await expect.poll(() => lines.some((line) => line.includes('"heartbeat"')), { timeout: 60_000 }).toBe(true);
  gateway.kill('SIGTERM');
  expect(await exitOf(gateway)).toBe(0);
  expect(await exitOf(tail)).toBe(1);
});

test('a folder without a log does not pass for a sound one', async () => {
  const { code, stderr } = await millrace(['log', 'verify'], { cwd: configuredFolder('data: ./mistyped\n') });
  expect([code, stderr.split('\n')[1]]).toEqual([1, expect.stringMatching(/There is no log in .*mistyped/)]);
});

describe('verify', () => {
  /** Two closed segments and an active one. */
  const batches = Array.from({ length: 60 }, (_, i) => {
    return ['samples', Array.from({ length: 50 }, (_each, j) => pressure(i * 50 + j))] as const;
  });

  interface Report {
    readonly sound: boolean;
    readonly topics: readonly {
      readonly topic: string;
      readonly segments: number;
      readonly records: number;
      readonly lost: number;
      readonly problems: readonly { readonly file: string; readonly position: number; readonly what: string }[];
    }[];
  }

  async function verify(): Promise<{ code: number | null; report: Report; whats: string[] }> {
    const { code, stdout, stderr } = await millrace(['log', 'verify', 'samples', '--json'], { cwd });
    expect(stderr).toBe('');
    const report = JSON.parse(stdout) as Report;
    return { code, report, whats: report.topics.flatMap(({ problems }) => problems.map(({ what }) => what)) };
  }

  beforeEach(async () => {
    await writeLog(path.join(cwd, 'data'), batches, 64 * 1024);
  });

  test('a whole log is sound', async () => {
    const { code, report } = await verify();
    expect(segments().length).toBeGreaterThan(1);
    const [samples] = report.topics;
    expect([code, report.sound, samples?.lost, samples?.records]).toEqual([0, true, 0, 3000]);
    expect((await millrace(['log', 'verify'], { cwd })).stdout).toMatch(/The log is sound\.\n$/);
  });

  test('a changed byte is found, with the records that it costs', async () => {
    change(segments()[0] ?? '', (content) => (content[5000] = (content[5000] ?? 0) ^ 1));
    const { code, report, whats } = await verify();
    expect(code).toBe(1);
    expect(whats).toEqual(['no valid batch (checksum): records 50 to 99 cannot be read']);
    expect(report.topics[0]).toMatchObject({ lost: 50, records: 2950 });
    const text = await millrace(['log', 'verify'], { cwd });
    expect([text.code, text.stdout.split('\n').at(-2)]).toEqual([1, 'The log is damaged.']);
    expect(text.stdout).toMatch(/^data\/log\/samples-0\/0{20}\.log:\d+ {2}no valid batch/m);
  });

  test('a wrong base offset is found, and costs nothing', async () => {
    change(segments()[0] ?? '', (content) => (content[7] = 9));
    const { code, report, whats } = await verify();
    expect([code, report.topics[0]?.lost, whats]).toEqual([1, 0, ['the base offset is 9, not 0']]);
  });

  test('a segment that is cut off, or gone, is found', async () => {
    const [first = '', second = ''] = segments();
    truncateSync(file(`samples-0/${first}`), 10_000);
    const next = Number(second.slice(0, 20));
    const { report, whats } = await verify();
    expect(whats[0]).toMatch(new RegExp(`records \\d+ to ${next - 1} cannot be read$`));
    expect((report.topics[0]?.lost ?? 0) + (report.topics[0]?.records ?? 0)).toBe(3000);
    rmSync(file(`samples-0/${first}`));
    expect((await verify()).whats[0]).toBe(`records 0 to ${next - 1} are in no segment`);
  });

  test('the last records are found missing, as the log knows that they were synced', async () => {
    const last = segments().at(-1) ?? '';
    truncateSync(file(`samples-0/${last}`), statSync(file(`samples-0/${last}`)).size - 100);
    const { report, whats } = await verify();
    expect(whats[0]).toBe('no valid batch (short): records 2950 to 2999 cannot be read');
    expect(report.topics[0]?.lost).toBe(50);
  });

  test('a segment that is missing in the middle is found', async () => {
    const [, second = '', third = ''] = segments();
    rmSync(file(`samples-0/${second}`));
    const { code, whats } = await verify();
    expect(code).toBe(1);
    const missing = `records ${Number(second.slice(0, 20))} to ${Number(third.slice(0, 20)) - 1}`;
    expect(whats.some((what) => what.includes(missing))).toBe(true);
  });

  test.each([
    ['an offset', 'index', 3, /^says offset \d+ for the batch at \d+, whose last offset is \d+$/],
    ['a position', 'index', 7, /^points to byte \d+, where no batch begins$/],
    ['a time', 'timeindex', 7, /^says time \d+ for offset \d+, where the greatest is \d+$/],
    ['an offset of a time', 'timeindex', 11, /^names offset \d+, which is the last of no batch$/],
  ])('%s in an index that is wrong is found', async (_name, kind, place, message) => {
    const name = (segments()[0] ?? '').replace('.log', `.${kind}`);
    change(name, (content) => (content[place] = (content[place] ?? 0) ^ 1));
    const { code, whats } = await verify();
    expect(code).toBe(1);
    expect(whats.some((what) => message.test(what))).toBe(true);
  });

  test('an index that is missing is found', async () => {
    rmSync(file(`samples-0/${(segments()[0] ?? '').replace('.log', '.index')}`));
    expect((await verify()).whats).toEqual(['is missing: it is built again when the gateway starts']);
  });

  test.each([8, 0])('an index of a complete segment that was cut to %d bytes is found', async (length) => {
    truncateSync(file(`samples-0/${(segments()[0] ?? '').replace('.log', '.index')}`), length);
    const { code, whats } = await verify();
    expect(code).toBe(1);
    expect(whats).toEqual([expect.stringMatching(/^has no entry for the batch at \d+: delete it/)]);
  });

  test('a sample that is none is found', async () => {
    await writeLog(path.join(cwd, 'data'), [['samples', [{ key: 'plant/a', value: bytes('no sample') }]]]);
    const { code, whats } = await verify();
    expect(code).toBe(1);
    expect(whats).toEqual([expect.stringMatching(/^the batch of record 3000: /)]);
  });
});

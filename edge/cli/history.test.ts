import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { applyAll, batchOf, double, LOG } from '../../historian/kit/history-kit.ts';
import { Store } from '../../historian/store/store.ts';
import { waitFor } from '../../test/services/wait.ts';
import { HistoryPage } from '../../historian/queries/history.ts';
import { Points } from '../../historian/points/points.ts';
import type { HistoryQuery } from '../api/services.ts';
import { MemoryServices, sampleAt, START_US } from '../api/services-kit.ts';
import { realDisk } from '../core/disk.ts';
import { TagDictionary } from '../tags/dictionary.ts';
import { configuredFolder, doubleSample, exitOf, millrace, servedFrom, startMillrace, writeLog } from './cli-kit.ts';

const CSV = 'time,value,quality\n2020-03-17T10:14:33.000000Z,0.5,0\n';
const NOTE = 'millrace: samples may be missing in 1 span; --format json says where and why\n';

/** A folder whose log has a record that is no sample. */
async function folderWithGap(): Promise<string> {
  const cwd = configuredFolder();
  const data = path.join(cwd, 'data');
  const dictionary = new TagDictionary(realDisk, path.join(data, 'tags'));
  dictionary.open();
  dictionary.append(
    [
      {
        path: 'plant/a',
        type: 'double',
        unit: null,
        class: 'standard',
        connector: 'mqtt',
        source: 'pump',
        createdUs: 0,
      },
    ],
    [],
  );
  dictionary.close();
  const records = [
    { key: 'plant/a', value: doubleSample(START_US, 0.5) },
    { key: 'plant/a', value: Uint8Array.of(1) },
  ];
  await writeLog(data, [['samples', records]]);
  return cwd;
}

describe('without a gateway', () => {
  test('CSV is followed by a note of what it has no room for, on standard error; JSON tells it itself', async () => {
    const cwd = await folderWithGap();
    expect(await millrace(['history', 'PLANT/A'], { cwd })).toEqual({ code: 0, stdout: CSV, stderr: NOTE });
    const { stdout, stderr } = await millrace(['history', 'plant/a', '--format', 'json'], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({ items: [{ value: 0.5 }], gaps: [{ reason: 'malformed' }] });
    expect(stderr).toBe('');
    const before = ['history', 'plant/a', '--to', '2020-03-17T10:14:33Z'];
    expect(await millrace(before, { cwd })).toEqual({ code: 0, stdout: 'time,value,quality\n', stderr: '' });
  });

  test('aggregates instead of samples; what is said wrongly is said before anything is opened', async () => {
    const cwd = await folderWithGap();
    const aggregates = ['--interval', '1m', '--aggregate', 'mean,count'];
    const { stdout } = await millrace(['history', 'PLANT/A', ...aggregates], { cwd });
    expect(stdout).toBe('time,mean,count\n2020-03-17T10:14:00.000000Z,0.5,1\n');
    const json = await millrace(['history', 'plant/a', ...aggregates, '--format', 'json'], { cwd });
    expect(JSON.parse(json.stdout)).toMatchObject({
      items: [{ tag: 'plant/a', interval: '1m', rows: [['2020-03-17T10:14:00.000000Z', 0.5, 1]] }],
    });
    const { code, stderr } = await millrace(['history', 'plant/a', '--interval', '1m'], { cwd: '/' });
    expect([code, stderr.split('\n')[1]]).toEqual([2, expect.stringContaining('aggregate: missing')]);
  });

  test('aggregates of Part 13 and of a calendar, values at times, and event frames', async () => {
    const cwd = await folderWithGap();
    const history = ['history', 'plant/a'];
    const daily = await millrace([...history, '--interval', 'day', '--aggregate', 'count,maximum'], { cwd });
    expect(daily.stdout).toBe(
      'time,end,label,count,Maximum,Maximum_quality\n' +
        '2020-03-17T00:00:00.000000Z,2020-03-18T00:00:00.000000Z,2020-03-17,1,0.5,1084490757\n',
    );
    const at = await millrace(
      [...history, '--at', '2020-03-17T10:14:40Z', '2020-03-17T10:14:33Z', '--method', 'previous'],
      {
        cwd,
      },
    );
    expect(at.stdout).toBe(
      'time,value,quality,sample_time\n' +
        '2020-03-17T10:14:33.000000Z,0.5,1024,2020-03-17T10:14:33.000000Z\n' +
        '2020-03-17T10:14:40.000000Z,0.5,1024,2020-03-17T10:14:33.000000Z\n',
    );
    const frames = await millrace(['frames', 'plant/a', '--above', '0.4', '--to', '2020-03-17T10:15:33Z'], { cwd });
    expect(frames.stdout).toMatch(/^start,end,.*\n2020-03-17T10:14:33\.000000Z,/);
    const wrong = await millrace(['frames', 'plant/a', '--above', 'hot'], { cwd: '/' });
    expect([wrong.code, wrong.stderr.split('\n')[1]]).toEqual([
      2,
      '  --above: expected a number in the unit of the tag.',
    ]);
    const unknown = await millrace([...history, '--interval', '1m', '--aggregate', 'avg'], { cwd: '/' });
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('aggregate: "avg" is none')]);
  });

  test('a data folder without tags is named', async () => {
    const cwd = configuredFolder();
    const { code, stderr } = await millrace(['history', 'plant/a'], { cwd });
    expect([code, stderr.split('\n')[1]]).toEqual([1, `  There is no tag in ${path.join(cwd, 'data')}.`]);
  });

  test('a file keeps its permissions, a link stays a link, a device is written to', async () => {
    const cwd = await folderWithGap();
    const file = path.join(cwd, 'out.csv');
    writeFileSync(file, 'old', { mode: 0o600 });
    symlinkSync('out.csv', path.join(cwd, 'link.csv'));
    symlinkSync('/dev/null', path.join(cwd, 'nowhere'));
    for (const output of ['link.csv', 'nowhere'])
      expect((await millrace(['history', 'plant/a', '-o', output], { cwd })).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(CSV);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
    expect(readdirSync(cwd).toSorted()).toEqual(['data', 'link.csv', 'millrace.yaml', 'nowhere', 'out.csv']);
  });

  test.each([
    ['a folder that there is not', 'none/out.csv'],
    ['a folder', 'folder'],
  ])('what cannot be written is said, and nothing is left: %s', async (_name, output) => {
    const cwd = await folderWithGap();
    mkdirSync(path.join(cwd, 'folder'));
    const { code, stdout, stderr } = await millrace(['history', 'plant/a', '-o', output], { cwd });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(new RegExp(`^millrace: A file cannot be written\\.\\n  ${output}: `));
    expect(readdirSync(cwd).toSorted()).toEqual(['data', 'folder', 'millrace.yaml']);
  });
});

describe('millrace historian verify', () => {
  test('says of a damaged file which samples cannot be read, and fails', async () => {
    const cwd = await folderWithGap();
    const folder = path.join(cwd, 'data', 'historian');
    const missing = await millrace(['historian', 'verify'], { cwd });
    expect([missing.code, missing.stderr.split('\n')[1]]).toEqual([1, `  There is no MANIFEST in ${folder}.`]);

    const store = new Store({ folder, log: LOG });
    store.open();
    await applyAll(store, [batchOf([double('plant/a', 0, 1)], 0)]);
    await store.flush();
    await store.close();
    const sound = await millrace(['historian', 'verify'], { cwd });
    expect(sound).toMatchObject({ code: 0, stderr: '' });
    expect(sound.stdout).toMatch(
      /^file +samples +bytes +problems\n0000000001\.mrh +1 +\d+ +0\nThe historian is sound\.\n$/,
    );

    const file = path.join(folder, '0000000001.mrh');
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.with(30, (bytes[30] ?? 0) ^ 1));
    const damaged = await millrace(['historian', 'verify'], { cwd });
    expect(damaged.code).toBe(1);
    expect(damaged.stdout.split('\n').slice(2)).toEqual([
      '0000000001.mrh  The checksum of the file differs.',
      expect.stringMatching(/^0000000001\.mrh {2}plant\/a, 1 samples: .*differs\.$/),
      'The historian is damaged.',
      '',
    ]);
    const { stdout } = await millrace(['historian', 'verify', '--json'], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({ sound: false, files: [{ name: '0000000001.mrh' }] });
  });
});

/** Paths of so many tags. */
function tagged(count: number, name: string): string[] {
  return Array.from({ length: count }, (_, i) => `plant/pressing/line1/press1/${name}${i}`);
}

/** Services whose history of a tag has a gap, and goes on as soon as `beforeEnd` resolves. */
class GapServices extends MemoryServices {
  beforeEnd: Promise<void> = Promise.resolve();

  override async *samplePages(query: HistoryQuery): AsyncGenerator<HistoryPage> {
    yield* super.samplePages(query);
    await this.beforeEnd;
    const gap = { fromUs: START_US, toUs: START_US + 1, reason: 'damage', samples: null, detail: '' } as const;
    yield new HistoryPage('plant/a', new Points(0), [], [gap], null);
  }
}

describe('from a gateway', () => {
  let cwd: string;
  let services: GapServices;

  beforeEach(async () => {
    cwd = configuredFolder();
    services = new GapServices();
    services.samples.set('plant/a', [sampleAt(START_US, 0.5)]);
    await servedFrom(services, cwd);
  });

  test('CSV is followed by the same note', async () => {
    expect(await millrace(['history', 'plant/a'], { cwd })).toEqual({ code: 0, stdout: CSV, stderr: NOTE });
  });

  test('aggregates are asked of the gateway', async () => {
    const { stdout } = await millrace(['history', 'plant/a', '--interval', '1s', '--aggregate', 'max,count'], { cwd });
    expect(stdout).toBe('time,max,count\n2020-03-17T10:14:33.000000Z,0.5,1\n');
  });

  test('everything else is asked of the gateway too', async () => {
    services.samples.set('plant/b', [sampleAt(START_US + 1e6, 7)]);
    const wide = [
      '--every',
      '500ms',
      '--from',
      '2020-03-17T10:14:33Z',
      '--to',
      '2020-03-17T10:14:34.5Z',
      '--layout',
      'wide',
    ];
    const { stdout } = await millrace(['history', 'plant/a', 'plant/b', ...wide], { cwd });
    expect(stdout).toBe(
      'time,plant/a,plant/b\n' +
        '2020-03-17T10:14:33.000000Z,0.5,\n' +
        '2020-03-17T10:14:33.500000Z,0.5,\n' +
        '2020-03-17T10:14:34.000000Z,0.5,7\n',
    );
    const frames = await millrace(['frames', 'plant/a', 'plant/b', '--below', '1', '--to', '2020-03-17T10:14:34Z'], {
      cwd,
    });
    expect(frames.stdout.split('\n')[1]).toMatch(
      /^plant\/a,2020-03-17T10:14:33\.000000Z,2020-03-17T10:14:34\.000000Z,/,
    );
  });

  test('as many tags as fit into a request, and a word about more', async () => {
    const tags = tagged(999, 'temperature of the oil');
    for (const tag of tags) services.samples.set(tag, [sampleAt(START_US, 1)]);
    const { code, stdout } = await millrace(['history', 'plant/a', ...tags], { cwd });
    expect([code, stdout.split('\n').length]).toEqual([0, 1002]);
    for (const tooMany of [tagged(1001, 't'), tagged(1000, 'temperature of the hydraulic oil behind the pump')]) {
      const { code: exitCode, stderr } = await millrace(['history', ...tooMany], { cwd });
      expect([exitCode, stderr.split('\n')[1]]).toEqual([2, expect.stringContaining('Ask for fewer tags at a time')]);
    }
  });

  test('a command that is stopped leaves no half file', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    services.beforeEnd = promise;
    services.pageSamples = 10_000;
    services.samples.set(
      'plant/a',
      Array.from({ length: 10_000 }, (_, i) => sampleAt(START_US + i, i)),
    );
    const child = startMillrace(['history', 'plant/a', '-o', 'out.csv'], { cwd });
    await waitFor('the first bytes', () => readdirSync(cwd).some((name) => name.endsWith('.tmp')));
    child.kill('SIGTERM');
    expect(await exitOf(child)).not.toBe(0);
    resolve();
    expect(readdirSync(cwd).toSorted()).toEqual(['data', 'millrace.yaml']);
  });
});

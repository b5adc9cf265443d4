import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyAll, batchOf, double, LOG } from '../../historian/history-kit.ts';
import { Store } from '../../historian/store.ts';
import { waitFor } from '../../test/services/wait.ts';
import type { ApiServer } from '../api/server.ts';
import type { HistoryPage, HistoryQuery } from '../api/services.ts';
import { MemoryServices, sampleAt, serverOf, START_US } from '../api/services-kit.ts';
import { realDisk } from '../core/disk.ts';
import { DataLock } from '../lock/data-lock.ts';
import { TagDictionary } from '../tags/dictionary.ts';
import { configuredFolder, doubleSample, exitOf, millrace, startMillrace, writeLog } from './cli-kit.ts';

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
      `0000000001.mrh  plant/a, 1 samples: ${file} at byte 8: Block: checksum differs.`,
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

  override async *history(query: HistoryQuery): AsyncGenerator<HistoryPage> {
    yield* super.history(query);
    await this.beforeEnd;
    const gap = { fromUs: START_US, toUs: START_US + 1, reason: 'damage', samples: null, detail: '' };
    yield { tag: 'plant/a', samples: [], gaps: [gap] };
  }
}

describe('from a gateway', () => {
  let cwd: string;
  let lock: DataLock;
  let api: ApiServer;
  let services: GapServices;

  beforeEach(async () => {
    cwd = configuredFolder();
    services = new GapServices();
    services.samples.set('plant/a', [sampleAt(START_US, 0.5)]);
    lock = await DataLock.take(path.join(cwd, 'data'));
    api = serverOf(services);
    lock.serve(await api.handler());
  });

  afterEach(async () => {
    await api.close();
    await lock.release();
  });

  test('CSV is followed by the same note', async () => {
    expect(await millrace(['history', 'plant/a'], { cwd })).toEqual({ code: 0, stdout: CSV, stderr: NOTE });
  });

  test('aggregates are asked of the gateway', async () => {
    const { stdout } = await millrace(['history', 'plant/a', '--interval', '1s', '--aggregate', 'max,count'], { cwd });
    expect(stdout).toBe('time,max,count\n2020-03-17T10:14:33.000000Z,0.5,1\n');
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

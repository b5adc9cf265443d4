import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { dumpComplaints, dumpIndexes, dumpLog, dumpRecords } from '../../test/services/dump-log.ts';
import { requireService } from '../../test/services/require.ts';
import { configuredFolder, doubleSample, FIRST_MS, millrace, type TestRecord, writeLog } from './cli-kit.ts';

const kafka = requireService('kafka');
const pressure = (i: number): TestRecord => {
  return { key: 'plant/loop/pressure', value: doubleSample(FIRST_MS * 1000 + i, i + 0.5) };
};

let cwd: string;

beforeEach(async () => {
  cwd = configuredFolder();
  const batches = Array.from({ length: 60 }, (_, i) => {
    return ['samples', Array.from({ length: 50 }, (_each, j) => pressure(i * 50 + j))] as const;
  });
  const event: TestRecord = { key: 'gateway', value: new TextEncoder().encode('{"v":1}') };
  await writeLog(path.join(cwd, 'data'), [...batches, ['events', [event]]], 64 * 1024);
});

/** Records of a topic as text, out of the log or out of a copy. */
async function dumped(data: string, topic: string): Promise<string> {
  writeFileSync(path.join(cwd, 'copy.yaml'), `version: 1\nsite: plant\ndata: ${data}\n`);
  const { code, stdout, stderr } = await millrace(['log', 'dump', topic, '-c', 'copy.yaml'], { cwd });
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

const files = (name: string, ending: string): string[] =>
  readdirSync(path.join(cwd, name))
    .filter((file) => file.endsWith(ending))
    .map((file) => path.join(cwd, name, file));

test.skipIf(!kafka.available)(
  `a copy holds every record at its offset, and Kafka's tools have no complaint ${kafka.reason}`,
  async () => {
    const { code, stdout, stderr } = await millrace(['log', 'export', 'copy/log'], { cwd });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^topic +from +to +size\n(.*\n)*samples +0 +3,000 /);
    for (const topic of ['samples', 'events'])
      expect(await dumped('./copy', topic)).toBe(await dumped('./data', topic));
    const segments = files('copy/log/samples-0', '.log');
    const indexes = [...files('copy/log/samples-0', '.index'), ...files('copy/log/samples-0', '.timeindex')];
    expect(dumpComplaints((await dumpLog(segments)) + (await dumpIndexes(indexes)))).toEqual([]);
    expect((await dumpRecords(segments)).map(({ offset }) => offset)).toEqual(
      Array.from({ length: 3000 }, (_, i) => i),
    );
    expect(
      files('copy/log/tags-0', '.log').map((file) => readFileSync(file).length),
      'a topic without records',
    ).toEqual([0]);
  },
);

test('a part is copied by whole batches', async () => {
  const args = ['log', 'export', 'part', 'samples', '--from', '125', '--to', '160', '--json'];
  const { code, stdout } = await millrace(args, { cwd });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ topics: [{ topic: 'samples', from: 125, to: 160, gaps: [] }] });
  expect(readdirSync(path.join(cwd, 'part'))).toEqual(['samples-0']);
  expect(files('part/samples-0', '.log').map((file) => path.basename(file))).toEqual(['00000000000000000100.log']);
  writeFileSync(path.join(cwd, 'copy.yaml'), 'version: 1\nsite: plant\ndata: ./other\n');
  mkdirSync(path.join(cwd, 'other'));
  await millrace(['log', 'export', 'other/log', 'samples', '--from', '125', '--to', '160'], { cwd });
  const lines = (await dumped('./other', 'samples')).trim().split('\n');
  expect([lines.length, lines[0]?.split(' ')[0], lines.at(-1)?.split(' ')[0]]).toEqual([100, '100', '199']);
});

test('what is damaged is said, and the rest is copied', async () => {
  const [first = ''] = files('data/log/samples-0', '.log');
  const content = readFileSync(first);
  content[5000] = (content[5000] ?? 0) ^ 1;
  writeFileSync(first, content);
  const { code, stdout } = await millrace(['log', 'export', 'copy/log', 'samples'], { cwd });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^samples: records 50 to 99 are not to be had: damage$/m);
  expect((await dumped('./copy', 'samples')).split('\n').filter((line) => /^\d/.test(line))).toHaveLength(2950);
});

test.each([
  [['data'], 1, 'The file exists already.'],
  [['copy', 'nowhere'], 1, 'The log has no such topic.'],
  [['/proc/nothing/copy'], 1, 'A file cannot be written.'],
  [[], 2, "missing required argument 'folder'"],
])('%j: exit code %d, %s, and nothing is left behind', async (args, exitCode, message) => {
  const before = readdirSync(cwd);
  const { code, stderr } = await millrace(['log', 'export', ...args], { cwd });
  expect([code, stderr]).toEqual([exitCode, expect.stringContaining(message)]);
  expect(readdirSync(cwd)).toEqual(before);
  expect(existsSync(path.join(cwd, 'copy'))).toBe(false);
});

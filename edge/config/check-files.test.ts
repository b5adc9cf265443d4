import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkWithFiles } from './check.ts';
import { formatProblem } from './problem.ts';

const METER = `addressing: zero-based
points: { power: { table: input, address: 20, type: float32 } }
`;

/** The lines of what is wrong with a configuration beside which these device files lie. */
async function linesOf(text: string, files: Readonly<Record<string, string>>): Promise<string[]> {
  const { problems = [] } = await checkWithFiles(text, 'millrace.yaml', folderWith(files));
  return problems.map((problem) => formatProblem(problem).replace(/ENOENT.* {2}expected/, 'ENOENT  expected'));
}

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-check-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(path.join(folder, 'devices'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, 'devices', name), text);
  return folder;
}

function configWith(...units: readonly string[]): string {
  return `version: 1
site: northmill
connectors:
  - name: meters
    kind: modbus
    bus: { tcp: '127.0.0.1:502' }
    units:
${units.map((unit) => `      - ${unit}\n`).join('')}`;
}

test('units get their devices; paths count from the folder of the configuration', async () => {
  const text = configWith('{ id: 1, device: devices/meter.yaml, asset: a }');
  const { config, problems } = await checkWithFiles(text, 'millrace.yaml', folderWith({ 'meter.yaml': METER }));
  expect(problems).toBeUndefined();
  expect(config?.connectors).toMatchObject([{ units: [{ id: 1, asset: 'a', device: { points: { power: {} } } }] }]);
});

test('what is wrong in device files stands by their own lines, behind what is wrong in the configuration, once', async () => {
  const bad = 'addressing: zero-based\npoints:\n  power: { table: input, address: 20, type: float31 }\n  x: 1\n';
  const text = configWith(
    '{ id: 1, device: devices/bad.yaml, asset: a }',
    '{ id: 2, device: devices/none.yaml, asset: b }',
    '{ id: 3, device: devices/bad.yaml, asset: c }',
    '{ id: 3, device: devices/broken.yaml, asset: d }',
  );
  const lines = await linesOf(text, { 'bad.yaml': bad, 'broken.yaml': 'points: [\n' });
  expect(lines.map((line) => line.split('  ').slice(0, 3).join('  '))).toEqual([
    'millrace.yaml:9:26  connectors[0].units[1].device  "devices/none.yaml" cannot be read: ENOENT',
    'millrace.yaml:11:15  connectors[0].units[3].id  3 is already used by connectors[0].units[2].id',
    'devices/bad.yaml:3:45  points.power.type  "float31" is not valid',
    'devices/bad.yaml:4:6  points.x  is the number 1',
    expect.stringMatching(/^devices\/broken\.yaml:\d+:\d+ {2}\(file\) {2}is not YAML/),
  ]);
});

test('a configuration that is wrong itself is told of alone', async () => {
  const lines = await linesOf(configWith('{ id: 300, device: devices/bad.yaml, asset: a }'), { 'bad.yaml': '' });
  expect(lines).toEqual([expect.stringMatching(/^millrace\.yaml:8:15 {2}connectors\[0\]\.units\[0\]\.id/)]);
});

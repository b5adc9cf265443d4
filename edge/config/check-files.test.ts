import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
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

test('where the configuration is wrong itself, what is wrong in device files is told all the same', async () => {
  const text = configWith(
    '{ id: 300, device: devices/bad.yaml, asset: a }',
    '{ id: 2, device: devices/none.yaml, asset: a//b, colour: red }',
    '{ id: 2, device: devices/meter.yaml, asset: c }',
    '{ id: 3, device: devices/meter.yaml, asset: C }',
    '{ device: 7 }',
    'nothing',
  );
  const lines = await linesOf(`${text}streams: []\n`, { 'bad.yaml': 'points: 1\n', 'meter.yaml': METER });
  expect(lines.map((line) => line.split('  ').slice(0, 3).join('  '))).toEqual([
    'millrace.yaml:8:15  connectors[0].units[0].id  is the number 300',
    'millrace.yaml:9:26  connectors[0].units[1].device  "devices/none.yaml" cannot be read: ENOENT',
    'millrace.yaml:9:52  connectors[0].units[1].asset  "a//b" is not valid',
    'millrace.yaml:9:58  connectors[0].units[1].colour  is not a known key',
    'millrace.yaml:10:15  connectors[0].units[2].id  2 is already used by connectors[0].units[1].id',
    'millrace.yaml:11:53  connectors[0].units[3].asset  the tag "C/power" is already used by connectors[0].units[2]',
    'millrace.yaml:12:9  connectors[0].units[4].id  is missing',
    'millrace.yaml:12:9  connectors[0].units[4].asset  is missing',
    'millrace.yaml:12:19  connectors[0].units[4].device  is the number 7',
    'millrace.yaml:13:9  connectors[0].units[5]  is the text "nothing"',
    'millrace.yaml:14:1  streams  is not supported in this version',
    'devices/bad.yaml:1:1  addressing  is missing',
    'devices/bad.yaml:1:9  points  is the number 1',
  ]);
});

test('a device file that several connectors name is told of once', async () => {
  const one = configWith('{ id: 1, device: devices/bad.yaml, asset: a }');
  const two = one.replace(/^[^]*connectors:\n/, '').replace('meters', 'others');
  const lines = await linesOf(`${one}${two}`, { 'bad.yaml': `${METER}x: 1\n` });
  expect(lines).toEqual([expect.stringMatching(/^devices\/bad\.yaml:3:1 {2}x {2}/)]);
});

test('device files that a text which is no YAML seems to name are not looked at', async () => {
  const text = configWith('{ id: 1, device: devices/none.yaml, asset: a }');
  expect(await linesOf(`${text}links: [\n`, {})).toEqual([expect.stringMatching(/is not YAML/)]);
});

test.each(['connectors: 1', 'connectors: [1, { kind: modbus }, { kind: modbus, units: [] }]', '- connectors'])(
  'looks for no device files where there can be none: %s',
  async (text) => {
    expect((await linesOf(`${text}\n`, {})).length).toBeGreaterThan(0);
  },
);

test('units of any shape give a configuration or problems that can be shown', async () => {
  const folder = folderWith({ 'meter.yaml': METER, 'bad.yaml': 'points: 1' });
  const leaf = fc.oneof(fc.string(), fc.double(), fc.constant(null), fc.array(fc.integer()));
  const device = fc.constantFrom('devices/meter.yaml', 'devices/bad.yaml', 'devices', '', 'a\nb', '\0', '__proto__');
  const unit = fc.record(
    {
      id: fc.oneof(fc.integer({ min: 0, max: 3 }), leaf),
      device: fc.oneof(device, leaf),
      asset: fc.oneof(fc.constantFrom('a', 'A', 'b'), leaf),
    },
    { requiredKeys: [] },
  );
  const units = fc.oneof(fc.array(fc.oneof({ weight: 5, arbitrary: unit }, leaf), { maxLength: 4 }), leaf);
  const connector = fc.record({ name: fc.constantFrom('a', 'b'), kind: fc.constantFrom('modbus', 'opcua'), units });
  await fc.assert(
    fc.asyncProperty(fc.array(connector, { maxLength: 3 }), async (connectors) => {
      const buses = connectors.map((each) => ({ ...each, bus: { tcp: 'a:502' } }));
      const text = stringify({ version: 1, site: 'a', connectors: buses });
      const { config, problems = [] } = await checkWithFiles(text, 'millrace.yaml', folder);
      expect(problems.filter((problem) => formatProblem(problem).includes('\n') || problem.line < 1)).toEqual([]);
      expect(config === undefined).toBe(problems.length > 0);
    }),
    { numRuns: 300 },
  );
});

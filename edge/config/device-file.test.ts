import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import type { DeviceConfig } from '../../connectors/modbus/config.ts';
import { checkDevice, DeviceFiles, type ModbusInput } from './device-file.ts';
import { modbusShape } from './modbus-schema.ts';
import { formatProblem } from './problem.ts';

const EXAMPLE = `model: X
addressing: one-based
wordOrder: big
maxRegisters: 100
forbid: [[200, 219]]
groups: { fast: 1s, slow: 60s }
points: { flow: { table: holding, address: 40011, type: float32, scale: 0.1, group: fast, invalid: [0x7FC00000] }, running: { table: holding, address: 40030, bit: 3 } }
`;

function linesOf(text: string): string[] {
  return (checkDevice(text, 'pump.yaml').problems ?? []).map((problem) =>
    formatProblem(problem).slice('pump.yaml:'.length),
  );
}

function deviceOf(text: string): DeviceConfig {
  const { device, problems } = checkDevice(text, 'pump.yaml');
  expect(problems).toBeUndefined();
  if (device === undefined) throw new Error('no device');
  return device;
}

describe('a device file', () => {
  test('everything has a default but addressing and points; intervals become ms', () => {
    const points = { x: { table: 'holding', address: 0 } };
    expect(deviceOf('addressing: zero-based\npoints: { x: { table: holding, address: 0 } }\n')).toEqual({
      addressing: 'zero-based',
      wordOrder: 'big',
      byteOrder: 'big',
      maxRegisters: 125,
      maxBits: 2000,
      maxHole: 8,
      forbid: [],
      groups: { all: 1000 },
      points,
    });
    const { groups, points: read } = deviceOf(EXAMPLE);
    expect(groups).toEqual({ fast: 1000, slow: 60_000 });
    expect(read['flow']).toMatchObject({ invalid: [0x7fc00000], scale: 0.1 });
  });

  test('all problems at once, each with its place, what is wrong and what was expected', () => {
    expect(
      linesOf(`addressing: two-based
maxRegistres: 10
maxRegisters: 126
groups: { fast: 1, slow: 5ms }
forbid: [[1, 2, 3], { table: holding, first: 1 }]
points:
  a: { table: coils, address: 1 }
  b: { table: holding, adress: 1 }
  c: { table: holding, address: 1, type: word, bit: 16, scale: 0 }
`),
    ).toEqual([
      '1:13  addressing  "two-based" is not valid  expected `one-based` or `zero-based`',
      '2:1  maxRegistres  is not a known key  expected "maxRegisters", the nearest known key',
      '3:15  maxRegisters  is the number 126  expected a whole number, 1 to 125',
      '4:17  groups.fast  is the number 1  expected an interval of 10ms to 1d, such as 1s',
      '4:26  groups.slow  "5ms" is not valid  expected an interval of 10ms to 1d, such as 1s',
      '5:10  forbid[0]  is a list  expected the first and the last address, such as [200, 219] or { table: holding, first: 200, last: 219 }',
      '5:21  forbid[1].last  is missing  expected an address, such as 40011 or 10',
      '7:15  points.a.table  "coils" is not valid  expected one of coil, discrete, input, holding',
      '8:6  points.b.address  is missing  expected an address, such as 40011 or 10',
      '8:24  points.b.adress  is not a known key  expected "address", the nearest known key',
      '9:42  points.c.type  "word" is not valid  expected one of bool, int16, uint16, int32, uint32, int64, uint64, float32, float64, string',
      '9:53  points.c.bit  is the number 16  expected a whole number, 0 to 15',
      '9:64  points.c.scale  is the number 0  expected a number other than 0',
    ]);
  });

  test('what the numbers say together is checked too, at its place', () => {
    expect(
      linesOf(`addressing: one-based
forbid: [[200, 219]]
points:
  a: { table: holding, address: 40200 }
  b: { table: holding, address: 30011 }
  c: { table: holding, address: 40001, group: slow }
`),
    ).toEqual([
      '4:33  points.a.address  40200 is forbidden by `forbid`  expected an address that may be read',
      '5:33  points.b.address  30011 is a number of table input  expected an address of table holding',
      '6:47  points.c.group  there is no group "slow"  expected one of all',
    ]);
  });

  test('no text makes it throw', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.json().map((json) => `addressing: zero-based\npoints: ${json}\n`),
    );
    fc.assert(
      fc.property(text, (given) => {
        const { device, problems } = checkDevice(given, 'x');
        expect((device === undefined) !== (problems === undefined)).toBe(true);
      }),
    );
  });
});

const connectorSchema = z.strictObject({ name: z.string(), ...modbusShape });

function connectorOf(parts: object): ModbusInput {
  return connectorSchema.parse({
    name: 'm',
    kind: 'modbus',
    bus: { tcp: '10.0.0.7:502' },
    units: [{ id: 1, device: 'devices/pump.yaml', asset: 'pumps/pump1' }],
    ...parts,
  });
}

function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-devices-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'devices'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'devices', name), text);
  return folder;
}

/** A device with a point of this class. */
function ofClass(name: string): string {
  return `addressing: zero-based\npoints: { a: { table: holding, address: 0, class: ${name} } }\n`;
}

describe('a connector with its device files', () => {
  test('the bus has defaults; each unit gets its device', async () => {
    const folder = folderWith({ 'pump.yaml': EXAMPLE });
    const files = new DeviceFiles(folder);
    const found = await files.check(connectorOf({}), ['connectors', 0]);
    expect([found, files.problems]).toEqual([[], []]);
    const config = files.fill(connectorOf({}));
    expect(config.bus).toEqual({
      tcp: { host: '10.0.0.7', port: 502 },
      framing: 'tcp',
      timeout: 1000,
      turnaround: 0,
      retries: 1,
    });
    expect(config.units[0]?.device).toEqual(deviceOf(EXAMPLE));
    expect(config.time).toBe('ingest');
  });

  test('points have a class of their own, units one for the others; what is no class is told of', async () => {
    const units = [{ id: 1, device: 'devices/good.yaml', asset: 'a', class: 'bulk' }];
    const files = new DeviceFiles(folderWith({ 'good.yaml': ofClass('critical') }));
    expect(await files.check(connectorOf({ units }), ['connectors', 0])).toEqual([]);
    expect(files.fill(connectorOf({ units })).units).toMatchObject([
      { class: 'bulk', device: { points: { a: { class: 'critical' } } } },
    ]);
    expect(checkDevice(ofClass('urgent'), 'bad.yaml').problems).toMatchObject([
      { path: 'points.a.class', wrong: '"urgent" is not valid', expected: 'one of critical, standard, bulk' },
    ]);
  });

  test('files that are missing or wrong, and numbers and tags that stand twice, are told of', async () => {
    const folder = folderWith({ 'pump.yaml': EXAMPLE, 'bad.yaml': 'addressing: zero-based\n' });
    const units = [
      { id: 1, device: 'devices/pump.yaml', asset: 'pumps/pump1' },
      { id: 1, device: 'devices/pump.yaml', asset: 'pumps/PUMP1' },
      { id: 2, device: 'devices/none.yaml', asset: 'a' },
      { id: 3, device: 'devices/bad.yaml', asset: 'b' },
      { id: 4, device: 'devices/bad.yaml', asset: 'c' },
    ];
    const files = new DeviceFiles(folder);
    const found = await files.check(connectorOf({ units }), ['connectors', 0]);
    expect(found.map(({ path, wrong }) => [path.slice(2).join('.'), wrong.replace(/ENOENT.*/, 'ENOENT')])).toEqual([
      ['units.1.id', '1 is already used by connectors[0].units[0].id'],
      ['units.2.device', '"devices/none.yaml" cannot be read: ENOENT'],
      ['units.1.asset', 'the tag "pumps/PUMP1/flow" is already used by connectors[0].units[0]'],
    ]);
    expect(files.problems.map(formatProblem)).toEqual([
      'devices/bad.yaml:1:1  points  is missing  expected a mapping of names to points, such as { flow: { table: holding, address: 40011 } }',
    ]);
  });

  test.each([
    [{ bus: { tcp: '10.0.0.7' } }, 'HOST:PORT, such as 10.0.0.7:502'],
    [{ bus: { tcp: 'a:502', timeout: '1ms' } }, 'a time of 10ms to 60s, such as 300ms'],
    [{ bus: { tcp: 'a:502', retries: 6 } }, 'a whole number, 0 to 5'],
    [{ units: [] }, 'a list of at least one unit'],
    [{ units: [{ id: 256, device: 'x', asset: 'a' }] }, 'a whole number, 0 to 255'],
    [{ units: [{ id: 1, device: 'x', asset: 'a//b' }] }, 'a tag path below the site, such as utilities/pumps/pump1'],
    [{ time: 'device' }, '`ingest` (Modbus gives no times)'],
  ])('%j is refused', (parts, expected) => {
    const given = {
      name: 'm',
      kind: 'modbus',
      bus: { tcp: 'a:502' },
      units: [{ id: 1, device: 'x', asset: 'a' }],
      ...parts,
    };
    expect(connectorSchema.safeParse(given).error?.issues.map(({ message }) => message)).toEqual([expected]);
  });
});

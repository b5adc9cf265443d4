import { describe, expect, test } from 'vitest';
import { fromAddress, toAddress } from './address.ts';
import { type DeviceConfig, type PointConfig, TABLES } from './config.ts';
import { compileDevice } from './device.ts';
import { deviceConfig } from './modbus-rig.ts';

describe('addresses', () => {
  test.each([
    [40011, 'holding', 10],
    [11, 'holding', 10],
    [30001, 'input', 0],
    [10001, 'discrete', 0],
    [1, 'coil', 0],
    [9999, 'coil', 9998],
    [49999, 'holding', 9998],
    [410000, 'holding', 9999],
    [465536, 'holding', 65535],
    [65536, 'holding', 65535],
    [20000, 'input', 19999],
  ] as const)('one-based %i of table %s is %i on the line', (number, table, address) => {
    expect(toAddress(number, table, 'one-based')).toBe(address);
  });

  test.each([
    [0, 'holding', 'is not in 1..65536'],
    [30011, 'holding', 'is a number of table input'],
    [465537, 'holding', 'is not in 1..65536'],
    [1.5, 'holding', 'is no whole number'],
  ] as const)('one-based %d of table %s %s', (number, table, problem) => {
    expect(toAddress(number, table, 'one-based')).toBe(problem);
  });

  test('zero-based numbers are addresses', () => {
    expect([toAddress(40011, 'holding', 'zero-based'), toAddress(0, 'coil', 'zero-based')]).toEqual([40011, 0]);
    expect(toAddress(65_536, 'input', 'zero-based')).toBe('is not in 0..65535');
  });

  test('what is written is read as the same address', () => {
    for (const table of TABLES) {
      for (const addressing of ['one-based', 'zero-based'] as const) {
        for (const address of [0, 10, 9998, 9999, 65_535]) {
          expect(toAddress(Number(fromAddress(address, table, addressing)), table, addressing)).toBe(address);
        }
      }
    }
    expect(fromAddress(10, 'holding', 'one-based')).toBe('40011');
  });
});

function problemsOf(point: Partial<PointConfig>, parts: Partial<DeviceConfig> = {}): string[] {
  const config = deviceConfig({ x: { table: 'holding', address: 0, ...point } }, parts);
  return compileDevice(config).problems.map(({ key, detail }) => `${key.join('.')}: ${detail}`);
}

function namedConfig(name: string): DeviceConfig {
  return deviceConfig({ [name]: { table: 'coil', address: 0 } });
}

describe('what a device file says together', () => {
  test.each<[Partial<PointConfig>, string, Partial<DeviceConfig>?]>([
    [{ table: 'coil', type: 'int16' }, 'points.x.type: a coil is a bit'],
    [{ table: 'coil', bit: 1 }, 'points.x.bit: a coil has no bits'],
    [{ type: 'float32', bit: 1 }, 'points.x.bit: a float32 has no bits'],
    [{ type: 'bool' }, 'points.x.type: a bool of a register needs `bit`'],
    [{ type: 'string' }, 'points.x.registers: is missing'],
    [{ type: 'string', registers: 11 }, 'points.x.registers: 11 are more than are read at once', { maxRegisters: 10 }],
    [{ registers: 2 }, 'points.x.registers: without type string'],
    [{ type: 'float64' }, 'points.x.type: a float64 has 4 registers, 2 are read at once', { maxRegisters: 2 }],
    [{ address: 65_535, type: 'int32' }, 'points.x.address: 65535 and 1 more end beyond the table'],
    [{ address: 19, type: 'int32' }, 'points.x.address: 19 is forbidden by `forbid`', { forbid: [[20, 20]] }],
    [{ bit: 1, scale: 2 }, 'points.x.scale: stands at a point that is no number'],
    [{ invalid: [65_536] }, 'points.x.invalid: 65536 is no pattern of 16 bits'],
    [{ invalid: ['x'] }, 'points.x.invalid: x is no pattern of 16 bits'],
    [{ group: 'slow' }, 'points.x.group: there is no group "slow"'],
    [{}, 'forbid.0: 20 is behind 10', { forbid: [[20, 10]] }],
    [{}, 'forbid.0: 70000 is not in 0..65535', { forbid: [[0, 70_000]] }],
  ])('%j', (point, problem, parts = {}) => {
    expect(problemsOf(point, parts)).toEqual([problem]);
  });

  test('a forbidden range is of the table that it names or whose numbers it has, else of all', () => {
    const point: Partial<PointConfig> = { table: 'input', address: 5 };
    expect(problemsOf(point, { forbid: [[5, 6]] })).toHaveLength(1);
    expect(problemsOf(point, { forbid: [{ table: 'holding', first: 5, last: 6 }] })).toEqual([]);
    expect(problemsOf(point, { addressing: 'one-based', forbid: [[40001, 40010]] })).toEqual([]);
    expect(problemsOf(point, { addressing: 'one-based', forbid: [[30001, 30010]] })).toHaveLength(1);
  });

  test('a name that cannot end a tag is a problem; levels of it may', () => {
    expect(compileDevice(namedConfig('phase1/current')).problems).toEqual([]);
    for (const name of ['', 'a+b', 'a//b', ' a']) expect(compileDevice(namedConfig(name)).problems).toHaveLength(1);
  });

  test('a point without a group is in the first', () => {
    const { device } = compileDevice(
      deviceConfig(
        { a: { table: 'coil', address: 0 }, b: { table: 'coil', address: 1, group: 'slow' } },
        { groups: { fast: 100, slow: 900 } },
      ),
    );
    expect(device?.groups.map(({ name, intervalMs, points }) => [name, intervalMs, points.length])).toEqual([
      ['fast', 100, 1],
      ['slow', 900, 1],
    ]);
  });
});

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileDevice, type Device, overlaps } from './device.ts';
import { deviceConfig } from './modbus-rig.ts';
import { type Block, planBlocks, splitBlock } from './plan.ts';
import type { DeviceConfig, PointConfig } from './config.ts';

function compile(config: DeviceConfig): Device {
  const { device, problems } = compileDevice(config);
  expect(problems).toEqual([]);
  if (device === undefined) throw new Error('no device');
  return device;
}

function plan(points: Record<string, PointConfig>, parts: Partial<DeviceConfig> = {}): string[] {
  const device = compile(deviceConfig(points, parts));
  return planBlocks(
    device.groups.flatMap((group) => group.points),
    device,
  ).map(shown);
}

function shown({ table, address, count, points }: Block): string {
  return `${table} ${address}+${count}: ${points.map(({ name }) => name).join(' ')}`;
}

const coil = (address: number): PointConfig => ({ table: 'coil', address });
const at = (address: number, parts: Partial<PointConfig> = {}): PointConfig => ({
  table: 'holding',
  address,
  ...parts,
});

test('neighbours and points with a small hole between them are one block, in the order of their addresses', () => {
  expect(plan({ b: at(9, { type: 'float32' }), a: at(0), c: at(19), d: at(29) })).toEqual([
    'holding 0+20: a b c',
    'holding 29+1: d',
  ]);
  expect(plan({ a: at(0), b: at(10) }, { maxHole: 8 })).toEqual(['holding 0+1: a', 'holding 10+1: b']);
});

test('bits of one register and overlapping points are read once', () => {
  expect(plan({ x: at(5, { bit: 0 }), y: at(5, { bit: 15 }), z: at(4, { type: 'int32' }) })).toEqual([
    'holding 4+2: z x y',
  ]);
});

test('no block reaches over a forbidden address, into another table, or beyond the maximum', () => {
  expect(plan({ a: at(0), b: at(3) }, { forbid: [[1, 1]] })).toEqual(['holding 0+1: a', 'holding 3+1: b']);
  expect(plan({ a: at(0), b: { table: 'input', address: 1 } })).toEqual(['holding 0+1: a', 'input 1+1: b']);
  expect(plan({ a: at(0), b: at(2), c: at(4) }, { maxRegisters: 4 })).toEqual(['holding 0+3: a b', 'holding 4+1: c']);
  expect(plan({ a: coil(0), b: coil(8) }, { maxBits: 8 })).toEqual(['coil 0+1: a', 'coil 8+1: b']);
});

const devices = fc
  .record({
    points: fc.array(
      fc.record({
        table: fc.constantFrom('holding' as const, 'input' as const, 'coil' as const),
        address: fc.integer({ min: 0, max: 400 }),
        type: fc.constantFrom('uint16' as const, 'float32' as const, 'float64' as const),
      }),
      { minLength: 1, maxLength: 60 },
    ),
    forbid: fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 10 })), { maxLength: 10 }),
    maxRegisters: fc.integer({ min: 4, max: 125 }),
    maxBits: fc.integer({ min: 1, max: 200 }),
    maxHole: fc.integer({ min: 0, max: 40 }),
  })
  .map(({ points, forbid, ...parts }): Device => {
    const spans = forbid.map(([first, length]) => ({ first, last: first + length }));
    const sizes = { uint16: 1, float32: 2, float64: 4 };
    const allowed = points.filter(({ table, address, type }) => {
      const last = address + (table === 'coil' ? 1 : sizes[type]) - 1;
      return !spans.some((span) => overlaps(span, { first: address, last }));
    });
    const named = allowed.map(({ table, address, type }, i): [string, PointConfig] => {
      return [`p${i}`, table === 'coil' ? { table, address } : { table, address, type }];
    });
    const ranges = spans.map(({ first, last }): [number, number] => [first, last]);
    return compile(deviceConfig(Object.fromEntries(named), { ...parts, forbid: ranges }));
  });

test('whatever the device: each point lies in one block whole, none is above the maximum, no forbidden address is touched, no hole is too large', () => {
  fc.assert(
    fc.property(devices, (device) => {
      const points = device.groups.flatMap((group) => group.points);
      const blocks = planBlocks(points, device);
      expect(blocks.flatMap((block) => block.points).toSorted(byName)).toEqual(points.toSorted(byName));
      for (const block of blocks) {
        const last = block.address + block.count - 1;
        expect(block.count).toBeLessThanOrEqual(
          block.table === 'coil' ? device.config.maxBits : device.config.maxRegisters,
        );
        expect(device.forbid[block.table].filter((span) => overlaps(span, { first: block.address, last }))).toEqual([]);
        let end = block.address;
        for (const { table, address, count } of block.points) {
          expect([table, address >= block.address, address + count - 1 <= last]).toEqual([block.table, true, true]);
          expect(address - end).toBeLessThanOrEqual(device.config.maxHole);
          end = Math.max(end, address + count);
        }
        expect(end - 1).toBe(last);
      }
    }),
  );
});

test('whatever the device: parting blocks ends with blocks without holes whose points overlap, and loses none', () => {
  fc.assert(
    fc.property(devices, (device) => {
      const points = device.groups.flatMap((group) => group.points);
      const open = planBlocks(points, device);
      const whole: Block[] = [];
      for (let block = open.pop(); block !== undefined; block = open.pop()) {
        const parts = splitBlock(block);
        if (parts === undefined) whole.push(block);
        else open.push(...parts);
      }
      expect(whole.flatMap((block) => block.points).toSorted(byName)).toEqual(points.toSorted(byName));
      for (const { points: members } of whole) {
        let end = Infinity;
        for (const { address, count } of members) {
          expect(address).toBeLessThan(end);
          end = Math.max(end === Infinity ? 0 : end, address + count);
        }
      }
    }),
  );
});

test('a block is parted at its largest hole, else in the middle', () => {
  const device = compile(deviceConfig({ a: at(0), b: at(1), c: at(5), d: at(7) }));
  const [block] = planBlocks(
    device.groups.flatMap((group) => group.points),
    device,
  );
  if (block === undefined) throw new Error('no block');
  const [left, right] = splitBlock(block) ?? [];
  expect([left, right].map((part) => part && shown(part))).toEqual(['holding 0+2: a b', 'holding 5+3: c d']);
});

function byName(a: { name: string }, b: { name: string }): number {
  return a.name.localeCompare(b.name);
}

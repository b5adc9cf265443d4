import type { Table } from './config.ts';
import { type Device, overlaps, type Point, type Span } from './device.ts';

/** Addresses that are read at once, and the points that lie in them. */
export interface Block {
  readonly table: Table;
  readonly address: number;
  /** Registers or bits. */
  readonly count: number;
  /** In the order of their addresses. */
  readonly points: readonly Point[];
}

/** Bounds of a request in one table. */
interface Bounds {
  readonly most: number;
  readonly maxHole: number;
  readonly forbid: readonly Span[];
}

/**
 * Joins points into blocks: neighbours, and those with not more than `maxHole` unused addresses between them, as long as a block is not larger than the device allows and
 * no forbidden address lies in it. Points that overlap are never torn apart where one request can hold them.
 */
export function planBlocks(points: readonly Point[], device: Pick<Device, 'config' | 'forbid'>): Block[] {
  const { maxBits, maxRegisters, maxHole } = device.config;
  const byTable = Map.groupBy(points, ({ table }) => table);
  return [...byTable].flatMap(([table, members]) => {
    const most = table === 'coil' || table === 'discrete' ? maxBits : maxRegisters;
    return planTable(members, { most, maxHole, forbid: device.forbid[table] });
  });
}

function planTable(points: readonly Point[], bounds: Bounds): Block[] {
  const blocks: Block[] = [];
  let members: Point[] = [];
  let span: Span | undefined;
  for (const point of inOrder(points)) {
    const last = point.address + point.count - 1;
    const joined = span === undefined ? undefined : { first: span.first, last: Math.max(span.last, last) };
    if (span !== undefined && joined !== undefined && isFit(joined, point.address - span.last - 1, bounds)) {
      members.push(point);
      span = joined;
      continue;
    }
    if (members.length > 0) blocks.push(blockOf(members));
    members = [point];
    span = { first: point.address, last };
  }
  if (members.length > 0) blocks.push(blockOf(members));
  return blocks;
}

function isFit(joined: Span, hole: number, { most, maxHole, forbid }: Bounds): boolean {
  if (joined.last - joined.first + 1 > most || hole > maxHole) return false;
  return !forbid.some((span) => overlaps(span, joined));
}

/** Two blocks in place of one that a device refuses: parted at the largest hole, else in the middle. Undefined if its points cannot be parted. */
export function splitBlock(block: Block): readonly [Block, Block] | undefined {
  const { points } = block;
  const middle = block.address + block.count / 2;
  let best: { at: number; hole: number; distance: number } | undefined;
  let end = 0;
  for (const [i, point] of points.entries()) {
    const hole = point.address - end;
    if (i > 0 && hole >= 0) {
      const distance = Math.abs(point.address - middle);
      if (best === undefined || hole > best.hole || (hole === best.hole && distance < best.distance)) {
        best = { at: i, hole, distance };
      }
    }
    end = Math.max(end, point.address + point.count);
  }
  return best === undefined ? undefined : [blockOf(points.slice(0, best.at)), blockOf(points.slice(best.at))];
}

function blockOf(points: readonly Point[]): Block {
  const [first] = points;
  if (first === undefined) throw new Error('assertion failed: a block has points');
  const end = Math.max(...points.map(({ address, count }) => address + count));
  return { table: first.table, address: first.address, count: end - first.address, points };
}

function inOrder(points: readonly Point[]): Point[] {
  return points.toSorted((a, b) => a.address - b.address || a.count - b.count);
}

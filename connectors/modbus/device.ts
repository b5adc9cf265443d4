import { isSegment } from '../../edge/core/tag-path.ts';
import type { TagType } from '../../edge/core/sample.ts';
import type { TagClass } from '../../edge/core/topics.ts';
import { MAX_ADDRESS, ownerOf, toAddress } from './address.ts';
import { type DeviceConfig, type ForbidConfig, type Order, type PointConfig, type Table, TABLES } from './config.ts';

/** One value of a device, ready to be read. */
export interface Point {
  readonly name: string;
  readonly table: Table;
  /** As it crosses the line. */
  readonly address: number;
  /** Registers, or bits of a table of bits. */
  readonly count: number;
  readonly type: Exclude<NonNullable<PointConfig['type']>, 'bool'> | 'bit' | 'register-bit';
  /** Of a register; 0 is the least significant. */
  readonly bit: number;
  readonly wordOrder: Order;
  readonly byteOrder: Order;
  readonly scaling: Scaling | undefined;
  /** Bits that mean: no value; unsigned, of the width of the type. */
  readonly invalid: ReadonlySet<bigint>;
  readonly declared: TagType;
  readonly unit: string | undefined;
  readonly class: TagClass | undefined;
}

/** value = raw × factor / divisor + offset. One of factor and divisor is 1: a scale of 0.1 divides by 10, which is exact. */
export interface Scaling {
  readonly factor: number;
  readonly divisor: number;
  readonly offset: number;
}

/** Addresses from `first` to `last`, as they cross the line. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/** Points that are read at the same interval. */
interface Group {
  readonly name: string;
  readonly intervalMs: number;
  readonly points: readonly Point[];
}

/** A compiled device. */
export interface Device {
  readonly config: DeviceConfig;
  readonly groups: readonly Group[];
  readonly forbid: Readonly<Record<Table, readonly Span[]>>;
}

/** What is wrong with a device: `key` is the place in the device file. */
export interface DeviceProblem {
  readonly key: readonly (string | number)[];
  readonly detail: string;
  readonly expected: string;
}

const REGISTERS: Readonly<Record<Exclude<NonNullable<PointConfig['type']>, 'bool' | 'string'>, number>> = {
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  int64: 4,
  uint64: 4,
  float32: 2,
  float64: 4,
};

/** Checks what the numbers of a device file say together and makes points of them: a device, or all of its problems. */
export function compileDevice(config: DeviceConfig): { readonly device?: Device; readonly problems: DeviceProblem[] } {
  const problems: DeviceProblem[] = [];
  const forbid = compileForbid(config, problems);
  const members = new Map<string, Point[]>(Object.keys(config.groups).map((name) => [name, []]));
  const [first = ''] = members.keys();
  for (const [name, point] of Object.entries(config.points)) {
    const found = new PointCheck(config, name, point, forbid).run(problems);
    const group = point.group ?? first;
    const list = members.get(group);
    if (list === undefined) {
      const expected = `one of ${[...members.keys()].join(', ')}`;
      problems.push({ key: ['points', name, 'group'], detail: `there is no group "${group}"`, expected });
    } else if (found !== undefined) list.push(found);
  }
  if (problems.length > 0) return { problems };
  const groups = [...members].flatMap(([name, points]): Group[] =>
    points.length === 0 ? [] : [{ name, intervalMs: config.groups[name] ?? 0, points }],
  );
  return { device: { config, groups, forbid }, problems };
}

function compileForbid(config: DeviceConfig, problems: DeviceProblem[]): Record<Table, Span[]> {
  const spans: Record<Table, Span[]> = { coil: [], discrete: [], input: [], holding: [] };
  for (const [i, range] of config.forbid.entries()) {
    const { tables, first, last } = boundsOf(range, config);
    for (const table of tables) {
      const span = spanOf(first, last, table, config);
      if (typeof span !== 'string') spans[table].push(span);
      else {
        const expected = 'the first and the last address that are not to be read, such as [200, 219]';
        problems.push({ key: ['forbid', i], detail: span, expected });
        break;
      }
    }
  }
  return spans;
}

function boundsOf(
  range: ForbidConfig,
  config: DeviceConfig,
): { tables: readonly Table[]; first: number; last: number } {
  if ('table' in range) return { tables: [range.table], first: range.first, last: range.last };
  const [first, last] = range;
  const owner = config.addressing === 'one-based' ? ownerOf(first) : undefined;
  return { tables: owner === undefined ? TABLES : [owner], first, last };
}

function spanOf(first: number, last: number, table: Table, { addressing }: DeviceConfig): Span | string {
  const from = toAddress(first, table, addressing);
  const to = toAddress(last, table, addressing);
  if (typeof from === 'string') return `${first} ${from}`;
  if (typeof to === 'string') return `${last} ${to}`;
  return from <= to ? { first: from, last: to } : `${first} is behind ${last}`;
}

/** Whether two spans have an address in common. */
export function overlaps(a: Span, b: Span): boolean {
  return a.first <= b.last && b.first <= a.last;
}

class PointCheck {
  private readonly device: DeviceConfig;
  private readonly name: string;
  private readonly config: PointConfig;
  private readonly forbid: Readonly<Record<Table, readonly Span[]>>;
  private readonly found: DeviceProblem[] = [];

  constructor(
    device: DeviceConfig,
    name: string,
    config: PointConfig,
    forbid: Readonly<Record<Table, readonly Span[]>>,
  ) {
    this.device = device;
    this.name = name;
    this.config = config;
    this.forbid = forbid;
  }

  run(problems: DeviceProblem[]): Point | undefined {
    const { config, device, name } = this;
    if (!name.split('/').every(isSegment)) {
      this.fail([], `${JSON.stringify(name)} cannot be the end of a tag`, 'a name such as flow or phase1/current');
    }
    const type = this.typeOf();
    const count = this.countOf(type);
    const address = this.addressOf(count);
    this.checkBit(type);
    this.checkNumbers(type);
    const invalid = this.invalidOf(type, count);
    problems.push(...this.found);
    if (this.found.length > 0) return undefined;
    return {
      name,
      table: config.table,
      address,
      count,
      type,
      bit: config.bit ?? 0,
      wordOrder: config.wordOrder ?? device.wordOrder,
      byteOrder: config.byteOrder ?? device.byteOrder,
      scaling: scalingOf(config),
      invalid,
      declared: declaredOf(type, config),
      unit: config.unit,
      class: config.class,
    };
  }

  private fail(key: readonly string[], detail: string, expected: string): void {
    this.found.push({ key: ['points', this.name, ...key], detail, expected });
  }

  private typeOf(): Point['type'] {
    const { table, type, bit } = this.config;
    if (table === 'coil' || table === 'discrete') {
      if (type !== undefined && type !== 'bool') this.fail(['type'], `a ${table} is a bit`, 'bool, or no type');
      return 'bit';
    }
    if (bit !== undefined || type === 'bool') {
      if (type !== undefined && type !== 'bool') this.fail(['bit'], `a ${type} has no bits`, 'no bit, or type bool');
      else if (bit === undefined) this.fail(['type'], 'a bool of a register needs `bit`', '`bit`, 0 to 15');
      return 'register-bit';
    }
    return type ?? 'uint16';
  }

  private countOf(type: Point['type']): number {
    const { registers } = this.config;
    if (type === 'string') {
      const most = this.device.maxRegisters;
      if (registers === undefined) this.fail(['registers'], 'is missing', 'the length of the string in registers');
      else if (registers > most)
        this.fail(['registers'], `${registers} are more than are read at once`, `at most ${most}`);
      return registers ?? 1;
    }
    if (registers !== undefined) this.fail(['registers'], 'without type string', 'keys that go together');
    if (type === 'bit' || type === 'register-bit') return 1;
    const count = REGISTERS[type];
    const most = this.device.maxRegisters;
    if (count > most)
      this.fail(['type'], `a ${type} has ${count} registers, ${most} are read at once`, 'a larger maxRegisters');
    return count;
  }

  private addressOf(count: number): number {
    const { table, address } = this.config;
    const first = toAddress(address, table, this.device.addressing);
    if (typeof first === 'string') {
      this.fail(['address'], `${address} ${first}`, `an address of table ${table}`);
      return 0;
    }
    const last = first + count - 1;
    if (last > MAX_ADDRESS)
      this.fail(['address'], `${address} and ${count - 1} more end beyond the table`, 'a lower address');
    if (this.forbid[table].some((span) => overlaps(span, { first, last }))) {
      this.fail(['address'], `${address} is forbidden by \`forbid\``, 'an address that may be read');
    }
    return first;
  }

  private checkBit(type: Point['type']): void {
    if (type === 'bit' && this.config.bit !== undefined) {
      this.fail(['bit'], `a ${this.config.table} has no bits`, 'no bit');
    }
  }

  private checkNumbers(type: Point['type']): void {
    const noNumber = type === 'bit' || type === 'register-bit' || type === 'string';
    if (!noNumber) return;
    for (const key of ['scale', 'offset', 'invalid'] as const) {
      if (this.config[key] !== undefined) this.fail([key], 'stands at a point that is no number', 'no such key');
    }
  }

  private invalidOf(type: Point['type'], count: number): ReadonlySet<bigint> {
    const patterns = new Set<bigint>();
    if (type === 'bit' || type === 'register-bit' || type === 'string') return patterns;
    const width = 16 * count;
    for (const given of this.config.invalid ?? []) {
      const number = wholeNumber(given);
      const fits = number !== undefined && number < 1n << BigInt(width) && number >= -(1n << BigInt(width - 1));
      if (fits) patterns.add(BigInt.asUintN(width, number));
      else
        this.fail(
          ['invalid'],
          `${given} is no pattern of ${width} bits`,
          `whole numbers such as 0x${'F'.repeat(width / 4)}`,
        );
    }
    return patterns;
  }
}

/** A number without loss, or undefined. */
function wholeNumber(given: number | string): bigint | undefined {
  if (typeof given === 'number') return Number.isSafeInteger(given) ? BigInt(given) : undefined;
  return /^(?:0x[0-9a-f]{1,16}|-?\d{1,20})$/i.test(given) ? BigInt(given) : undefined;
}

function scalingOf({ scale, offset }: PointConfig): Scaling | undefined {
  if (scale === undefined && offset === undefined) return undefined;
  const factor = scale ?? 1;
  const divisor = Math.round(1 / factor);
  const divides = divisor > 1 && 1 / divisor === factor;
  return { factor: divides ? 1 : factor, divisor: divides ? divisor : 1, offset: offset ?? 0 };
}

function declaredOf(type: Point['type'], config: PointConfig): TagType {
  if (type === 'bit' || type === 'register-bit') return 'boolean';
  if (type === 'string') return 'string';
  if (type === 'float64' || config.scale !== undefined || config.offset !== undefined) return 'double';
  if (type === 'float32') return 'float';
  return type === 'uint64' ? 'uint64' : 'long';
}

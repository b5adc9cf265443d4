import type { TagClass } from '../../edge/core/topics.ts';

/** Tables of a Modbus device (Modbus Application Protocol 1.1b3, section 4.3): two of bits, two of registers of 16 bits. */
export const TABLES = ['coil', 'discrete', 'input', 'holding'] as const;
export type Table = (typeof TABLES)[number];

/** What the registers of a point hold. */
export const POINT_TYPES = [
  'bool',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
  'string',
] as const;
export type PointType = (typeof POINT_TYPES)[number];

/** `big`: the most significant comes first. */
export const ORDERS = ['big', 'little'] as const;
export type Order = (typeof ORDERS)[number];

/** `one-based`: numbers as in most manuals, 40011 or 11 for the eleventh holding register. `zero-based`: addresses as they cross the line. */
export const ADDRESSINGS = ['one-based', 'zero-based'] as const;
export type Addressing = (typeof ADDRESSINGS)[number];

/** How frames lie in the stream: `tcp` with the MBAP header, `rtu` with unit and CRC-16 as on a serial line. */
export const FRAMINGS = ['tcp', 'rtu'] as const;
export type FramingName = (typeof FRAMINGS)[number];

/** Configuration of the connector kind `modbus`. */
export interface ModbusConfig {
  readonly kind: 'modbus';
  readonly name: string;
  readonly bus: BusConfig;
  readonly units: readonly UnitConfig[];
  /** Modbus gives no times: there is no other way. */
  readonly time?: 'ingest' | undefined;
}

/** The bus: one connection, one question at a time. */
export interface BusConfig {
  readonly tcp: { readonly host: string; readonly port: number };
  readonly framing: FramingName;
  /** How long an answer may take, ms. */
  readonly timeout: number;
  /** Silence between an answer and the next question, ms. */
  readonly turnaround: number;
  /** How often a question is repeated: after a broken answer at once, after none in the next cycle. */
  readonly retries: number;
}

/** One unit on the bus. */
export interface UnitConfig {
  readonly id: number;
  readonly device: DeviceConfig;
  /** Stands before the names of the points in their tags; below the site. */
  readonly asset: string;
  /** Of the points that name none. */
  readonly class?: TagClass | undefined;
}

/** What is known of a model of device: a device file. Numbers are as a person wrote them; `compileDevice` says what is wrong with them. */
export interface DeviceConfig {
  readonly model?: string | undefined;
  readonly addressing: Addressing;
  readonly wordOrder: Order;
  readonly byteOrder: Order;
  /** Registers that are read at once, at most. */
  readonly maxRegisters: number;
  /** Coils or discrete inputs that are read at once, at most. */
  readonly maxBits: number;
  /** Registers (bits) that nobody asked for and that are read along, between two points, at most. */
  readonly maxHole: number;
  /** Addresses that are never read. */
  readonly forbid: readonly ForbidConfig[];
  /** Intervals by name, ms. The first is that of points without a group. */
  readonly groups: Readonly<Record<string, number>>;
  readonly points: Readonly<Record<string, PointConfig>>;
}

/** First and last address; of every table, unless the numbers or `table` say of which. */
export type ForbidConfig =
  | readonly [first: number, last: number]
  | { readonly table: Table; readonly first: number; readonly last: number };

/** One value of a device. */
export interface PointConfig {
  readonly table: Table;
  readonly address: number;
  readonly type?: PointType | undefined;
  /** Of a register: 0 is the least significant. */
  readonly bit?: number | undefined;
  /** Length of a string. */
  readonly registers?: number | undefined;
  readonly wordOrder?: Order | undefined;
  readonly byteOrder?: Order | undefined;
  readonly scale?: number | undefined;
  readonly offset?: number | undefined;
  /** Raw values that mean: none. Numbers, or texts of whole numbers where 53 bits are not enough. */
  readonly invalid?: readonly (number | string)[] | undefined;
  readonly group?: string | undefined;
  /** UCUM. */
  readonly unit?: string | undefined;
  /** Left out: that of the unit. */
  readonly class?: TagClass | undefined;
}

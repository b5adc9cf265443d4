import { z } from 'zod';
import { ADDRESSINGS, FRAMINGS, ORDERS, POINT_TYPES, TABLES } from '../../connectors/modbus/config.ts';
import { isSegment } from '../core/tag-path.ts';
import { type Address, parseAddress } from './address.ts';
import { DURATION, parseDuration } from './quantities.ts';
import { tagClass } from './tag-class.ts';

/* Form of a Modbus connector and of a device file. What the numbers of a device file say together is checked by `connectors/modbus/device.ts`. */

/** Keys of `bus` that a later version has. */
export const LATER_BUS_KEYS: readonly string[] = ['serial', 'baudRate', 'parity', 'stopBits', 'dataBits'];

const MIN_INTERVAL_MS = 10;
const DAY_MS = 86_400_000;

const TCP = 'HOST:PORT, such as 10.0.0.7:502';
const DEVICE = 'the path of a device file, such as devices/pump.yaml';
const ASSET = 'a tag path below the site, such as utilities/pumps/pump1';
const UNIT_ID = 'a whole number, 0 to 255';

/** A time in ms between two bounds. */
function time(least: number, most: number, expected: string): z.ZodType<number, string> {
  return z
    .string(expected)
    .regex(DURATION, expected)
    .transform((text, context) => {
      const amount = parseDuration(text);
      if (amount !== undefined && amount >= least && amount <= most) return amount;
      context.addIssue({ code: 'custom', message: expected, input: text });
      return z.NEVER;
    });
}

function whole(least: number, most: number): z.ZodInt {
  const expected = `a whole number, ${least} to ${most}`;
  return z.int(expected).min(least, expected).max(most, expected);
}

const tcp = z.string(TCP).transform((text, context): Address => {
  const address = parseAddress(text);
  if (address !== undefined && address.port > 0) return address;
  context.addIssue({ code: 'custom', message: TCP, input: text });
  return z.NEVER;
});

const bus = z
  .strictObject(
    {
      tcp: tcp.describe('Address of the device, or of the gateway behind which the units are.'),
      framing: z
        .enum(FRAMINGS, '`tcp` or `rtu`')
        .default('tcp')
        .describe('`tcp`: Modbus TCP. `rtu`: frames as on a serial line, with CRC, through a plain TCP connection.'),
      timeout: time(10, 60_000, 'a time of 10ms to 60s, such as 300ms')
        .prefault('1s')
        .describe('How long a unit may take to answer; what a unit that does not answer costs the others in a cycle.'),
      turnaround: time(0, 10_000, 'a time of at most 10s, such as 5ms')
        .prefault('0ms')
        .describe('Silence between an answer and the next question.'),
      retries: whole(0, 5)
        .default(1)
        .describe('How often a question is repeated: at once after a broken answer, in the next cycle after none.'),
    },
    'a mapping with `tcp`',
  )
  .describe('The line to the units; one question at a time.');

const UNITS = 'a list of at least one unit';

const unit = z
  .strictObject(
    {
      id: z.int(UNIT_ID).min(0, UNIT_ID).max(255, UNIT_ID).describe('Number of the unit on the bus.'),
      device: z
        .string(DEVICE)
        .min(1, DEVICE)
        .describe('Device file: what the registers mean. A relative path counts from the folder of this file.'),
      asset: z
        .string(ASSET)
        .refine((path) => path.split('/').every(isSegment), ASSET)
        .describe('Stands before the names of the points in their tags.'),
      class: tagClass('standard; of the points that name none'),
    },
    'a mapping with `id`, `device` and `asset`',
  )
  .describe('A device on the bus.');

/** Keys of a Modbus connector, beside its name. */
export const modbusShape = {
  kind: z.literal('modbus').describe('What the connector speaks.'),
  bus,
  units: z
    .array(unit, UNITS)
    .min(1, UNITS)
    .max(256, 'at most 256 units')
    .describe('The units that are asked, each number once.'),
  time: z
    .literal('ingest', '`ingest` (Modbus gives no times)')
    .default('ingest')
    .describe('Modbus gives no times: a value has the time of its arrival.'),
};

const order = (text: string): z.ZodType<'big' | 'little', 'big' | 'little'> =>
  z.enum(ORDERS, '`big` or `little`').describe(text);
const WORD_ORDER = 'Order of the registers of one value; `big`: the most significant first.';
const BYTE_ORDER = 'Order of the bytes in a register; `big`, as Modbus says, or `little`, swapped.';

const ADDRESS = 'an address, such as 40011 or 10';
const address = z.int(ADDRESS).min(0, ADDRESS).max(500_000, ADDRESS);
const table = z.enum(TABLES, `one of ${TABLES.join(', ')}`);
const NUMBER = 'a number other than 0';
const INVALID = 'a list of whole numbers, such as [0x7FC00000]';
const POINT_UNIT = 'a unit after UCUM, such as Cel';

const point = z
  .strictObject(
    {
      table: table.describe('Where it lies.'),
      address: address.describe('Its first register or its bit, in the numbers that `addressing` says.'),
      type: z
        .enum(POINT_TYPES, `one of ${POINT_TYPES.join(', ')}`)
        .optional()
        .describe('What it is; left out: uint16, and in tables of bits and with `bit` a bool.'),
      bit: whole(0, 15).optional().describe('One bit of a register; 0 is the least significant.'),
      registers: whole(1, 125)
        .optional()
        .describe('Length of a string; it ends at the first NUL, blanks at its end go.'),
      wordOrder: order(WORD_ORDER).optional(),
      byteOrder: order(BYTE_ORDER).optional(),
      scale: z
        .number(NUMBER)
        .refine((value) => value !== 0, NUMBER)
        .optional()
        .describe('The raw number times this is the value, which is then a double.'),
      offset: z.number('a number').optional().describe('Is added after scaling.'),
      invalid: z
        .array(z.union([z.int(INVALID), z.string(INVALID)], INVALID), INVALID)
        .max(16, 'at most 16 patterns')
        .optional()
        .describe('Raw values that mean that there is none: null with BadNoData. Beyond 2^53 as text.'),
      group: z.string('the name of a group').optional().describe('Left out: the first group.'),
      unit: z.string(POINT_UNIT).min(1, POINT_UNIT).max(64, POINT_UNIT).optional().describe('Unit after UCUM.'),
      class: tagClass('that of the unit'),
    },
    'a mapping with `table` and `address`',
  )
  .describe('One value of the device.');

const FORBID = 'the first and the last address, such as [200, 219] or { table: holding, first: 200, last: 219 }';
const GROUPS = 'a mapping of names to intervals, such as { fast: 1s, slow: 60s }';
const GROUP_NAME = 'the name of a group, such as fast';
const INTERVAL = 'an interval of 10ms to 1d, such as 1s';
const POINTS = 'a mapping of names to points, such as { flow: { table: holding, address: 40011 } }';
const POINT_NAME = 'a name of at most 200 characters';

/** A device file. */
export const deviceSchema = z
  .strictObject(
    {
      model: z.string('a name').max(200, 'a name of at most 200 characters').optional().describe('For people.'),
      addressing: z
        .enum(ADDRESSINGS, '`one-based` or `zero-based`')
        .describe(
          '`one-based`: numbers as in most manuals, 40011 or 11 for the eleventh holding register. `zero-based`: addresses as they cross the line, 10.',
        ),
      wordOrder: order(WORD_ORDER).default('big'),
      byteOrder: order(BYTE_ORDER).default('big'),
      maxRegisters: whole(1, 125).default(125).describe('Registers that are read at once, at most.'),
      maxBits: whole(1, 2000).default(2000).describe('Coils or discrete inputs that are read at once, at most.'),
      maxHole: whole(0, 125)
        .default(8)
        .describe('Addresses between two points that are read along although nobody asked for them, at most.'),
      forbid: z
        .array(
          z.union(
            [z.tuple([address, address], FORBID), z.strictObject({ table, first: address, last: address })],
            FORBID,
          ),
          'a list of address ranges',
        )
        .max(1000, 'at most 1,000 ranges')
        .default([])
        .describe('Addresses that are never read, not even between two points.'),
      groups: z
        .record(z.string().min(1, GROUP_NAME).max(64, GROUP_NAME), time(MIN_INTERVAL_MS, DAY_MS, INTERVAL), GROUPS)
        .refine((groups) => Object.keys(groups).length > 0, GROUPS)
        .prefault({ all: '1s' })
        .describe('How often points are read, by name.'),
      points: z
        .record(z.string().max(200, POINT_NAME), point, POINTS)
        .refine((points) => Object.keys(points).length > 0, POINTS)
        .refine((points) => Object.keys(points).length <= 10_000, 'at most 10,000 points')
        .describe('What is read, by the last level of the tag.'),
    },
    'a mapping with `addressing` and `points`',
  )
  .meta({ title: 'Modbus device' });

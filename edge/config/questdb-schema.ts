import { z } from 'zod';
import { secret } from './secret-schema.ts';

/* Form of a QuestDB: of the one beside a gateway's historian, and of the hub's. */

const HTTP = 'an address such as http://127.0.0.1:9000';
const PG = 'an address with a user, such as postgres://admin@127.0.0.1:8812/qdb';
const LANES = 'a whole number from 1 to 8';
const TABLE = 'lower-case letters, digits and underscores, at most 100, such as samples';
const QUESTDB = 'a mapping with `http`, `pg` and `password`';

/** An address of these protocols that holds no password: what stands here is printed and logged. */
function address(expected: string, fits: (url: URL) => boolean): z.ZodType<string, string> {
  return z
    .string(expected)
    .max(1024, expected)
    .refine((text) => URL.canParse(text) && fits(new URL(text)), expected);
}

const isHttp = ({ protocol, pathname, search, password }: URL): boolean =>
  (protocol === 'http:' || protocol === 'https:') && pathname === '/' && search === '' && password === '';

const isPg = ({ protocol, username, password, hostname }: URL): boolean =>
  (protocol === 'postgres:' || protocol === 'postgresql:') && username !== '' && password === '' && hostname !== '';

/** One QuestDB and the table in it. */
export const questdbSchema = z.strictObject(
  {
    http: address(HTTP, isHttp).describe(
      'Where it is written to and read in bulk. With a user name (`http://writer@…`) if HTTP asks for one; never with a password.',
    ),
    pg: address(PG, isPg).describe("Where it answers to PostgreSQL's protocol; never with a password."),
    password: secret.describe(
      'Password of the users in both addresses, read at each connection. A new QuestDB has `admin` with `quest`.',
    ),
    lanes: z
      .int(LANES)
      .min(1, LANES)
      .max(8, LANES)
      .default(2)
      .describe('Requests under way at once. Each takes 18 MB of memory.'),
    table: z
      .string(TABLE)
      .regex(/^[a-z][a-z0-9_]{0,99}$/, TABLE)
      .default('samples')
      .describe(
        'Name of the table of samples, made where it is missing; beside it `<table>_gaps`, and those of a hub `<table>_erasures`.',
      ),
  },
  QUESTDB,
);

/** A checked QuestDB: where it is, and where its password is. */
export type QuestdbConfig = z.output<typeof questdbSchema>;

import { z } from 'zod';
import { MODES, NODE_ID, POLICIES } from '../../connectors/opcua/config.ts';
import { isSegment } from '../core/tag-path.ts';
import { secret } from './secret-schema.ts';
import { tagClass } from './tag-class.ts';

/** Form of the connector kind `opcua`. */

const ENDPOINT = 'an address such as opc.tcp://10.0.0.5:4840';
const ENDPOINT_URL = /^opc\.tcp:\/\/[^\s/?#@]+(?:\/\S*)?$/;
const NODE = 'a node id such as nsu=urn:press;s=Force (the namespace by its URI, not by its index)';
const TAG = 'a tag path below the site, such as pressing/press1/force';
const UNIT = 'a unit after UCUM, such as Cel';
const PATTERN = 'a pattern of browse names, such as Press/** or **/temperature';
const FROM = '`Objects` or a node id such as nsu=urn:press;s=Line1';
const SAMPLING = 'a time of at most 1d, such as 100ms';
const PUBLISHING = 'a time from 10ms to 1h, such as 500ms';
const QUEUE = 'a whole number from 1 to 10000';
const CHANNEL = 'a mapping with `policy` and `mode`, both None or neither';
const SOMETHING = '`nodes`, `browse` or both';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Parts of the schema that all connectors share. */
interface SharedParts {
  readonly name: z.ZodType<string, string>;
  /** A time in ms, written like `30s`. */
  readonly duration: (expected: string) => z.ZodType<number, string>;
}

const text = (expected: string): z.ZodString => z.string(expected).min(1, expected).max(1024, expected);

const tagPath = text(TAG).refine((tag) => tag.split('/').every(isSegment), TAG);

const identity = z
  .strictObject(
    {
      user: text('a user name').describe('User name.'),
      password: secret.describe('Password: never itself in the file. On channels of mode None only on loopback.'),
    },
    'a mapping with `user` and `password`',
  )
  .describe('Who we are to the server. Left out: anonymous.');

const channel = z
  .strictObject(
    {
      policy: z.enum(POLICIES, `one of ${POLICIES.join(', ')}`).describe('Security policy.'),
      mode: z.enum(MODES, `one of ${MODES.join(', ')}`).describe('Whether messages are signed, and encrypted.'),
    },
    CHANNEL,
  )
  .refine(({ policy, mode }) => (policy === 'None') === (mode === 'None'), CHANNEL)
  .describe(
    'Protection of the connection. With a policy other than None the certificate of the server must be trusted: `data/pki/opcua` says which are.',
  );

const node = z.strictObject(
  {
    id: text(NODE)
      .regex(NODE_ID, NODE)
      .describe('Node id: `nsu=`, the URI of its namespace, and `s=`, `i=`, `g=` or `b=` with its identifier.'),
    tag: tagPath.describe('Tag, below the site.'),
    unit: z.string(UNIT).min(1, UNIT).max(64, UNIT).describe('Unit after UCUM.').optional(),
    class: tagClass('standard'),
  },
  'a mapping with `id` and `tag`',
);

const browse = z
  .strictObject(
    {
      from: text(FROM)
        .refine((from) => from === 'Objects' || NODE_ID.test(from), FROM)
        .default('Objects')
        .describe('Where to begin.'),
      include: z
        .array(text(PATTERN), 'a list of patterns')
        .min(1, 'a list of at least one pattern')
        .max(1000, 'at most 1,000 patterns')
        .default(['**'])
        .describe(
          'Which variables: patterns of the browse names below `from`, written as in tags. `*` stands within a name, `**` for any number of names.',
        ),
      prefix: tagPath.optional().describe('Stands before the browse names in the tags.'),
      class: tagClass('standard'),
    },
    'a mapping with `from`, `include` and `prefix`',
  )
  .describe('Variables that are looked for at each connection, at most 50,000 nodes and 32 levels deep.');

/** The schema of one connector of the kind `opcua`. What the gateway adds by itself (`pki`) is not part of it. */
export function opcuaSchema({ name, duration }: SharedParts) {
  const defaults = z
    .strictObject(
      {
        sampling: duration(SAMPLING)
          .refine((ms) => ms <= DAY_MS, SAMPLING)
          .prefault('100ms')
          .describe('How often the server looks at each value; `0ms` is each change, where it can do that.'),
        publishing: duration(PUBLISHING)
          .refine((ms) => ms >= 10 && ms <= HOUR_MS, PUBLISHING)
          .prefault('500ms')
          .describe('How often the server sends what it has seen.'),
        queue: z
          .int(QUEUE)
          .min(1, QUEUE)
          .max(10_000, QUEUE)
          .default(10)
          .describe('Values of a node that the server keeps between two sendings.'),
        discard: z
          .enum(['oldest', 'newest'], '`oldest` or `newest`')
          .default('oldest')
          .describe('Which value goes when the queue is full; its neighbour then has the bit Overflow in its quality.'),
      },
      'a mapping with `sampling`, `publishing`, `queue`, `discard`',
    )
    .prefault({})
    .describe('How the nodes are watched.');
  return z
    .strictObject({
      name: name.describe('Name of the connector, unique; it stands in metrics, events and the ledger.'),
      kind: z.literal('opcua').describe('What the connector speaks.'),
      endpoints: z
        .array(text(ENDPOINT).regex(ENDPOINT_URL, ENDPOINT), `a list of ${ENDPOINT}`)
        .min(1, `at least ${ENDPOINT}`)
        .max(8, 'at most 8 endpoints')
        .describe('Addresses of the server. The first that answers is used.'),
      endpointHost: z
        .literal('keep', '`keep`')
        .default('keep')
        .describe('`keep`: the address above is used, not the host name by which the server calls itself.'),
      channel: channel.prefault({ policy: 'None', mode: 'None' }),
      identity: identity.optional(),
      defaults,
      nodes: z
        .array(node, 'a list of nodes')
        .max(50_000, 'at most 50,000 nodes')
        .optional()
        .describe('Nodes, one by one.'),
      browse: browse.optional(),
      time: z
        .enum(['device', 'ingest'], '`device` or `ingest`')
        .default('device')
        .describe(
          '`device`: the source time stamp, else the server time stamp. `ingest`: always the time of arrival, for servers whose clocks are not to be trusted.',
        ),
    })
    .refine(({ nodes, browse: found }) => nodes !== undefined || found !== undefined, SOMETHING)
    .describe('OPC UA client: subscribes to the nodes of a server.');
}

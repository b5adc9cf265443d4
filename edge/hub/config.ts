import { z } from 'zod';
import { type Address, isLoopback, parseAddress } from '../config/address.ts';
import { type Checked, ordered, placed } from '../config/check.ts';
import { listOf, member } from '../config/document.ts';
import { problemsOf } from '../config/issues.ts';
import { readConfigFile } from '../config/load.ts';
import { formatPath, type Found, quote } from '../config/problem.ts';
import { questdbSchema } from '../config/questdb-schema.ts';
import type { JsonSchema } from '../config/schema.ts';
import { secret } from '../config/secret-schema.ts';
import { readYaml } from '../config/yaml-source.ts';
import { isSegment } from '../core/tag-path.ts';

/* The one schema of hub.yaml. Messages say what was expected; what is wrong is said by `edge/config/problem.ts`, from the value. */

const LISTEN = '127.0.0.1:PORT, [::1]:PORT or localhost:PORT (this version listens on loopback addresses only)';
const BROKER = 'HOST:PORT, such as kafka.example.com:9092';
const GROUP = 'letters, digits, dots, underscores and hyphens, at most 200, such as millrace-hub';
const PREFIX = 'letters, digits, dots, underscores and hyphens, at most 200, such as northmill.';
const SITE = 'a name that can be the first level of a tag, such as northmill';
const TLS = '`true`, or a mapping with `ca`, the file of the certificates to trust';
const MECHANISM = '`plain`, `scram-sha-256` or `scram-sha-512`';
const KAFKA_NAME = /^[A-Za-z0-9._-]{1,200}$/;

const listen = z.string(LISTEN).transform((text, context): Address => {
  const address = parseAddress(text);
  if (address !== undefined && isLoopback(address.host)) return address;
  context.addIssue({ code: 'custom', message: LISTEN, input: text });
  return z.NEVER;
});

const broker = z.string(BROKER).refine((text) => (parseAddress(text)?.port ?? 0) > 0, BROKER);

const kafka = z
  .strictObject(
    {
      brokers: z
        .array(broker, `a list of ${BROKER}`)
        .min(1, `at least one ${BROKER}`)
        .max(32, 'at most 32 brokers')
        .describe('Brokers to ask first; the others of the cluster are found through them.'),
      group: z
        .string(GROUP)
        .regex(KAFKA_NAME, GROUP)
        .default('millrace-hub')
        .describe('Consumer group. Hubs of one group share the topics.'),
      tls: z
        .union(
          [
            z.boolean(TLS),
            z.strictObject({ ca: z.string(TLS).min(1, TLS).describe('PEM file of the certificates to trust.') }, TLS),
          ],
          TLS,
        )
        .default(false)
        .describe('Whether connections are encrypted, and whom to trust; `true`: the authorities that Node knows.'),
      sasl: z
        .strictObject(
          {
            mechanism: z
              .enum(['plain', 'scram-sha-256', 'scram-sha-512'], MECHANISM)
              .describe('How the hub says who it is.'),
            username: z.string('a user name').min(1, 'a user name').describe('User name.'),
            password: secret.describe('Password: never itself in the file.'),
          },
          'a mapping with `mechanism`, `username` and `password`',
        )
        .optional()
        .describe('Who the hub is to the brokers. Left out: nobody in particular.'),
    },
    'a mapping with `brokers`',
  )
  .describe('The Kafka cluster that the gateways mirror to.');

const site = z.strictObject(
  {
    site: z
      .string(SITE)
      .max(64, SITE)
      .refine(isSegment, SITE)
      .describe('Name of the site, as in the configuration of its gateway.'),
    prefix: z
      .string(PREFIX)
      .regex(KAFKA_NAME, PREFIX)
      .describe(
        'Prefix of its topics, as in the link of its gateway. The ACLs of the cluster let that gateway alone write to them.',
      ),
  },
  'a mapping with `site` and `prefix`',
);

const schema = z
  .strictObject(
    {
      version: z.literal(1, '1').describe('Version of this format.'),
      http: z
        .strictObject(
          { listen: listen.prefault('127.0.0.1:8090').describe('Address of HTTP. Port 0 is any free port.') },
          'a mapping with `listen`',
        )
        .prefault({})
        .describe('`/healthz`, `/readyz` and `/metrics`.'),
      kafka,
      sites: z
        .array(site, 'a list of sites')
        .min(1, 'at least one site')
        .max(1000, 'at most 1,000 sites')
        .describe('The sites that are taken over, each under the prefix of its topics.'),
      questdb: questdbSchema.describe('Where their samples go.'),
    },
    'a mapping with `version`, `kafka`, `sites` and `questdb`',
  )
  .meta({ title: 'Configuration of a Millrace hub' });

/** A checked hub.yaml. */
export type HubConfig = z.output<typeof schema>;

/** JSON Schema (draft 2020-12) of hub.yaml. */
export function hubJsonSchema(): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input' }) as JsonSchema;
}

/** Reads and checks hub.yaml: a configuration, or everything that is wrong with it. Throws `config-missing` if it cannot be read at all. */
export async function loadHubConfig(file: string): Promise<Checked<HubConfig>> {
  const text = await readConfigFile(file);
  return typeof text === 'string' ? checkHubConfig(text, file) : { problems: [text] };
}

/** Checks the text of a hub.yaml; `file` is its name for messages. Never throws. */
export function checkHubConfig(text: string, file: string): Checked<HubConfig> {
  const source = readYaml(text);
  const found: Found[] = source.problems.map(({ at, ...rest }) => ({ ...rest, at }));
  if (source.whole) {
    const result = schema.safeParse(source.value);
    if (!result.success) found.push(...problemsOf(result.error.issues, { value: source.value, schema: hubJsonSchema }));
    found.push(...repeated(source.value, 'site'), ...repeated(source.value, 'prefix'));
    if (result.success && found.length === 0) return { config: result.data };
  }
  return { problems: ordered(found.map((problem) => placed(problem, source, file))) };
}

/** Two sites of one prefix would write to the same topics; one site of two prefixes would have each of its samples twice. */
function repeated(document: unknown, key: 'site' | 'prefix'): Found[] {
  const owners = new Map<string, number>();
  return listOf(document, 'sites').flatMap((each, i): Found[] => {
    const name = member(each, key);
    if (typeof name !== 'string') return [];
    const owner = owners.get(name);
    if (owner === undefined) owners.set(name, i);
    if (owner === undefined) return [];
    const by = formatPath(['sites', owner]);
    return [{ path: ['sites', i, key], wrong: `${quote(name)} is already used by ${by}`, expected: 'one of its own' }];
  });
}

import { z } from 'zod';
import type { ModbusConfig } from '../../connectors/modbus/config.ts';
import type { Shift } from '../../historian/analysis/shifts.ts';
import { retentionClass } from '../core/retention/retention.ts';
import { TOPICS as LOG_TOPICS } from '../core/topics.ts';
import { type Address, isLoopback, parseAddress } from './address.ts';
import { historianSchema } from './historian-schema.ts';
import { mappingSchema } from './mapping-schema.ts';
import { mirroredTopics } from './mirrored-topics.ts';
import { modbusShape } from './modbus-schema.ts';
import { opcuaSchema } from './opcua-schema.ts';
import { BYTES, DURATION, parseBytes, parseDuration } from './quantities.ts';
import { siteSchema } from './site-schema.ts';
import { alarmSchema, modelSchema } from './watch-schema.ts';

/*
 * The one schema of the configuration: types, checks, JSON Schema and the reference page come from it.
 * Messages say what was expected; what is wrong is said by `problems.ts`, from the value.
 */

const MIN_LOG_BUDGET_BYTES = 64 * 1024 * 1024;

/** A size in bytes, written like `512MiB`. */
function size(minimum: number, expected: string): z.ZodType<number, string> {
  return z
    .string(expected)
    .regex(BYTES, expected)
    .transform(parsed(parseBytes, minimum, expected));
}

/** A time in ms, written like `30s`. */
function duration(expected: string): z.ZodType<number, string> {
  return z
    .string(expected)
    .regex(DURATION, expected)
    .transform(parsed(parseDuration, 0, expected));
}

function parsed(parse: (text: string) => number | undefined, minimum: number, expected: string) {
  return (text: string, context: z.RefinementCtx): number => {
    const amount = parse(text);
    if (amount !== undefined && amount >= minimum) return amount;
    context.addIssue({ code: 'custom', message: expected, input: text });
    return z.NEVER;
  };
}

const LOOPBACK = '127.0.0.1:PORT, [::1]:PORT or localhost:PORT (this version listens on loopback addresses only)';

/** An address to listen on. `localhost` becomes 127.0.0.1, so that it is one socket and always the same. */
const listen = z.string(LOOPBACK).transform((text, context): Address => {
  const address = parseAddress(text);
  if (address !== undefined && isLoopback(address.host)) {
    return address.host.toLowerCase() === 'localhost' ? { host: '127.0.0.1', port: address.port } : address;
  }
  const wrong = address === undefined ? {} : { wrong: 'is not a loopback address' };
  context.addIssue({ code: 'custom', message: LOOPBACK, input: text, params: wrong });
  return z.NEVER;
});

const BROKER = 'HOST:PORT, such as kafka.example.com:9092';

/** An address to connect to. */
const remote = z.string(BROKER).transform((text, context): Address => {
  const address = parseAddress(text);
  if (address !== undefined && address.port > 0) return address;
  context.addIssue({ code: 'custom', message: BROKER, input: text });
  return z.NEVER;
});

const NAME = 'lower-case letters, digits and hyphens, at most 64, such as floor-1';
const name = z.string(NAME).regex(/^[a-z0-9][a-z0-9-]{0,63}$/, NAME);

const TOPICS = 'a list of at least one MQTT topic mapping';

const mqttBroker = z
  .strictObject({
    name: name.describe('Name of the connector, unique; it stands in metrics, events and the ledger.'),
    kind: z.literal('mqtt-broker').describe('What the connector speaks.'),
    listen: listen
      .prefault('127.0.0.1:1883')
      .describe('Address on which devices connect. Loopback only in this version. Port 0 is any free port.'),
    time: z
      .enum(['device', 'ingest'], '`device` or `ingest`')
      .default('device')
      .describe(
        '`device`: the time in the payload, where the mapping names one. `ingest`: always the time of arrival, for devices whose clocks are not to be trusted.',
      ),
    topics: z
      .array(mappingSchema, TOPICS)
      .min(1, TOPICS)
      .max(1000, 'at most 1,000 topic mappings')
      .describe('What the topics carry. The first mapping that matches a topic is used.'),
  })
  .describe('MQTT broker, built in: devices connect here and publish (MQTT 3.1.1 and 3.1).');

const modbus = z
  .strictObject({
    name: name.describe('Name of the connector, unique; it stands in metrics, events and the ledger.'),
    ...modbusShape,
  })
  .describe('Modbus client: reads the units of a bus in turn.');

const connector = z.discriminatedUnion('kind', [mqttBroker, opcuaSchema({ name, duration }), modbus], {
  error: (issue: z.core.$ZodRawIssue) =>
    issue.code === 'invalid_type' ? 'a mapping with `name` and `kind`' : 'mqtt-broker, opcua or modbus',
});

/** Kafka allows these characters in names of topics, at most 249. */
const TOPIC_NAME = /^[A-Za-z0-9._-]{1,200}$/;
const PREFIX = 'letters, digits, dots, underscores and hyphens, at most 200, such as northmill.';

const link = z
  .strictObject({
    name: name.describe('Name of the link, unique.'),
    to: z
      .strictObject(
        {
          brokers: z
            .array(remote, `a list of ${BROKER}`)
            .min(1, `at least one ${BROKER}`)
            .max(32, 'at most 32 brokers')
            .describe('Brokers to ask first; the others of the cluster are found through them.'),
        },
        'a mapping with `brokers`',
      )
      .optional()
      .describe('The Kafka cluster to mirror to. Left out: the link has no destination yet, and only says so.'),
    topics: mirroredTopics,
    prefix: z
      .union([z.literal(''), z.string(PREFIX).regex(TOPIC_NAME, PREFIX)], PREFIX)
      .default('')
      .describe('Stands before the name of the topic at the destination.'),
  })
  .describe('A mirror of topics in a Kafka cluster, with the same offsets, timestamps, keys, values and headers.');

const RESERVE = 'a size such as 512MiB';
const RETENTION = 'a time of at least 1m, such as 14d';
const MIN_RETENTION_MS = 60_000;

/** What can be said of a topic of the log. */
const retainedTopic = z.strictObject(
  {
    retention: duration(RETENTION)
      .refine((ms) => ms >= MIN_RETENTION_MS, RETENTION)
      .optional()
      .describe(
        'How long records are kept at most, by the time at which they came. Left out: as long as the budget lasts. Size wins: what is younger goes too when there is no room.',
      ),
  },
  'a mapping with `retention`',
);

/** Topics from which state is rebuilt are not among them: they are kept as long as they are needed. */
const retainedTopics: Readonly<Record<string, z.ZodOptional<typeof retainedTopic>>> = Object.fromEntries(
  LOG_TOPICS.filter((topic) => retentionClass(topic) !== 'kept' && !topic.startsWith('__')).map((topic) => [
    topic,
    retainedTopic.optional().describe('How long the topic is kept.'),
  ]),
);

const BUDGET = `a size of at least 64MiB, such as 20GiB`;
const AHEAD = 'a time such as 30s or 5m';

/** The configuration as it stands in the file (`z.input`) and as the gateway uses it (`z.output`): sizes in bytes, times in ms. */
export const configSchema = z
  .strictObject(
    {
      version: z.literal(1, '1').describe('Version of this format.'),
      site: siteSchema,
      data: z
        .string('a folder')
        .min(1, 'a folder')
        .default('./data')
        .describe("The gateway's data folder. A relative path counts from the folder of this file."),
      http: z
        .strictObject(
          {
            listen: listen
              .prefault('127.0.0.1:8080')
              .describe('Address of HTTP. Loopback only in this version. Port 0 is any free port.'),
          },
          'a mapping with `listen`',
        )
        .prefault({})
        .describe('HTTP interface: health, metrics, API.'),
      log: z
        .strictObject(
          {
            budget: size(MIN_LOG_BUDGET_BYTES, BUDGET)
              .prefault('20GiB')
              .describe('Bytes that the log may take on the disk; the oldest data is deleted beyond it.'),
            reserve: size(0, RESERVE)
              .optional()
              .describe(
                'Bytes of the disk that the log leaves to others: when less is free, it gives up data as if its budget were smaller. Left out: the smaller of 512MiB and 2 % of the file system.',
              ),
            topics: z
              .strictObject(retainedTopics, 'a mapping of topics of the log')
              .prefault({})
              .describe('Limits of single topics.'),
          },
          'a mapping with `budget`, `reserve` and `topics`',
        )
        .prefault({})
        .describe('The durable log.'),
      historian: historianSchema({ duration }),
      clock: z
        .strictObject(
          {
            ahead: duration(AHEAD)
              .prefault('5m')
              .describe(
                'A device time that is further ahead of the time of arrival keeps its value and is marked clockSuspect; the historian then uses the time of arrival.',
              ),
          },
          'a mapping with `ahead`',
        )
        .prefault({})
        .describe('What is believed of the clocks of devices.'),
      connectors: z
        .array(connector, 'a list of connectors')
        .max(64, 'at most 64 connectors')
        .prefault([])
        .describe('Where data comes from.'),
      alarms: z
        .array(alarmSchema({ name, duration }), 'a list of alarms')
        .max(5000, 'at most 5,000 alarms')
        .prefault([])
        .describe('What raises an alarm.'),
      models: z
        .array(modelSchema({ name, duration }), 'a list of models')
        .max(64, 'at most 64 models')
        .prefault([])
        .describe('What learns how assets behave.'),
      links: z
        .array(link, 'a list of links')
        .max(16, 'at most 16 links')
        .prefault([])
        .describe('Where data is mirrored to.'),
    },
    'a mapping with `version` and `site`',
  )
  .meta({ title: 'Configuration of a Millrace gateway' });

/** A configuration whose text was checked: sizes in bytes, times in ms, addresses parsed, `data` absolute. Device files are still paths. */
export type ParsedConfig = z.output<typeof configSchema>;
type ParsedConnector = ParsedConfig['connectors'][number];
/** The checked configuration, with the device files and the shifts that it names. */
export type Config = Omit<ParsedConfig, 'connectors' | 'site'> & {
  readonly site: Pick<ParsedConfig['site'], 'name' | 'timezone'> & { readonly shifts: readonly Shift[] };
  readonly connectors: readonly (Exclude<ParsedConnector, { kind: 'modbus' }> | ModbusConfig)[];
};
/** Configuration of one link. */
export type LinkConfig = Config['links'][number];

/** JSON Schema (draft 2020-12) of the configuration file, for editors and the reference page. */
export function configJsonSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, { io: 'input' }) as JsonSchema;
}

/** As much of JSON Schema as `z.toJSONSchema` writes for this schema. */
export interface JsonSchema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

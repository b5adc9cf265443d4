import { z } from 'zod';
import { DECLARED_TYPES } from '../../connectors/payload/mapping-config.ts';
import { tagClass } from './tag-class.ts';

/** Form of a topic mapping: how a payload becomes samples. What its texts say is checked by `mappings.ts`. */

export const FILTER = 'an MQTT topic filter, such as plant/+/state or plant/#';
export const TAG = 'a tag path below the site, such as {1}/{2}/temperature';
export const JSON_PATH = 'a JSON path, such as $.value';
export const TIMEZONE = 'a time zone, such as Europe/Berlin';
export const FIELDS = 'a mapping of JSON paths to `{ tag: … }`';

const TYPE = `one of ${DECLARED_TYPES.join(', ')}`;
const UNIT = 'a unit after UCUM, such as Cel';
const FORMATS = ['iso', 's', 'ms', 'us', 'ns', 'auto'] as const;

const text = (expected: string): z.ZodString => z.string(expected).max(1024, expected);
const type = z
  .enum(DECLARED_TYPES, TYPE)
  .describe(
    'Type of the tag; an integer of 8 to 32 bits is a `long` whose range is checked. Left out: learned from the first value, and a JSON number is a double.',
  );
const unit = z
  .string(UNIT)
  .min(1, UNIT)
  .max(64, UNIT)
  .describe('Unit after UCUM. This version only checks its form: it is not shown yet.');

const field = z.strictObject(
  {
    tag: text(TAG).describe('Tag below `prefix`. `{key}` is the name that a `*` in the JSON path stands for.'),
    type: type.optional(),
    unit: unit.optional(),
    class: tagClass('that of the mapping'),
  },
  'a mapping with `tag`',
);

export const mappingSchema = z.strictObject(
  {
    match: text(FILTER).describe(
      'MQTT topic filter. The levels that its wildcards take are `{1}`, `{2}` … in `tag` and `prefix`.',
    ),
    payload: z
      .enum(['json', 'text'], '`json` or `text`')
      .default('json')
      .describe('What a payload is: JSON, or a text that is one value.'),
    tag: text(TAG)
      .optional()
      .describe(
        'Tag of the one value, below the site. With neither `tag`, `value` nor `fields` the topic is the tag, and members of a structure are its child tags.',
      ),
    value: text(JSON_PATH).optional().describe('JSON path of the one value. Left out: the whole payload.'),
    type: type.optional(),
    unit: unit.optional(),
    class: tagClass('standard; of `fields`, those that name none'),
    prefix: text(TAG).optional().describe('Stands before the tags of `fields`, or in place of the topic.'),
    fields: z
      .record(z.string(), field, FIELDS)
      .optional()
      .describe('Several values in one payload: JSON path to tag. One `*` in a path stands for every name.'),
    time: text(JSON_PATH).optional().describe('JSON path of the time. Left out: the time of arrival.'),
    timeFormat: z
      .enum(FORMATS, `one of ${FORMATS.join(', ')}`)
      .optional()
      .describe(
        'How the time is written; `auto` if left out: a text is ISO 8601, a number goes by its magnitude: below 1e11 s, 1e14 ms, 1e17 µs, else ns.',
      ),
    timezone: text(TIMEZONE)
      .optional()
      .describe('IANA zone of text times that name none; without it they are quarantined (`no-zone`).'),
    quality: text(JSON_PATH).optional().describe('JSON path of the quality. Left out: Good.'),
    qualityFormat: z
      .enum(['status', 'opc-da'], '`status` or `opc-da`')
      .optional()
      .describe('What a number of `quality` is; `status` if left out: a StatusCode, where 1 to 255 are OPC DA’s.'),
    retained: z
      .enum(['flag', 'ignore'], '`flag` or `ignore`')
      .optional()
      .describe(
        '`flag` if left out: retained messages are data, marked `retained` where they have no time of their own. `ignore`: they are not data.',
      ),
  },
  'a mapping with `match`',
);

import { z } from 'zod';
import { DECLARED_TYPES } from '../../connectors/payload/mapping-config.ts';
import { Zone } from '../../connectors/payload/zone.ts';
import { StatusCode } from '../core/status-code.ts';
import { tagClass } from '../config/tag-class.ts';
import { AMBIGUOUS, timeFormatProblem } from './times.ts';

/** How an export of another historian is to be read: the file behind `--map`. */

const COLUMN = 'the name of a column, or its number from 1';
const TYPE = `one of ${DECLARED_TYPES.join(', ')}`;
const NUMBER = 'a number other than 0';
const MATCH = 'a name of the export; `*` stands for any text';
const TAG = 'a tag path below the site, such as utilities/pump{1}/flow';
const QUALITY_WORDS = `one of ${Object.keys(StatusCode).join(', ')}`;
const TIME_FORMAT = '`auto`, `iso`, `s`, `ms`, `us`, `ns` or a pattern such as dd.MM.yyyy HH:mm:ss';

/** Encodings by the names that people use. */
const ENCODINGS = ['utf-8', 'utf-16le', 'windows-1252'] as const;

const column = z.union([z.string(COLUMN).min(1, COLUMN).max(1024, COLUMN), z.int(COLUMN).min(1, COLUMN)], COLUMN);
const quality = z.enum(Object.keys(StatusCode) as (keyof typeof StatusCode)[], QUALITY_WORDS);

const rule = z.strictObject(
  {
    match: z
      .string(MATCH)
      .min(1, MATCH)
      .max(1024, MATCH)
      .describe('Name in the export; what each `*` takes is `{1}`, `{2}` … in `tag`.'),
    tag: z.string(TAG).min(1, TAG).max(1024, TAG).optional().describe('Tag path below the site. Left out: the name.'),
    ignore: z.literal(true, '`true`').optional().describe('Its rows are passed over.'),
    type: z
      .enum(DECLARED_TYPES, TYPE)
      .optional()
      .describe('Type of a tag that Millrace does not know yet. Left out: numbers are doubles.'),
    unit: z
      .string('a unit')
      .min(1, 'a unit')
      .max(64, 'a unit of at most 64 characters')
      .optional()
      .describe('Unit after UCUM.'),
    class: tagClass('standard'),
    scale: z
      .number(NUMBER)
      .refine((scale) => scale !== 0, NUMBER)
      .optional()
      .describe('The value is number × scale + offset.'),
    offset: z.number('a number').optional().describe('See `scale`.'),
  },
  'a mapping with `match`',
);

export const mapSchema = z.strictObject(
  {
    form: z
      .enum(['long', 'wide'], '`long` or `wide`')
      .optional()
      .describe('`long`: a row a sample. `wide`: a row a time, a column a tag. Left out: told by the header.'),
    header: z
      .boolean('`true` or `false`')
      .optional()
      .describe('`false`: the first line is data; columns are then numbers.'),
    skip: z
      .int('a number of lines')
      .min(0, 'a number of lines')
      .max(10_000, 'at most 10,000 lines')
      .optional()
      .describe('Lines before the header.'),
    delimiter: z
      .string('one character')
      .length(1, 'one character')
      .optional()
      .describe('Left out: told by the header.'),
    decimal: z
      .enum(['.', ','], '`.` or `,`')
      .optional()
      .describe('What stands before the decimals of a number; a point if left out.'),
    encoding: z
      .enum(ENCODINGS, `one of ${ENCODINGS.join(', ')}`)
      .optional()
      .describe('`utf-8` if left out; a byte order mark is heeded.'),
    columns: z
      .strictObject(
        {
          tag: column.optional(),
          time: z.union([column, z.array(column).min(1, COLUMN).max(4, COLUMN)], COLUMN).optional(),
          value: column.optional(),
          quality: column.optional(),
        },
        'a mapping of tag, time, value and quality to columns',
      )
      .optional()
      .describe('Where they are not found by their names. `time` may be several columns, such as date and time.'),
    qualitySuffix: z
      .string('a text')
      .min(1, 'a text')
      .optional()
      .describe('In a wide table: what the column of a quality has behind the name of the tag.'),
    timeFormat: z
      .string(TIME_FORMAT)
      .max(100, TIME_FORMAT)
      .refine((format) => timeFormatProblem(format) === undefined, TIME_FORMAT)
      .optional()
      .describe(
        '`auto` if left out: ISO 8601, or a number by its magnitude. Parts of a pattern: yyyy yy MM M MMM dd d HH H hh h mm m ss s f a z.',
      ),
    timezone: z
      .string('a time zone')
      .refine((name) => Zone.named(name) !== undefined, 'a time zone, such as Europe/Berlin')
      .optional()
      .describe('IANA zone of times that name none.'),
    ambiguous: z
      .enum(AMBIGUOUS, `one of ${AMBIGUOUS.join(', ')}`)
      .optional()
      .describe(
        'Which time is meant that clocks show twice when summer time ends. `order` if left out: the first, until the times of the tag go back.',
      ),
    qualityFormat: z
      .enum(['status', 'opc-da'], '`status` or `opc-da`')
      .optional()
      .describe('What a number of a quality is; `status` if left out: a StatusCode, where 1 to 255 are OPC DA’s.'),
    qualities: z
      .record(z.string(), quality, 'a mapping of words to qualities')
      .optional()
      .describe('Words of the export for a quality.'),
    nulls: z
      .record(z.string(), quality, 'a mapping of texts to qualities')
      .optional()
      .describe('Texts that stand in place of a value, and the quality that they mean.'),
    tags: z
      .array(rule, 'a list of names')
      .max(100_000, 'at most 100,000')
      .optional()
      .describe('What the names become; the first that fits counts.'),
    unmapped: z
      .enum(['refuse', 'keep'], '`refuse` or `keep`')
      .optional()
      .describe(
        'Names that no entry of `tags` fits: `refuse`, or `keep` them as tags below the site. `keep` if left out without `tags`, else `refuse`.',
      ),
  },
  'a mapping',
);

/** A checked map. */
export type ImportMap = z.output<typeof mapSchema>;

/** A rule for names. */
export type NameRule = NonNullable<ImportMap['tags']>[number];

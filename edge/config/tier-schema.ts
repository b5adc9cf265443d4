import { z } from 'zod';
import { secret } from './secret-schema.ts';

/** Form of `historian.tier`. */

const TIER = 'a mapping with `folder` or `s3`, and `after`';
const AFTER = 'a time of at least 1d, such as 90d';
const MIN_AFTER_MS = 86_400_000;
const FOLDER = 'a folder';
const ENDPOINT = 'an address such as https://s3.eu-central-1.amazonaws.com';
const BUCKET = 'the name of a bucket';
const PREFIX = 'names with slashes between them, such as northmill/history';
const REGION = 'a region such as eu-central-1';
const KEY = 'the id of a key';

const text = (expected: string): z.ZodString => z.string(expected).min(1, expected).max(1024, expected);

const s3 = z
  .strictObject(
    {
      endpoint: text(ENDPOINT)
        .regex(/^https?:\/\/[^/\s?#]+\/?$/, ENDPOINT)
        .describe('Address of the server, without the bucket.'),
      bucket: text(BUCKET)
        .regex(/^[a-z0-9][a-z0-9.-]{1,62}$/, BUCKET)
        .describe('Name of the bucket, which must be there.'),
      prefix: text(PREFIX)
        .regex(/^[^/\s]+(\/[^/\s]+)*$/, PREFIX)
        .describe('What the names of all objects begin with. Each gateway needs one of its own.'),
      region: text(REGION).prefault('us-east-1').describe('Region; servers that have none take any.'),
      accessKey: text(KEY).describe('Id of the key.'),
      secretKey: secret.describe('The key itself: never in the file.'),
    },
    'a mapping with `endpoint`, `bucket`, `prefix`, `accessKey` and `secretKey`',
  )
  .describe('A bucket of S3, or of a server that speaks the same.');

/** The schema of the cold tier. */
export function tierSchema(duration: (expected: string) => z.ZodType<number, string>) {
  return z
    .strictObject(
      {
        folder: text(FOLDER)
          .optional()
          .describe('A folder, such as one on a file server. A relative path counts from the folder of this file.'),
        s3: s3.optional(),
        after: duration(AFTER)
          .refine((ms) => ms >= MIN_AFTER_MS, AFTER)
          .prefault('90d')
          .describe('Days are put away when their end is so long ago; late samples come after them.'),
      },
      TIER,
    )
    .refine(({ folder, s3: bucket }) => (folder === undefined) !== (bucket === undefined), {
      message: 'either `folder` or `s3`',
    });
}

/** Configuration of the cold tier. */
export type TierConfig = z.output<ReturnType<typeof tierSchema>>;

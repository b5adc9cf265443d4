import path from 'node:path';
import { expect, test } from 'vitest';
import { checkConfig } from './check.ts';

const FOLDER = path.resolve('/etc/millrace');

/** The tier of a configuration that says this of it, or what is wrong. */
function tierOf(yaml: string): unknown {
  const checked = checkConfig(`version: 1\nsite: plant\nhistorian: { tier: ${yaml} }\n`, 'm.yaml', FOLDER);
  if (checked.problems === undefined) return checked.config.historian.tier;
  return checked.problems.map(({ path: where, wrong, expected }) => [where, wrong, expected]);
}

const S3 =
  'endpoint: "https://s3.example.com", bucket: plant, prefix: north/mill, accessKey: AK1, secretKey: { env: S3_KEY }';

test('a folder counts from the folder of the file, and days wait 90 days', () => {
  expect(tierOf('{ folder: ./cold }')).toEqual({ folder: path.join(FOLDER, 'cold'), after: 90 * 86_400_000 });
  expect(tierOf('{ folder: /mnt/share/cold, after: 30d }')).toEqual({
    folder: '/mnt/share/cold',
    after: 30 * 86_400_000,
  });
});

test('a bucket has a prefix and a key that stands elsewhere', () => {
  expect(tierOf(`{ s3: { ${S3} }, after: 1d }`)).toEqual({
    after: 86_400_000,
    s3: {
      endpoint: 'https://s3.example.com',
      bucket: 'plant',
      prefix: 'north/mill',
      region: 'us-east-1',
      accessKey: 'AK1',
      secretKey: { env: 'S3_KEY' },
    },
  });
});

test.each([
  ['{}', 'historian.tier'],
  [`{ folder: x, s3: { ${S3} } }`, 'historian.tier'],
  ['{ folder: x, after: 12h }', 'historian.tier.after'],
  ['{ folder: "" }', 'historian.tier.folder'],
  [`{ s3: { ${S3.replace('https://s3.example.com', 's3.example.com')} } }`, 'historian.tier.s3.endpoint'],
  [`{ s3: { ${S3.replace('north/mill', 'north/mill/')} } }`, 'historian.tier.s3.prefix'],
  [`{ s3: { ${S3.replace('bucket: plant', 'bucket: Plant')} } }`, 'historian.tier.s3.bucket'],
  [`{ s3: { ${S3.replace('{ env: S3_KEY }', 'abc')} } }`, 'historian.tier.s3.secretKey'],
])('%s is refused at its place', (yaml, where) => {
  expect(tierOf(yaml)).toEqual([[where, expect.any(String), expect.any(String)]]);
});

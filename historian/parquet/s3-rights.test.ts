import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requireService } from '../../test/services/require.ts';
import { type S3Server, startS3 } from '../../test/services/s3.ts';
import { HandClock } from '../../edge/core/retention/clock-kit.ts';
import { double, T0, type Tagged, TestFolder } from '../kit/history-kit.ts';
import { LeftBehind } from '../sql/sql-kit.ts';
import { ColdTable, DAY_US } from './cold-table.ts';
import { ColdTier } from './cold-tier.ts';
import { ParquetProcess } from './process.ts';
import { openTierFolder } from './place.ts';
import type { TierFolder } from './tier-folder.ts';
import { TierKeeper } from './tier-keeper.ts';

const s3 = requireService('s3');
const DAY = Math.floor(T0 / DAY_US);
/** What docs/historian.md asks for, but for s3:GetBucketVersioning, which this server grants nobody else, and s3:DeleteObjectVersion, which it does not know. */
const ALL = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:ListBucket', 's3:ListBucketVersions'];
const samples: Tagged[] = Array.from({ length: 400 }, (_, i) => double('site/a', i * 500, i / 8));
const erasure = { tags: ['site/a'], fromUs: DAY * DAY_US, toUs: (DAY + 1) * DAY_US, upTo: { samples: 1000 } };

/** A fault whose detail has these parts in their order. */
const told = (code: string, ...parts: readonly string[]) => ({
  code,
  detail: expect.stringMatching(new RegExp(parts.join('.*'))) as string,
});

describe.skipIf(!s3.available)('a key of S3 that lacks one right', () => {
  const left = new LeftBehind();
  const local = new TestFolder();
  const duckdb = new ParquetProcess();
  let server: S3Server;
  let lives = 0;

  beforeAll(async () => {
    server = await startS3({ accounts: true });
    await left.write(samples, [], []);
  });
  afterAll(async () => {
    await duckdb.close();
    await server[Symbol.asyncDispose]();
    left[Symbol.dispose]();
    local[Symbol.dispose]();
  });

  /** A keeper of the tier below a prefix, with a key that may do all but some things. */
  async function keeperWithout(prefix: string, ...lacking: readonly string[]) {
    const { accessKeyId: accessKey, secretAccessKey: secretKey } = await server.keyWith(
      ALL.filter((right) => !lacking.includes(right)),
    );
    const { endpoint, bucket, region } = server;
    const place = { s3: { endpoint, bucket, prefix, region, accessKey, secretKey } };
    const folder: TierFolder = await openTierFolder(place, local.file(`copies-${lives++}`));
    const table = new ColdTable(folder);
    const tier = new ColdTier({ folder, table, duckdb, scratch: local.file('scratch') });
    const clock = new HandClock(T0 / 1000 + 30 * 86_400_000);
    const keeper = new TierKeeper({ source: left.source, table, tier, afterMs: 0, clock, onDay: () => undefined });
    return { keeper, table, folder };
  }

  test('none of them: days are put away, and erased', async () => {
    const { keeper, table } = await keeperWithout('all');
    await keeper.look();
    expect(table.days).toHaveLength(3);
    await keeper.erase(erasure);
    expect(table.days).toHaveLength(2);
  });

  test.each([
    ['s3:GetObject', 'tier-unreachable', 'GetObject'],
    ['s3:ListBucket', 'tier-unreachable', 'ListObjectsV2'],
    ['s3:PutObject', 'file-unwritable', 'PutObject'],
  ])('%s: nothing is put away, and it is told what was refused and what the key needs', async (right, code, call) => {
    const { keeper } = await keeperWithout('new', right);
    const refusal = told(
      code,
      `s3://plant/new/`,
      `${call} was refused`,
      'AccessDenied',
      'HTTP 403',
      `let the key do ${right}`,
    );
    for (let i = 0; i < 2; i++) await expect(keeper.look()).rejects.toMatchObject(refusal);
    expect(existsSync(path.join(server.folder, 'new/metadata'))).toBe(false);
  });

  test('s3:DeleteObject: days are put away, each once; what stays of old versions is told, and goes when the key may', async () => {
    const { keeper, table } = await keeperWithout('kept', 's3:DeleteObject');
    const refusal = told(
      'tier-leftovers',
      's3://plant/kept/',
      'DeleteObject was refused',
      'let the key do s3:DeleteObject',
    );
    await expect(keeper.look()).rejects.toMatchObject(refusal);
    expect([table.days.length, table.covered === undefined, keeper.written]).toEqual([3, false, 3]);
    const { version } = table;
    await expect(keeper.look()).rejects.toMatchObject(refusal);
    expect([keeper.written, table.version]).toEqual([3, version]);
    await expect(keeper.erase(erasure)).rejects.toMatchObject(
      told('tier-versions-kept', 'DeleteObjectVersion was refused', 'let the key do s3:DeleteObjectVersion'),
    );
    await server.keyWith(ALL);
    await keeper.look();
    // Two versions of three files, and the hint.
    expect(readdirSync(path.join(server.folder, 'kept/metadata'))).toHaveLength(7);
    await keeper.erase(erasure);
    expect(readdirSync(path.join(server.folder, 'kept/data'), { recursive: true })).toHaveLength(4);
  });

  test('a key that is wrong is told as that', async () => {
    const { endpoint, bucket, region, secretAccessKey } = server;
    const open = (accessKey: string, secretKey: string): Promise<TierFolder> =>
      openTierFolder(
        { s3: { endpoint, bucket, prefix: 'p', region, accessKey, secretKey } },
        local.file('copies-none'),
      );
    await expect(new ColdTable(await open('nobody', 'x')).load()).rejects.toMatchObject(
      told('tier-unreachable', 'GetObject was refused', 'InvalidAccessKeyId'),
    );
    await expect(new ColdTable(await open(server.accessKeyId, `${secretAccessKey}!`)).load()).rejects.toMatchObject(
      told('tier-unreachable', 'GetObject was refused', 'SignatureDoesNotMatch'),
    );
  });
});

test('an object that was moved to an archive, which no server here has, is a file that cannot be read, not a place that does not answer', async () => {
  // What Amazon's servers answer: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
  const body =
    "<Error><Code>InvalidObjectState</Code><Message>The operation is not valid for the object's storage class</Message></Error>";
  const http = createServer(
    (_, response) => void response.writeHead(403, { 'content-type': 'application/xml' }).end(body),
  );
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  using local = new TestFolder();
  const endpoint = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const keys = { accessKey: 'a', secretKey: 'b' };
  const place = { s3: { endpoint, bucket: 'plant', prefix: 'p', region: 'eu-central-1', ...keys } };
  const folder = await openTierFolder(place, local.file('copies'));
  await expect(folder.hold('data/x.parquet')).rejects.toMatchObject({
    code: 'tier-unreadable',
    detail: expect.stringMatching(
      /^s3:\/\/plant\/p\/data\/x.parquet: GetObject was refused: InvalidObjectState/,
    ) as string,
  });
  http.close();
});

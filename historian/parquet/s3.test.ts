import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { S3mini } from 's3mini';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runPython } from '../../test/services/python.ts';
import { requireService } from '../../test/services/require.ts';
import { type S3Server, startS3 } from '../../test/services/s3.ts';
import type { Fault } from '../../edge/core/fault.ts';
import { double, lineOf, T0, type Tagged, TestFolder } from '../kit/history-kit.ts';
import { pagesOf, type RawQuery } from '../queries/history.ts';
import { openReadOnly } from '../open-read-only.ts';
import { LeftBehind } from '../sql/sql-kit.ts';
import { ColdDays } from './cold-days.ts';
import { ColdTable, DAY_US } from './cold-table.ts';
import { ColdTier } from './cold-tier.ts';
import type { KeeperState } from './keeper-messages.ts';
import { KeeperProcess } from './keeper-process.ts';
import { ParquetProcess } from './process.ts';
import { S3TierFolder } from './s3-folder.ts';
import { Tier } from './tier.ts';

const s3 = requireService('s3');
const tables = requireService('tables');

const DAY = Math.floor(T0 / DAY_US);
const samples: Tagged[] = Array.from({ length: 400 }, (_, i) => double('site/a', i * 500, i / 8));
const SPAN = { tag: 'site/a', fromUs: DAY * DAY_US, toUs: (DAY + 5) * DAY_US };

/** SIGKILL for the process of ours that runs this file. */
function kill(file: string): void {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ');
  const ours = children.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(file));
  expect(ours).toHaveLength(1);
  process.kill(Number(ours[0]), 'SIGKILL');
}

/** What a folder asks of a client, as one object. */
function folderClient(client: S3mini): ConstructorParameters<typeof S3TierFolder>[0]['client'] {
  return {
    getObjectResponse: (key) => client.getObjectResponse(key),
    putObject: (key, data, type) => client.putObject(key, data, type),
    getPresignedUrl: (method, key, expiresIn) => client.getPresignedUrl(method, key, expiresIn),
    deleteObject: (target) => client.deleteObject(target),
    getBucketVersioning: () => client.getBucketVersioning(),
    listObjects: (...asked) => client.listObjects(...asked),
    getMultipartUploadId: (key, type) => client.getMultipartUploadId(key, type),
    uploadPart: (...part) => client.uploadPart(...part),
    completeMultipartUpload: (...all) => client.completeMultipartUpload(...all),
    abortMultipartUpload: (key, id) => client.abortMultipartUpload(key, id),
  };
}

describe.skipIf(!s3.available)('the cold tier on a server of S3', () => {
  const left = new LeftBehind();
  const local = new TestFolder();
  const duckdb = new ParquetProcess();
  let server: S3Server;

  const folderOf = (prefix: string, cacheBytes?: number): S3TierFolder => {
    const { endpoint, bucket, ...keys } = server;
    return new S3TierFolder({
      client: new S3mini({ ...keys, requestAbortTimeout: 30_000, endpoint: `${endpoint}/${bucket}` }),
      bucket,
      prefix,
      cacheFolder: local.file(`cache-${prefix}`),
      ...(cacheBytes === undefined ? {} : { cacheBytes }),
    });
  };

  beforeAll(async () => {
    server = await startS3();
    await left.write(samples, [], []);
  });
  afterAll(async () => {
    await duckdb.close();
    await server[Symbol.asyncDispose]();
    left[Symbol.dispose]();
    local[Symbol.dispose]();
  });

  /** The days of a table, as a new reader finds them. */
  const reread = async (prefix: string): Promise<ColdTable['days']> => {
    const table = new ColdTable(folderOf(prefix));
    await table.load();
    return table.days;
  };

  test('days go there, and are read from there as from the store', async () => {
    const folder = folderOf('north/mill');
    const table = new ColdTable(folder);
    await table.load();
    const tier = new ColdTier({ folder, table, duckdb, scratch: local.file('scratch') });
    for (const day of [DAY, DAY + 1, DAY + 2, DAY + 2]) await tier.addDay(left.source, day);
    expect(readdirSync(path.join(server.folder, 'north/mill/metadata')).toSorted()).toHaveLength(7);
    const again = new ColdTable(folderOf('north/mill'));
    await again.load();
    expect(again.days).toEqual(table.days);
    const cold = new ColdDays({ folder, table: again, duckdb });
    const tiered = { page: (query: RawQuery) => cold.page({ ...query, topics: ['samples'] }) };
    const history = openReadOnly(left.source);
    const lines = [];
    for await (const page of pagesOf(tiered, SPAN)) lines.push(...page.samples());
    expect(lines.map(lineOf)).toEqual([...history.pageNow(SPAN).samples()].map(lineOf));
    expect(lines).toHaveLength(400);
    history.close();
  });

  test.skipIf(!tables.available)('pyiceberg reads it from there with the same rows and sums', async () => {
    const script = `
import sys
from pyiceberg.table import StaticTable
endpoint, region, key, secret, location = sys.argv[1:]
rows = StaticTable.from_metadata(location, {'s3.endpoint': endpoint, 's3.region': region, 's3.access-key-id': key, 's3.secret-access-key': secret}).scan().to_arrow()
print(rows.num_rows, int(sum(rows['value'].to_pylist())))`;
    const { endpoint, region, accessKeyId, secretAccessKey } = server;
    const location = `s3://${server.bucket}/north/mill/metadata/v4.metadata.json`;
    const args = [endpoint, region, accessKeyId, secretAccessKey, location];
    // This server refuses the checksum mode that Arrow's S3 client asks for unless it need not.
    const env = { AWS_RESPONSE_CHECKSUM_VALIDATION: 'when_required' };
    const { stdout } = await runPython(script, args, '', { environment: 'tables', env });
    expect(stdout.toString().trim()).toBe(`400 ${(399 * 400) / 16}`);
  });

  test('a large file goes in parts, and comes back whole', async () => {
    const folder = folderOf('large');
    const bytes = randomBytes(40 * 1024 * 1024 + 17);
    const file = local.file('large');
    writeFileSync(file, bytes);
    await folder.putFile('data/large', file);
    expect(existsSync(file)).toBe(false);
    const held = await folder.hold('data/large');
    expect(readFileSync(held.file).equals(bytes)).toBe(true);
    held.release();
  });

  test('copies are bounded; what was removed or never was is missing', async () => {
    const folder = folderOf('many', 50_000);
    for (let i = 0; i < 20; i++) await folder.putBytes(`data/${i}`, randomBytes(10_000));
    const held = [];
    for (let i = 0; i < 20; i++) held.push(await folder.hold(`data/${i}`));
    expect(readdirSync(local.file('cache-many'))).toHaveLength(20);
    for (const file of held) file.release();
    expect(readdirSync(local.file('cache-many'))).toHaveLength(5);
    folder.keepOnly(new Set(['data/19']));
    expect(readdirSync(local.file('cache-many'))).toHaveLength(1);
    await folder.remove('data/1');
    await expect(folder.hold('data/1')).rejects.toMatchObject({ code: 'historian-damaged' });
    expect(await folder.getBytes('data/none')).toBeUndefined();
  });

  test('a process of its own keeps it, what is erased is out of it, and another one reads it', async () => {
    const { endpoint, bucket, region, accessKeyId: accessKey, secretAccessKey: secretKey } = server;
    const place = { s3: { endpoint, bucket, prefix: 'kept', region, accessKey, secretKey } };
    const states: KeeperState[] = [];
    const keeper = new KeeperProcess((state) => states.push(state));
    const tier = new Tier({ place: () => Promise.resolve(place), copies: local.file('copies') });
    const job = { source: left.source, place, afterMs: 0, everyMs: 3_600_000, scratch: local.file('kept') };
    const running = keeper.run(job);
    await expect.poll(() => states.at(-1)?.coveredUs ?? null, { timeout: 60_000 }).not.toBeNull();
    expect(states.at(-1)).toMatchObject({ days: 3, rows: 400, problem: null, writing: null });
    const { days, location } = await tier.contents();
    expect([location, days.map(({ rows }) => rows)]).toEqual([
      `s3://${bucket}/kept`,
      (await reread('north/mill')).map(({ rows }) => rows),
    ]);
    const lent = await tier.lend({ fromUs: SPAN.fromUs, toUs: SPAN.toUs });
    expect(lent.files.files.map((file) => existsSync(file))).toEqual([true, true, true]);
    lent.release();
    const toUs = (DAY + 1) * DAY_US;
    await keeper.erase({ tags: ['site/a'], fromUs: SPAN.fromUs, toUs, upTo: { samples: 1000 } });
    await tier.refresh();
    expect((await tier.contents()).days.map(({ day }) => day)).toEqual([DAY + 1, DAY + 2]);
    expect(readdirSync(local.file('copies'))).toHaveLength(2);
    // Nor does the keeper's own copy stay here.
    expect(readdirSync(local.file('kept/copies'))).toEqual([]);
    keeper.stop();
    await running;
    await tier.close();
    expect(existsSync(local.file('copies'))).toBe(false);
  });

  test('processes that are killed are started again, and go on', async () => {
    const place = { folder: local.file('folder') };
    const tier = new Tier({ place: () => Promise.resolve(place), copies: local.file('none'), folder: place.folder });
    const states: KeeperState[] = [];
    const keeper = new KeeperProcess((state) => states.push(state));
    const job = { source: left.source, place, afterMs: 0, everyMs: 3_600_000, scratch: local.file('again') };
    const ended = keeper.run(job).then(
      () => 'by itself',
      (fault: unknown) => (fault as Fault).code,
    );
    await expect.poll(() => states.at(-1)?.writing ?? null, { timeout: 60_000 }).not.toBeNull();
    kill('keeper-child.ts');
    expect(await ended).toBe('worker-failed');
    await expect(keeper.erase({ tags: [], fromUs: 0, toUs: 1, upTo: {} })).rejects.toMatchObject({ code: 'not-ready' });
    const second = keeper.run(job);
    await expect.poll(() => states.at(-1)?.coveredUs ?? null, { timeout: 60_000 }).not.toBeNull();
    expect((await tier.contents()).days).toHaveLength(3);
    kill('tier-child.ts');
    await expect.poll(async () => (await tier.contents()).days.length).toBe(3);
    keeper.stop();
    await second;
    await tier.close();
  });

  test('a bucket that keeps versions keeps nothing of what was erased', async () => {
    await using versioned = await startS3({ versions: true });
    const { endpoint, bucket, ...keys } = versioned;
    const client = new S3mini({ ...keys, endpoint: `${endpoint}/${bucket}` });
    expect(await client.setBucketVersioning('Enabled')).toBe(true);
    const folder = new S3TierFolder({ client, bucket, prefix: 'v', cacheFolder: local.file('cache-versioned') });
    expect(await folder.keepsVersions()).toBe(true);
    expect(await folderOf('v').keepsVersions()).toBe(false);
    const table = new ColdTable(folder);
    await table.load();
    const tier = new ColdTier({ folder, table, duckdb, scratch: local.file('scratch') });
    // The second day is written twice: its first file is an old version by now.
    for (const day of [DAY, DAY + 1, DAY + 1]) await tier.addDay(left.source, day);
    const versions = async (): Promise<string[]> => {
      const found = await client.listObjects('/', 'v/data/', undefined, { versions: true });
      return (found ?? []).map(({ Key }) => Key);
    };
    expect((await versions()).length).toBeGreaterThan(2);
    const erasure = { tags: ['site/a'], fromUs: (DAY + 1) * DAY_US, toUs: (DAY + 2) * DAY_US, upTo: { samples: 1000 } };
    await tier.erase(erasure);
    expect(table.days.map(({ day }) => day)).toEqual([DAY]);
    expect(await versions()).toEqual([`v/${table.days[0]?.name}`]);
    // A key that may not delete versions: the erasure is not done, and says why.
    const bound = {
      ...folderClient(client),
      deleteObject: (target: Parameters<S3mini['deleteObject']>[0]) =>
        typeof target === 'string' ? client.deleteObject(target) : Promise.reject(new Error('AccessDenied')),
    };
    const refused = new S3TierFolder({ client: bound, bucket, prefix: 'v', cacheFolder: local.file('cache-refused') });
    const again = new ColdTable(refused);
    await again.load();
    const denied = new ColdTier({ folder: refused, table: again, duckdb, scratch: local.file('scratch') });
    const all = { ...erasure, fromUs: DAY * DAY_US };
    for (let i = 0; i < 2; i++)
      await expect(denied.erase(all)).rejects.toMatchObject({
        code: 'tier-versions-kept',
        detail: expect.stringContaining('AccessDenied') as string,
      });
    await table.load();
    await tier.erase(all);
    expect(await versions()).toEqual([]);
  });

  test('a bucket that is not there, or a key that nobody knows, is a fault, not an empty tier', async () => {
    const { endpoint, bucket, region, accessKeyId, secretAccessKey } = server;
    const tierAt = (name: string, key: string): S3TierFolder =>
      new S3TierFolder({
        client: new S3mini({ region, accessKeyId: key, secretAccessKey, endpoint: `${endpoint}/${name}` }),
        bucket: name,
        prefix: 'none',
        cacheFolder: local.file('cache-none'),
      });
    expect(await tierAt(bucket, accessKeyId).getBytes('metadata/version-hint.text')).toBeUndefined();
    for (const [name, key] of [
      ['other', accessKeyId],
      [bucket, 'nobody'],
    ] as const)
      await expect(new ColdTable(tierAt(name, key)).load()).rejects.toMatchObject({
        code: 'tier-unreachable',
        detail: `s3://${name}/none: the server has no bucket ${name}, or does not know the access key.`,
      });
  });

  test('a server that is gone is a fault, not a gap', async () => {
    const folder = folderOf('gone');
    await server.kill9();
    await expect(folder.getBytes('data/x')).rejects.toMatchObject({ code: 'tier-unreachable' });
    await expect(folder.putBytes('data/x', new Uint8Array(1))).rejects.toMatchObject({ code: 'file-unwritable' });
  });
});

import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3mini } from 's3mini';
import { type GoProgram, goFile, installGo } from './go-program.ts';
import { type PeerProcess, startPeer } from './peer-process.ts';
import { run } from './run.ts';
import { versitygwModule } from './versions.ts';
import { freePort } from './wait.ts';

/** A server of S3 over a folder, with one bucket. Disposing of it kills the process and removes the folder. */
export interface S3Server extends AsyncDisposable {
  /** `http://host:port`. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The folder whose files are the objects of the bucket. */
  readonly folder: string;
  /** Of a server with accounts: another key, which may from now on do just that in the bucket, such as `s3:GetObject`. */
  keyWith(rights: readonly string[]): Promise<{ readonly accessKeyId: string; readonly secretAccessKey: string }>;
  kill9(): Promise<void>;
}

const host = '127.0.0.1';
const region = 'eu-central-1';
const bucket = 'plant';
const accessKeyId = 'millrace';
const limitedKeyId = 'limited';
const secretAccessKey = 'a secret for tests';
const readyLimitMs = 60_000;

const versitygw: GoProgram = {
  name: 'versitygw',
  module: versitygwModule,
  package: 'github.com/versity/versitygw/cmd/versitygw',
};

/** The program, whether it is installed or not. */
export function versitygwFile(): string {
  return goFile(versitygw);
}

/** Builds it; a minute and a half the first time. Returns whether there was something to do. */
export function installVersitygw(): Promise<boolean> {
  return installGo(versitygw);
}

/** Starts a server on a free loopback port and waits until it answers. `versions`: a bucket can keep versions of its objects; `accounts`: there can be other keys (`keyWith`). */
export async function startS3({ versions = false, accounts = false } = {}): Promise<S3Server> {
  if (!existsSync(versitygwFile())) throw new Error('versitygw is not installed: npm run services:setup installs it');
  const address = `${host}:${await freePort()}`;
  const dir = mkdtempSync(join(tmpdir(), 'millrace-s3-'));
  const folder = join(dir, 'data', bucket);
  const beside = join(dir, 'beside');
  const old = join(dir, 'versions');
  const iam = join(dir, 'iam');
  for (const made of [folder, beside, old, iam]) mkdirSync(made, { recursive: true });
  const kept = versions ? ['--versioning-dir', old] : [];
  const others = accounts ? ['--iam-dir', iam] : [];
  const keys = ['--access', accessKeyId, '--secret', secretAccessKey, '--region', region];
  try {
    const peer: PeerProcess = await startPeer({
      name: 'versitygw',
      file: versitygwFile(),
      // What S3 keeps beside an object lies in files: not every file system has extended attributes.
      args: [
        '--port',
        address,
        ...keys,
        '--health',
        '/health',
        ...others,
        'posix',
        '--sidecar',
        beside,
        ...kept,
        join(dir, 'data'),
      ],
      outputFile: join(dir, 'output.txt'),
      ready: async () => (await fetch(`http://${address}/health`)).ok,
      readyLimitMs,
    });
    const remove = async (): Promise<void> => {
      await peer.kill9();
      rmSync(dir, { recursive: true, force: true });
    };
    const place = { endpoint: `http://${address}`, region, bucket, accessKeyId, secretAccessKey, folder };
    if (accounts) await addAccount(place.endpoint);
    const keyWith = async (rights: readonly string[]): ReturnType<S3Server['keyWith']> => {
      await setPolicy(place.endpoint, rights);
      return { accessKeyId: limitedKeyId, secretAccessKey };
    };
    return { ...place, keyWith, kill9: () => peer.kill9(), [Symbol.asyncDispose]: remove };
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

async function addAccount(endpoint: string): Promise<void> {
  const admin = ['admin', '-a', accessKeyId, '-s', secretAccessKey, '-r', region, '-er', endpoint];
  await run(versitygwFile(), [...admin, 'create-user', '-a', limitedKeyId, '-s', secretAccessKey, '-r', 'user'], {
    limitMs: readyLimitMs,
  });
}

/** What is of the bucket has `Bucket` in its name, everything else is of its objects. */
async function setPolicy(endpoint: string, rights: readonly string[]): Promise<void> {
  const [ofBucket, ofObjects] = [true, false].map((is) => rights.filter((right) => right.includes('Bucket') === is));
  const statement = (Action: readonly string[] = [], place: string): object[] =>
    Action.length === 0
      ? []
      : [{ Effect: 'Allow', Principal: { AWS: [limitedKeyId] }, Action, Resource: [`arn:aws:s3:::${bucket}${place}`] }];
  const policy = { Version: '2012-10-17', Statement: [...statement(ofBucket, ''), ...statement(ofObjects, '/*')] };
  // The client cannot set a policy, but it can sign for it: the bucket is what it takes for a key.
  const url = await new S3mini({ endpoint, region, accessKeyId, secretAccessKey }).getPresignedUrl('PUT', bucket, 60, {
    policy: '',
  });
  const answer = await fetch(url, { method: 'PUT', body: JSON.stringify(policy) });
  if (!answer.ok) throw new Error(`the policy of the bucket: HTTP ${answer.status} ${await answer.text()}`);
}

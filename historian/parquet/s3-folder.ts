import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Fault, type FaultCode } from '../../edge/core/fault.ts';
import { download } from './download.ts';
import { isArchived, isNotImplemented, type S3Call, saidOf } from './s3-calls.ts';
import { DATA, type HeldFile, type PurgedDays, type TierFolder } from './tier-folder.ts';

/** What is asked of a client of S3: those of the package `s3mini` have it. A bucket is fixed with the client; keys are whole. */
interface S3Client {
  /** Null: there is none. */
  getObjectResponse(key: string): Promise<Response | null>;
  putObject(key: string, data: Uint8Array<ArrayBuffer>, type?: string): Promise<unknown>;
  /** An address that is good for so many seconds. */
  getPresignedUrl(method: 'GET', key: string, expiresIn: number): Promise<string>;
  deleteObject(key: string | { readonly key: string; readonly versionId: string }): Promise<unknown>;
  getBucketVersioning(): Promise<'Enabled' | 'Suspended' | 'Off'>;
  /** All that begins so; null: there is no such bucket. */
  listObjects(
    delimiter: string,
    prefix: string,
    maxKeys: undefined,
    options: { versions?: true },
  ): Promise<S3Object[] | null>;
  getMultipartUploadId(key: string, type?: string): Promise<string>;
  uploadPart(key: string, uploadId: string, data: Uint8Array<ArrayBuffer>, partNumber: number): Promise<S3Part>;
  completeMultipartUpload(key: string, uploadId: string, parts: S3Part[]): Promise<unknown>;
  abortMultipartUpload(key: string, uploadId: string): Promise<unknown>;
}

interface S3Object {
  readonly Key: string;
  /** Where versions are listed. */
  readonly VersionId?: string;
  readonly IsLatest?: boolean;
}

interface S3Part {
  partNumber: number;
  etag: string;
}

/** A part of a bucket, and what is needed to work with it. */
export interface S3FolderOptions {
  readonly client: S3Client;
  readonly bucket: string;
  /** What all keys begin with, without a slash at its end. */
  readonly prefix: string;
  /** A folder of this machine for copies; it is emptied at the first use. */
  readonly cacheFolder: string;
  /** Copies are kept up to this size, 2 GiB unless told; but always those that somebody reads. */
  readonly cacheBytes?: number;
}

/** Files are sent in parts of this size, or larger ones: S3 takes 10,000 at most. */
const PART_BYTES = 16 * 1024 * 1024;
const MAX_PARTS = 9000;
const CACHE_BYTES = 2 * 1024 * 1024 * 1024;
/** How long the address of a file is good, s. */
const ADDRESS_S = 3600;
const ANY_TYPE = 'application/octet-stream';

/** The cold tier in a bucket of S3. A file is read from a copy on the local disk: DuckDB's own S3 client is an extension, which does not exist in a plant. */
export class S3TierFolder implements TierFolder {
  readonly isFar = true;
  private readonly options: S3FolderOptions;
  /** Bytes of copies by name, the one used last at the end. */
  private readonly copies = new Map<string, number>();
  private readonly fetching = new Map<string, Promise<string>>();
  /** How many read a copy, by name. */
  private readonly readers = new Map<string, number>();
  private opened = false;

  constructor(options: S3FolderOptions) {
    this.options = options;
  }

  get location(): string {
    return `s3://${this.options.bucket}/${this.options.prefix}`;
  }

  async putFile(name: string, localFile: string): Promise<void> {
    const handle = await fs.promises.open(localFile);
    try {
      const { size } = await handle.stat();
      if (size <= PART_BYTES) await this.putBytes(name, await handle.readFile());
      else await this.writing('PutObject', name, () => this.putParts(this.keyOf(name), handle, size));
    } finally {
      await handle.close();
    }
    fs.rmSync(localFile);
  }

  async putBytes(name: string, bytes: Uint8Array): Promise<void> {
    const key = this.keyOf(name);
    await this.writing('PutObject', name, () => this.options.client.putObject(key, new Uint8Array(bytes), ANY_TYPE));
  }

  async getBytes(name: string): Promise<Uint8Array | undefined> {
    const response = await this.get(name);
    if (response !== null) return await this.reading('GetObject', name, () => response.bytes());
    await this.mustHaveBucket(name);
    return undefined;
  }

  /** Where an object is not there it looks as where there is no bucket, and on some servers as where nobody knows the key: a tier that cannot be read must not pass for an empty one. */
  private async mustHaveBucket(name: string): Promise<void> {
    const { client, bucket } = this.options;
    const listed = await this.reading('ListObjectsV2', name, () =>
      client.listObjects('/', this.keyOf(name), undefined, {}),
    );
    if (listed !== null) return;
    const detail = `${this.location}: the server has no bucket ${bucket}, or does not know the access key.`;
    throw new Fault('tier-unreachable', detail);
  }

  async hold(name: string): Promise<HeldFile> {
    if (!this.opened) fs.rmSync(this.options.cacheFolder, { recursive: true, force: true });
    this.opened = true;
    this.readers.set(name, (this.readers.get(name) ?? 0) + 1);
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      const left = (this.readers.get(name) ?? 1) - 1;
      if (left > 0) this.readers.set(name, left);
      else this.readers.delete(name);
      this.makeRoom();
    };
    try {
      return { file: await this.localCopy(name), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  get localFolder(): string {
    return path.resolve(this.options.cacheFolder);
  }

  keepOnly(names: ReadonlySet<string>): void {
    for (const name of this.copies.keys()) if (!names.has(name)) this.forget(name);
  }

  private async localCopy(name: string): Promise<string> {
    const file = this.copyOf(name);
    const bytes = this.copies.get(name);
    if (bytes !== undefined) {
      this.copies.delete(name);
      this.copies.set(name, bytes);
      return file;
    }
    let fetching = this.fetching.get(name);
    if (fetching === undefined) {
      fetching = this.fetch(name, file).finally(() => this.fetching.delete(name));
      this.fetching.set(name, fetching);
    }
    return await fetching;
  }

  async remove(name: string): Promise<void> {
    await this.writing('DeleteObject', name, () => this.options.client.deleteObject(this.keyOf(name)));
  }

  /** What is left when all was done is told: a lock may keep it. */
  async purge(days: PurgedDays): Promise<void> {
    for (const { Key, VersionId } of await this.unwanted(days)) await this.deleteKept(Key, VersionId);
    const [left] = await this.unwanted(days);
    if (left === undefined) return;
    const detail = `${this.location}: ${left.Key} cannot be deleted (version ${left.VersionId ?? 'none'}).`;
    throw new Fault('tier-versions-kept', detail);
  }

  async keepsVersions(): Promise<boolean | null> {
    try {
      return (await this.options.client.getBucketVersioning()) !== 'Off';
    } catch (error) {
      // Servers that have no versions say so, or know nothing of the question.
      return isNotImplemented(error) ? false : null;
    }
  }

  private async deleteKept(key: string, versionId: string | undefined): Promise<void> {
    const { client } = this.options;
    const call = versionId === undefined ? 'DeleteObject' : 'DeleteObjectVersion';
    await this.calling('tier-versions-kept', call, this.nameOf(key), () =>
      client.deleteObject(versionId === undefined ? key : { key, versionId }),
    );
  }

  private async unwanted({ concerns, keeps }: PurgedDays): Promise<S3Object[]> {
    const { client } = this.options;
    const hasVersions = (await this.keepsVersions()) !== false;
    const call = hasVersions ? 'ListObjectVersions' : 'ListObjectsV2';
    const objects = await this.calling('tier-versions-kept', call, DATA, () =>
      client.listObjects('/', this.keyOf(`${DATA}/`), undefined, hasVersions ? { versions: true } : {}),
    );
    return (objects ?? []).filter(({ Key, IsLatest = true }) => {
      const name = this.nameOf(Key);
      return concerns(name) && !(IsLatest && keeps(name));
    });
  }

  private async putParts(key: string, handle: fs.promises.FileHandle, size: number): Promise<void> {
    const { client } = this.options;
    const partBytes = Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS));
    const id = await client.getMultipartUploadId(key, ANY_TYPE);
    try {
      const parts: S3Part[] = [];
      for (let at = 0; at < size; at += partBytes) {
        const part = new Uint8Array(Math.min(partBytes, size - at));
        await handle.read(part, 0, part.length, at);
        parts.push(await client.uploadPart(key, id, part, parts.length + 1));
      }
      await client.completeMultipartUpload(key, id, parts);
    } catch (error) {
      // Why it failed matters more; parts that stay are removed by the bucket's own rules.
      await client.abortMultipartUpload(key, id).catch(() => undefined);
      throw error;
    }
  }

  private async fetch(name: string, file: string): Promise<string> {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const isThere = await this.reading('GetObject', name, async () => {
      const url = await this.options.client.getPresignedUrl('GET', this.keyOf(name), ADDRESS_S);
      return await download(url, `${file}.tmp`);
    });
    if (!isThere) throw new Fault('historian-damaged', `${this.location}/${name} is missing.`);
    fs.renameSync(`${file}.tmp`, file);
    this.copies.set(name, fs.statSync(file).size);
    this.makeRoom();
    return file;
  }

  /** The copies that were used longest ago go first. */
  private makeRoom(): void {
    const { cacheBytes = CACHE_BYTES } = this.options;
    let total = this.copies.values().reduce((sum, bytes) => sum + bytes, 0);
    for (const [name, bytes] of this.copies) {
      if (total <= cacheBytes) return;
      if (this.readers.has(name)) continue;
      this.forget(name);
      total -= bytes;
    }
  }

  private forget(name: string): void {
    fs.rmSync(this.copyOf(name), { force: true });
    this.copies.delete(name);
  }

  private get(name: string): Promise<Response | null> {
    return this.reading('GetObject', name, () => this.options.client.getObjectResponse(this.keyOf(name)));
  }

  private reading<T>(call: S3Call, name: string, work: () => Promise<T>): Promise<T> {
    return this.calling('tier-unreachable', call, name, work);
  }

  private async writing(call: S3Call, name: string, work: () => Promise<unknown>): Promise<void> {
    await this.calling('file-unwritable', call, name, work);
  }

  private async calling<T>(code: FaultCode, call: S3Call, name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const detail = `${this.location}/${name}: ${saidOf(call, error)}.`;
      throw new Fault(isArchived(error) ? 'tier-unreadable' : code, detail, { cause: error });
    }
  }

  private keyOf(name: string): string {
    return `${this.options.prefix}/${name}`;
  }

  private nameOf(key: string): string {
    return key.slice(this.options.prefix.length + 1);
  }

  private copyOf(name: string): string {
    return path.join(this.localFolder, createHash('sha256').update(name).digest('hex').slice(0, 32) + '.parquet');
  }
}

import { KnownTables, type TablesSeen } from './known-tables.ts';
import { S3TierFolder } from './s3-folder.ts';
import { LocalTierFolder, type TierFolder } from './tier-folder.ts';

/** Where a cold tier lies, as plain data: it crosses to processes of ours, with its keys, over a pipe. */
export type TierPlace = ({ readonly folder: string } | { readonly s3: S3Place }) & {
  /** A file of this machine that says which table is there (`KnownTables`); left out: nobody remembers it. */
  readonly known?: string;
};

interface S3Place {
  /** Such as `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string;
  readonly bucket: string;
  /** What all keys begin with; without a slash at its end. */
  readonly prefix: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** After this long, ms, a request to S3 has failed. */
const S3_TIMEOUT_MS = 30_000;

/** What is remembered of a place. */
export function tablesSeen({ known }: TierPlace): TablesSeen | undefined {
  return known === undefined ? undefined : new KnownTables(known);
}

/** The folder of a place. `cacheFolder`: for copies of what is far away; each process has one of its own. */
export async function openTierFolder(place: TierPlace, cacheFolder: string): Promise<TierFolder> {
  if ('folder' in place) return new LocalTierFolder(place.folder);
  const { endpoint, bucket, prefix, region, accessKey, secretKey } = place.s3;
  const { S3mini } = await import('s3mini');
  const client = new S3mini({
    endpoint: `${endpoint.replace(/\/+$/, '')}/${bucket}`,
    region,
    accessKeyId: accessKey,
    secretAccessKey: secretKey,
    requestAbortTimeout: S3_TIMEOUT_MS,
  });
  return new S3TierFolder({ client, bucket, prefix, cacheFolder });
}

import { messageOf } from '../../edge/core/fault.ts';

/** Calls of S3, and what a key must be allowed for them. */
const RIGHTS = {
  // Without the latter a server refuses also what is not there.
  GetObject: 's3:GetObject and s3:ListBucket',
  PutObject: 's3:PutObject',
  DeleteObject: 's3:DeleteObject',
  DeleteObjectVersion: 's3:DeleteObjectVersion',
  ListObjectsV2: 's3:ListBucket',
  ListObjectVersions: 's3:ListBucketVersions',
} as const;

/** A call of S3. */
export type S3Call = keyof typeof RIGHTS;

/** What a server said when it did not do what it was asked. */
interface S3Answer {
  readonly status: number;
  /** XML with a code and a message; HEAD and some servers have none. */
  readonly body: string | undefined;
}

/** Why a call failed, for people: what the server said, and which right a key lacks that is refused. */
export function saidOf(call: S3Call, error: unknown): string {
  const answer = answerOf(error);
  if (answer === undefined) return `${call}: ${messageOf(error)}`;
  const { status } = answer;
  const [code, message] = ['Code', 'Message'].map((name) => elementOf(answer, name));
  const said = [code, message].filter((part) => part !== undefined).join(', ') || 'no reason given';
  const outcome = status === 401 || status === 403 ? 'was refused' : 'failed';
  // Other codes say that the key is wrong, or the clock, or the place of the object.
  const isOfRights = status === 403 && (code === undefined || code === 'AccessDenied');
  const remedy = isOfRights ? `; let the key do ${RIGHTS[call]}` : '';
  return `${call} ${outcome}: ${said} (HTTP ${status})${remedy}`;
}

/** Whether a server says that it does not know a call. */
export function isNotImplemented(error: unknown): boolean {
  const answer = answerOf(error);
  return answer === undefined
    ? messageOf(error).includes('NotImplemented')
    : answer.status === 501 || elementOf(answer, 'Code') === 'NotImplemented';
}

/** Whether an object is there and only it is not to be had: it lies in an archive. */
export function isArchived(error: unknown): boolean {
  const answer = answerOf(error);
  return answer !== undefined && elementOf(answer, 'Code') === 'InvalidObjectState';
}

/** Errors of `s3mini` have it as members, but where it lists: there it stands in the message. */
function answerOf(error: unknown): S3Answer | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('status' in error && typeof error.status === 'number') {
    const body = 'body' in error && typeof error.body === 'string' ? error.body : undefined;
    return { status: error.status, body };
  }
  const found = /status (\d{3}): .*?err body: ([^]*)$/.exec(error.message);
  return found === null ? undefined : { status: Number(found[1]), body: found[2] };
}

function elementOf({ body = '' }: S3Answer, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]{1,300})</${name}>`).exec(body)?.[1];
}

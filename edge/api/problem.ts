import { catalogue } from '../core/fault-catalogue.ts';
import type { Fault, FaultCode } from '../core/fault.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** A problem document (RFC 9457). `todo`: what the user can do about it. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly todo: string;
}

/** Status of each fault that a request can be at fault for; everything else is the gateway's (500). */
const statuses: Partial<Record<FaultCode, number>> = {
  'request-invalid': 400,
  'time-invalid': 400,
  'aggregate-type': 400,
  'host-refused': 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'tag-unknown': 404,
  'alarm-unknown': 404,
  'alarm-state': 409,
  'log-topic-unknown': 404,
  'link-unknown': 404,
  'not-acceptable': 406,
  'erase-refused': 409,
  'not-ready': 503,
  'sql-invalid': 422,
  'sql-refused': 422,
  'sql-limit': 422,
  'too-many-requests': 429,
  'log-closed': 503,
  'kafka-unreachable': 502,
  'kafka-refused': 502,
  'kafka-protocol': 502,
  'questdb-unreachable': 502,
  'tier-unreachable': 502,
  'questdb-refused': 502,
  'questdb-unauthorized': 502,
};

/** Stable identifier of a fault; `docs/errors.md` lists all of them. */
function problemType(code: FaultCode): string {
  return `urn:millrace:error:${code}`;
}

/** HTTP status of a fault. */
export function statusOf(code: FaultCode): number {
  return statuses[code] ?? 500;
}

/** The fault's problem document. `status` in place of the usual one, for faults of HTTP itself. */
export function problemOf(fault: Fault, status: number = statusOf(fault.code)): Problem {
  const { code, detail, todo } = fault;
  return { type: problemType(code), title: catalogue[code].what, status, detail, todo };
}

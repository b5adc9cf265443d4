import type { TagType, Value, ValueKind } from '../edge/core/sample.ts';
import type { TagClass } from '../edge/core/topics.ts';

/**
 * The connector contract. A connector opens, reads, acknowledges and closes, and nothing else: retry, back-off, supervision, tag names, validation, time, duplicates and
 * metrics are the host's (`edge/intake`), once. `C` is its part of the configuration.
 */
export interface Connector {
  /** Connects or listens. Throws a Fault when that cannot be done now: the host tries again. The signal ends the connector's life. */
  open(signal: AbortSignal): Promise<void>;
  /**
   * The next batch; waits until there is one. The host may ask for the next before it acknowledged the last. Rejects when the connection is lost or `close` was called
   * (then with an AbortError).
   */
  read(): Promise<Batch>;
  /** Ends the connection; what was read and not acknowledged is not acknowledged any more. */
  close(): Promise<void>;
}

/** What one `read` gives: readings in the order of their arrival. */
export interface Batch {
  readonly readings: readonly Reading[];
  /** The host calls this once, when everything that the readings hold is durable (or refused for good, on record). Only now the source may be told. */
  acknowledge(): void;
}

/** One message, answer or notification of a source. */
export type Reading = Message | SourceLost | SourceEvent;

/** Data from a source: samples, or a reason why there are none. */
export interface Message {
  readonly type: 'message';
  /** Who sent it: client id, endpoint, unit. */
  readonly source: string;
  /** Where it stands at the source: topic, node id, register. */
  readonly address: string;
  /** The bytes as they came, for quarantine. */
  readonly original: Uint8Array;
  /** The delivery: lets a resend be told where the device gives no time. */
  readonly delivery?: { readonly packetId: number; readonly resent: boolean };
  readonly values: readonly RawValue[];
  /** Parts that could not be read. A message with neither values nor problems is one that the configuration leaves out: it counts as filtered. */
  readonly problems: readonly Problem[];
}

/** A value as the source gave it, not yet a sample: the host makes the path absolute, checks type, time and duplicates. */
export interface RawValue {
  /** Path below the site, its names escaped (`escapeSegment`). */
  readonly tag: string;
  readonly kind: ValueKind;
  /** May be NaN or infinite: the host makes that null with BadOutOfRange. */
  readonly value: Value;
  /** Type that the configuration declares, else null: learned from the first value. */
  readonly declared: TagType | null;
  readonly unit?: string;
  /** Class that the configuration names; left out: standard. */
  readonly class?: TagClass;
  /** Time of the device, µs (any finite number), or null where it gives none. */
  readonly timeUs: number | null;
  readonly serverTimeUs?: number;
  /** StatusCode; Good where the source says nothing, BadNoData for null. */
  readonly quality: number;
  /** Bits of `Flag` that the source decides: retained, backfilled. */
  readonly flags: number;
  /** The source says that this is its value now, however long it has been so: the first one after a connection. */
  readonly standing?: true;
}

/** Why a payload, or a part of it, gave no value: a reason of quarantine (FORMAT.md). */
export interface Problem {
  readonly reason: QuarantineReason;
  readonly detail: string;
  /** The tag, where it is known (relative, escaped), else the ledger's `(unmapped)`. */
  readonly tag?: string;
}

/** The connection to a source ended without its saying so: each of its tags gets a null sample, BadNoCommunication. */
interface SourceLost {
  readonly type: 'lost';
  readonly source: string;
}

/**
 * Something to be put on record: goes to `events`. `refused`: data that arrived and was not even read (counted in the ledger, one each). `problem`: something is wrong at the
 * source, and no data was refused (a node that it does not have, a cycle that was left out); `reason` says what. The ledger does not count it.
 */
export interface SourceEvent {
  readonly type: 'event';
  readonly event: 'connected' | 'disconnected' | 'refused' | 'problem';
  readonly source: string;
  readonly address?: string;
  readonly bytes?: number;
  readonly reason?: string;
}

/** Reasons of quarantine (FORMAT.md, "Topics"). */
export type QuarantineReason =
  | 'malformed'
  | 'no-mapping'
  | 'no-value'
  | 'no-zone'
  | 'bad-time'
  | 'wrong-type'
  | 'bad-tag'
  | 'tag-too-long'
  | 'case-conflict'
  | 'tag-quota'
  | 'too-large'
  | 'not-finite';

/** Payloads above this go to quarantine unread (`too-large`), bytes. */
export const MAX_PAYLOAD_BYTES = 512_000;

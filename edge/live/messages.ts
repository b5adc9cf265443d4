import type { SharedEnds } from '../core/durable-ends.ts';
import type { FaultMessage } from '../core/fault.ts';
import type { Value, ValueKind } from '../core/sample.ts';

/** The last sample of a tag since the update before. */
export interface LiveItem {
  readonly tag: string;
  /** Effective time, µs: the device's, or the ingest time where its clock is suspect. */
  readonly timeUs: number;
  readonly kind: ValueKind;
  readonly value: Value;
  readonly quality: number;
  readonly flags: number;
}

/** What the worker is started with. */
export interface LiveWorkerData {
  readonly logFolder: string;
  readonly ends: SharedEnds;
  readonly topics: readonly string[];
}

/** What the main thread posts. */
export type LiveCommand =
  | { readonly type: 'subscribe'; readonly id: number; readonly patterns: readonly string[] }
  /** The update before was taken: the next may come. */
  | { readonly type: 'more'; readonly id: number }
  | { readonly type: 'unsubscribe'; readonly id: number }
  | { readonly type: 'stop' };

/** What the worker posts. */
export type LiveNotice =
  | { readonly type: 'update'; readonly id: number; readonly items: readonly LiveItem[] }
  | { readonly type: 'failed'; readonly fault: FaultMessage };

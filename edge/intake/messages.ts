import type { MessagePort } from 'node:worker_threads';
import type { ConnectorConfig } from '../../connectors/registry.ts';
import type { SharedEnds } from '../core/durable-ends.ts';
import type { FaultMessage } from '../core/fault.ts';
import type { LedgerChange } from '../core/ledger.ts';
import type { ProducerPort } from '../core/producer.ts';
import type { OffsetRange } from './batches.ts';
import type { ConnectorState } from './host.ts';

/** What the main thread gives an intake worker at its start: all connectors of one kind, its producer, its line to the dictionary. */
export interface IntakeWorkerData {
  readonly site: string;
  readonly connectors: readonly ConnectorConfig[];
  readonly aheadMs: number;
  readonly logFolder: string;
  readonly ends: SharedEnds;
  readonly producer: ProducerPort;
  readonly tags: MessagePort;
}

/** What an intake worker reports, at most four times a second. */
export interface IntakeReport {
  readonly type: 'report';
  readonly changes: readonly LedgerChange[];
  /** Offsets that these changes cover. */
  readonly ranges: readonly OffsetRange[];
  /** Sources that are connected now, by connector. */
  readonly sources: Readonly<Record<string, number>>;
  /** Samples quarantined, by reason. */
  readonly quarantined: Readonly<Record<string, number>>;
  /** Reading to durable of some batches, seconds. */
  readonly appendSeconds: readonly number[];
  /** How far clocks of devices are ahead, seconds, by source: those that have changed. */
  readonly clockOffsets: Readonly<Record<string, number>>;
}

export type IntakeNotice =
  | IntakeReport
  | { readonly type: 'state'; readonly connector: string; readonly state: ConnectorState }
  | { readonly type: 'ready'; readonly rememberedSamples: number; readonly tookMs: number }
  | { readonly type: 'failed'; readonly fault: FaultMessage }
  /** Something is not as the configuration says; it stands in `events` too. */
  | { readonly type: 'problem'; readonly connector: string; readonly reason: string }
  /** Answer to `flush`: everything before it has been reported. */
  | { readonly type: 'flushed' }
  | { readonly type: 'stopped' };

/** What the main thread posts: `flush` asks for a report at once. */
export type IntakeCommand = { readonly type: 'stop' } | { readonly type: 'flush' };

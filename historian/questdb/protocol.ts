import type { SharedEnds } from '../../edge/core/durable-ends.ts';
import type { FaultMessage } from '../../edge/core/fault.ts';
import type { Positions } from '../../edge/core/progress/snapshot.ts';
import type { TopicGap } from '../../edge/core/reader.ts';
import type { Secret } from '../../edge/core/secret.ts';
import type { LogIdentity } from '../files/manifest.ts';
import type { TableErasure } from './erasures.ts';
import type { QuestdbState } from './feed.ts';

/** What the main thread gives the worker at its start. */
export interface QuestdbWorkerData {
  readonly http: string;
  readonly pg: string;
  readonly password: Secret;
  readonly table: string;
  readonly lanes: number;
  readonly logFolder: string;
  readonly folder: string;
  readonly ends: SharedEnds;
  readonly log: LogIdentity;
  readonly topics: readonly string[];
}

/** What it is told. */
export type QuestdbCommand =
  | { readonly type: 'stop' }
  /** Answered by `erased` or `not-erased` with this number. */
  | { readonly type: 'erase'; readonly id: number; readonly erasure: TableErasure };

/** How far it has come, as it crosses threads. */
export interface QuestdbProgress extends Omit<QuestdbState, 'problem'> {
  readonly problem: FaultMessage | null;
  readonly holds: Positions;
}

/** What it tells. */
export type QuestdbNotice =
  | { readonly type: 'progress'; readonly progress: QuestdbProgress }
  | { readonly type: 'report'; readonly fault: FaultMessage }
  | { readonly type: 'gap'; readonly gap: TopicGap }
  | { readonly type: 'erased'; readonly id: number }
  | { readonly type: 'not-erased'; readonly id: number; readonly fault: FaultMessage }
  /** It ends because of this. */
  | { readonly type: 'failed'; readonly fault: FaultMessage };

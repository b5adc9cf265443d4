import type { SharedEnds } from '../../edge/core/durable-ends.ts';
import type { FaultMessage } from '../../edge/core/fault.ts';
import type { TopicGap } from '../../edge/core/reader.ts';
import type { LinkConfig } from './link-config.ts';
import type { MirrorBefore } from './partition-mirror.ts';
import type { LinkStatus } from './status.ts';
import type { VerifyProgress, VerifyResult } from './verify.ts';
import type { Timing } from './timing.ts';

/** What the main thread gives the worker of a link at its start. */
export interface LinkWorkerData {
  readonly link: LinkConfig;
  readonly logFolder: string;
  readonly logId: string;
  readonly ends: SharedEnds;
  readonly softwareVersion: string;
  readonly paused: boolean;
  /** From the worker before, if it was lost. */
  readonly before: readonly MirrorBefore[];
  readonly timing: Partial<Timing>;
}

/** What the main thread posts. */
export type LinkCommand =
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'stop' }
  | { readonly type: 'verify'; readonly id: number }
  | { readonly type: 'cancel-verify'; readonly id: number };

/** What the worker posts. */
export type LinkNotice =
  | { readonly type: 'gap'; readonly gap: TopicGap }
  | { readonly type: 'status'; readonly status: LinkStatus }
  | { readonly type: 'verify-progress'; readonly id: number; readonly progress: VerifyProgress }
  | { readonly type: 'verified'; readonly id: number; readonly results: readonly VerifyResult[] }
  | { readonly type: 'verify-failed'; readonly id: number; readonly fault: FaultMessage };

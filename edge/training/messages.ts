import type { ModelSpec, Series } from '../../models/model.ts';
import type { FaultMessage } from '../core/fault.ts';

/** What a training is started with. */
export interface TrainingWorkerData {
  readonly spec: ModelSpec;
  readonly series: readonly Series[];
  /** `data/models` */
  readonly folder: string;
  /** Name of the version; it must not be there yet. */
  readonly version: string;
}

/** What the worker posts. */
export type TrainingNotice =
  | { readonly type: 'progress'; readonly done: number }
  | { readonly type: 'trained' }
  | { readonly type: 'failed'; readonly fault: FaultMessage };

import type { MessagePort } from 'node:worker_threads';
import type { ModelSpec } from '../../models/model.ts';
import type { Priority, StandingAlarm } from '../alarms/alarm.ts';
import type { AlarmAction } from '../alarms/book.ts';
import type { OnReturn } from '../alarms/state.ts';
import type { SharedEnds } from '../core/durable-ends.ts';
import type { FaultMessage } from '../core/fault.ts';
import type { ProducerPort } from '../core/producer.ts';
import type { TopicGap } from '../core/reader.ts';

/** A limit alarm as configured. */
export interface LimitAlarm {
  readonly name: string;
  /** Absolute path of the tag. */
  readonly tag: string;
  readonly high?: number | undefined;
  readonly low?: number | undefined;
  readonly deadband: number;
  readonly onDelayMs: number;
  readonly priority: Priority;
  readonly onReturn: OnReturn;
}

/** A model and the alarm that it raises. */
export interface WatchedModel {
  readonly spec: ModelSpec;
  /** Path of the tag of its score, below the site. */
  readonly scoreTag: string;
  readonly priority: Priority;
  readonly onReturn: OnReturn;
}

/** What the worker is started with. */
export interface WatchWorkerData {
  readonly site: string;
  readonly logFolder: string;
  readonly ends: SharedEnds;
  readonly producer: ProducerPort;
  /** Line to the tag dictionary. */
  readonly tags: MessagePort;
  readonly alarms: readonly LimitAlarm[];
  readonly models: readonly WatchedModel[];
  /** `data/models` */
  readonly modelFolder: string;
  /** An earlier worker of this process may have left records on their way. */
  readonly restarted: boolean;
  /** Version by model: these score from the beginning. */
  readonly active: ReadonlyMap<string, string>;
}

/** What the main thread posts. */
export type WatchCommand =
  /** A version of a model is active from now on. */
  | { readonly type: 'activate'; readonly model: string; readonly version: string }
  | { readonly type: 'act'; readonly request: number; readonly alarm: string; readonly action: AlarmAction }
  | { readonly type: 'stop' };

/** The last score of a model. */
export interface ScoreNotice {
  readonly type: 'score';
  readonly model: string;
  /** End of the window, µs. */
  readonly timeUs: number;
  /** Relative to the threshold: beyond 1 is abnormal. */
  readonly score: number;
}

/** Signals of an active model that have no value, so that it does not look; none: it does. */
export interface WaitingNotice {
  readonly type: 'waiting';
  readonly model: string;
  /** Absolute paths. */
  readonly signals: readonly string[];
}

/** New samples that the log does not have; told again after a restart that goes back behind them. */
interface GapNotice {
  readonly type: 'gap';
  readonly gap: TopicGap;
}

/** Records that the worker appended, for the ledger. `tag`: of samples that it made. */
export interface WrittenNotice {
  readonly type: 'written';
  readonly topic: string;
  readonly first: number;
  readonly last: number;
  readonly tag: string | null;
}

/** A record that says nothing about alarms although it should. */
export interface UnreadableNotice {
  readonly type: 'unreadable';
  readonly topic: string;
  readonly offset: number;
  readonly why: string;
}

/** What the worker posts. */
export type WatchNotice =
  /** All alarms that are not NORM. */
  | { readonly type: 'alarms'; readonly items: readonly StandingAlarm[] }
  | { readonly type: 'acted'; readonly request: number; readonly alarm: StandingAlarm | null }
  | { readonly type: 'refused'; readonly request: number; readonly fault: FaultMessage }
  | ScoreNotice
  | WaitingNotice
  | WrittenNotice
  | GapNotice
  /** What the log must keep for the watch: from which offset on, by topic. */
  | { readonly type: 'holds'; readonly holds: Readonly<Record<string, number>> }
  /** A record of the journal or a snapshot is passed over. */
  | UnreadableNotice
  /** A model cannot be loaded or does not work: it scores no more. */
  | { readonly type: 'model-failed'; readonly model: string; readonly fault: FaultMessage }
  /** It ends because of this. */
  | { readonly type: 'failed'; readonly fault: FaultMessage };

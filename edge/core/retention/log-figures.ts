import type { ClockState, LogRetention } from './log-retention.ts';
import type { TopicLog } from '../topic-log.ts';

/** What the writer says of its log once a second. */
export interface LogFigures {
  readonly bytes: number;
  /** So much it may take now: its budget, less where too little of the disk is free. */
  readonly limitBytes: number;
  /** False: consumers hold so much, or so little of the disk is free, that the log cannot keep to its bounds. */
  readonly withinBudget: boolean;
  readonly clock: ClockState;
  /** The last wall time that was believed, ms: at this moment's look, or before the clock came into doubt. 0: nobody has looked yet. */
  readonly believedMs: number;
  readonly topics: readonly TopicFigures[];
  /** By link: bytes that it has not had. */
  readonly linkBytes: Readonly<Record<string, number>>;
}

/** A topic of it. */
interface TopicFigures {
  readonly topic: string;
  readonly bytes: number;
  readonly segments: number;
  /** When its oldest record came, ms; undefined: it has none. */
  readonly oldestMs: number | undefined;
  /** Since the log was opened. */
  readonly appendedBytes: number;
  readonly appendedRecords: number;
}

/** The figures of this moment. */
export function figuresOf(logs: readonly TopicLog[], retention: LogRetention): LogFigures {
  const topics = logs.map(({ topic, bytes, segments, oldestMs, appended }): TopicFigures => {
    return { topic, bytes, segments, oldestMs, appendedBytes: appended.bytes, appendedRecords: appended.records };
  });
  return {
    bytes: topics.reduce((sum, { bytes }) => sum + bytes, 0),
    limitBytes: retention.limitBytes,
    withinBudget: retention.isWithin,
    clock: retention.clockState,
    believedMs: retention.believedMs,
    topics,
    linkBytes: retention.linkBytes,
  };
}

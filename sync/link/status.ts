import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import type { FaultMessage } from '../../edge/core/fault.ts';
import { formatAddress } from '../kafka/address.ts';
import type { LinkConfig } from './link-config.ts';

/**
 * Where the mirror of a topic stands. `connecting` lasts as long as the destination cannot be reached or serve; `failed` ends by `resume` or a start of
 * the gateway alone.
 */
export type MirrorState = 'starting' | 'connecting' | 'mirroring' | 'paused' | 'failed';

/** One topic of a link. */
export interface TopicStatus {
  readonly topic: string;
  /** Name of the topic at the destination. */
  readonly destination: string;
  readonly state: MirrorState;
  /** What it waits for, or why it failed; empty while all is well. */
  readonly detail: string;
  /** Settings of the destination that lose or delay data sooner or later. */
  readonly warnings: readonly string[];
  /** Offset behind the last durable record of the log. */
  readonly sourceEnd: number;
  /** Offset behind the last record that the destination is known to have; undefined before it was asked for the first time. */
  readonly mirrored: number | undefined;
  /** Records that the destination lacks; all that the log has while nothing is known. */
  readonly lagRecords: number;
  /** The last thing that went wrong, also when it is over. */
  readonly lastError: (FaultMessage & { readonly atMs: number }) | undefined;
  /** Kafka's id of the destination topic, where the broker tells it. */
  readonly topicId: string | undefined;
}

export interface LinkStatus {
  readonly name: string;
  /** The state of the topic that is worst off. */
  readonly state: MirrorState;
  /** What that topic waits for, or why it failed; empty while all is well. */
  readonly detail: string;
  /** `host:port` of each broker that is asked first. */
  readonly brokers: readonly string[];
  readonly lagRecords: number;
  readonly topics: readonly TopicStatus[];
}

/** What is known of a topic, with the log's end and the lag of this moment. */
export function measured(known: Omit<TopicStatus, 'sourceEnd' | 'lagRecords'>, ends: DurableEnds): TopicStatus {
  const sourceEnd = ends.end(known.topic);
  const from = known.mirrored ?? ends.start(known.topic);
  return { ...known, sourceEnd, lagRecords: Math.max(0, sourceEnd - from) };
}

const worstFirst: readonly MirrorState[] = ['failed', 'connecting', 'starting', 'paused', 'mirroring'];

/** A link as the sum of its topics. */
export function linkStatus({ name, to }: LinkConfig, topics: readonly TopicStatus[]): LinkStatus {
  const ranked = topics.toSorted((a, b) => worstFirst.indexOf(a.state) - worstFirst.indexOf(b.state));
  const [worst] = ranked;
  return {
    name,
    state: worst?.state ?? 'starting',
    detail: worst?.detail ?? '',
    brokers: to.brokers.map(formatAddress),
    lagRecords: topics.reduce((sum, topic) => sum + topic.lagRecords, 0),
    topics,
  };
}

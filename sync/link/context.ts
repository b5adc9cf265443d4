import type { Clock } from '../../edge/core/clock.ts';
import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import type { TopicGap } from '../../edge/core/reader.ts';
import type { LinkConfig } from './link-config.ts';
import type { Timing } from './timing.ts';

/** What every mirror of a link works with. */
export interface LinkContext {
  readonly link: LinkConfig;
  readonly logFolder: string;
  readonly logId: string;
  readonly ends: DurableEnds;
  /** Told to the brokers. */
  readonly softwareVersion: string;
  readonly clock: Clock;
  /** At least 0, below 1. */
  readonly random: () => number;
  readonly timing: Timing;
  /** Told of damaged records in place of which null records go out; more than once where a session begins again. What retention takes is told by the log. */
  readonly onGap?: (gap: TopicGap) => void;
}

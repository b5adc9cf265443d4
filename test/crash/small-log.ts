import type { Clock } from '../../edge/core/clock.ts';
import type { Disk } from '../../edge/core/disk.ts';
import { DurableEnds } from '../../edge/core/durable-ends.ts';
import type { LogWriterOptions } from '../../edge/core/log-writer.ts';
import type { FaultMessage } from '../../edge/core/fault.ts';
import { TestLogWriter } from '../../edge/core/kit/log-kit.ts';
import type { RecoveryReport } from '../../edge/core/recovery.ts';
import type { TopicLogSizes } from '../../edge/core/topic-log.ts';
import { type Span, Violation } from './promises.ts';

/** Two that are synced with each commit, and one that may wait. */
export const TOPICS = ['samples', 'events', 'derived'] as const;
export const LOG_FOLDER = '/data/log';

/** How small a log is: as small as it can be while all that a large one does still happens. */
export interface Smallness extends TopicLogSizes {
  readonly budgetBytes: number;
  readonly retentionMs: Readonly<Record<string, number>>;
  readonly clock: Clock;
}

/** What is to be known of a log at the moment when it happens. */
export interface Witness {
  /** How far a topic goes is published. */
  readonly published?: (topic: number, span: Span) => void;
  /** A batch is about to be staged; returns the offset that it must get. */
  readonly staged?: (topic: number, batch: Uint8Array, records: number) => number;
  /** Whether a commit leaves out topics that may wait. */
  readonly hurried?: () => boolean;
}

class WatchedEnds extends DurableEnds {
  private readonly witness: Witness;

  constructor(witness: Witness) {
    super(DurableEnds.create(TOPICS).shared);
    this.witness = witness;
  }

  override publish(topic: string, end: number, start?: number): void {
    super.publish(topic, end, start);
    this.witness.published?.(this.topics.indexOf(topic), { start: this.start(topic), end });
  }
}

class WatchedWriter extends TestLogWriter {
  private readonly witness: Witness;

  constructor(options: LogWriterOptions, witness: Witness) {
    super(options);
    this.witness = witness;
  }

  override stage(
    topic: number,
    memory: Uint8Array,
    view: DataView,
    at: number,
    length: number,
    records: number,
  ): number {
    const right =
      this.failed === undefined ? this.witness.staged?.(topic, memory.subarray(at, at + length), records) : undefined;
    const offset = super.stage(topic, memory, view, at, length, records);
    if (right !== undefined && this.failed === undefined && offset !== right)
      throw new Violation(`a batch of ${TOPICS[topic]} gets the offset ${offset} instead of ${right}`);
    return offset;
  }

  override commit(lazy = true): FaultMessage | undefined {
    return super.commit(lazy && this.witness.hurried?.() !== true);
  }
}

/** A log that is open. */
export interface SmallLog {
  readonly writer: TestLogWriter;
  readonly ends: DurableEnds;
  readonly reports: Record<string, RecoveryReport>;
}

/** Opens the log on a disk. */
export function openLog(disk: Disk, smallness: Smallness, stamp: string, witness: Witness = {}): SmallLog {
  const ends = new WatchedEnds(witness);
  const options: LogWriterOptions = {
    disk,
    logFolder: LOG_FOLDER,
    lostAndFound: '/data/lost+found',
    ends,
    newLogId: 'small',
    stamp,
    ...smallness,
  };
  const writer = new WatchedWriter(options, witness);
  return { writer, ends, reports: writer.open() };
}

/** Throws where the two differ. */
export function same(what: string, found: unknown, right: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(right)];
  if (a !== b) throw new Violation(`${what}: ${a?.slice(0, 300)} instead of ${b?.slice(0, 300)}`);
}

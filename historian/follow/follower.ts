import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../edge/core/clock.ts';
import type { Disk } from '../../edge/core/disk.ts';
import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import { Fault } from '../../edge/core/fault.ts';
import { LogReader, type TopicGap } from '../../edge/core/reader.ts';
import type { SharedProgress } from './shared-progress.ts';
import type { SampleSink, TopicProgress } from './sink.ts';
import { TopicFeed } from './topic-feed.ts';

/** What a follower fills: the store, or a sink elsewhere. */
interface Followed extends SampleSink {
  /** How far a topic is; whoever applies its batches moves it. */
  progress(topic: string): TopicProgress;
  /** Offset of the first record of a topic that is not durable here: the log must keep it. */
  savedPosition(topic: string): number;
  /** Samples ever stored. */
  readonly samples: number;
  /** Why it takes nothing any more; undefined: it does. */
  readonly failed: Fault | undefined;
  /** Whether something has waited for long enough to be written out. */
  flushDue(): boolean;
  /** Writes out what there is, and moves the positions. */
  flush(): Promise<void>;
}

/** What a follower needs. */
export interface FollowerOptions {
  readonly store: Followed;
  readonly logFolder: string;
  readonly ends: DurableEnds;
  readonly topics: readonly string[];
  readonly clock: Clock;
  readonly shared: SharedProgress;
  readonly disk?: Disk;
  /** Told of records that the log does not have; again after a restart, where they were not written out as lost. */
  readonly onGap?: (gap: TopicGap) => void;
}

/** Follows topics of the log from where the store's manifest ends, up to the durable end and on. One loop owns the store: it applies, and writes out when the memtable is full or old. */
export class Follower {
  private readonly options: FollowerOptions;
  private feeds: TopicFeed[] = [];
  private woken = false;
  private wakeUp: (() => void) | undefined;
  private watched = -1;
  private readonly flushWanted: (() => void)[] = [];

  constructor(options: FollowerOptions) {
    this.options = options;
  }

  /** Finds its places. Throws `historian-log-differs` if the log ends before the historian does. */
  open(): void {
    const { store, logFolder, ends, topics, disk, onGap } = this.options;
    this.feeds = topics.map((topic) => {
      const progress = store.progress(topic);
      const end = ends.end(topic);
      if (progress.position > end)
        throw new Fault(
          'historian-log-differs',
          `It holds ${topic} up to ${progress.position}, the log ends at ${end}.`,
        );
      const reader = new LogReader({ logFolder, topic, ends, ...(disk === undefined ? {} : { disk }) });
      return new TopicFeed(store, progress, reader, onGap);
    });
    this.publish();
  }

  /** Follows until the signal is aborted; then writes out what is in memory. Throws what stops it: `historian-write-failed`, `log-damaged`. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = (): void => this.wake();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        const seen = this.options.ends.current();
        const moved = await this.step();
        if (this.options.store.flushDue() || this.flushWanted.length > 0) await this.flush();
        if (moved) await nextTurn();
        else await this.idle(seen);
      }
      await this.flush();
    } finally {
      signal.removeEventListener('abort', wake);
      for (const feed of this.feeds) feed.close();
    }
  }

  /** Reads and applies once from each topic. False: nothing new. */
  async step(): Promise<boolean> {
    const { failed } = this.options.store;
    if (failed !== undefined) throw failed;
    let moved = false;
    for (const feed of this.feeds) moved = (await this.stepTopic(feed)) || moved;
    if (moved) this.publish();
    return moved;
  }

  /** Writes out what is in memory. */
  async flush(): Promise<void> {
    const wanted = this.flushWanted.splice(0);
    await this.options.store.flush();
    this.publish();
    for (const resolve of wanted) resolve();
  }

  /** Resolves when what has been applied by now is written out. */
  flushSoon(): Promise<void> {
    this.wake();
    return new Promise((resolve) => this.flushWanted.push(resolve));
  }

  /** Looks again, now: at the log, and whether it is time to write out. */
  wake(): void {
    this.woken = true;
    this.wakeUp?.();
  }

  private async stepTopic(feed: TopicFeed): Promise<boolean> {
    for (;;) {
      const outcome = feed.step(this.options.clock.nowMs());
      if (outcome !== 'full') return outcome === 'moved';
      await this.flush();
    }
  }

  private publish(): void {
    const { store, shared } = this.options;
    for (const { progress } of this.feeds)
      shared.publish(progress.topic, progress.position, store.savedPosition(progress.topic));
    shared.samples = store.samples;
  }

  /** Waits until the log has moved on from `seen`, or `wake`. */
  private async idle(seen: number): Promise<void> {
    if (this.watched !== seen) {
      this.watched = seen;
      void this.watch(seen);
    }
    if (!this.woken) {
      await new Promise<void>((resolve) => {
        this.wakeUp = resolve;
      });
    }
    this.wakeUp = undefined;
    this.woken = false;
  }

  /** One waiter for each generation, however often the loop is woken otherwise. */
  private async watch(seen: number): Promise<void> {
    await this.options.ends.changed(seen);
    this.wake();
  }
}

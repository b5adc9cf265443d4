import type { DurableEnds } from '../core/durable-ends.ts';
import { Fault } from '../core/fault.ts';
import { follow } from '../core/follow.ts';
import type { RecordCursor } from '../core/record-cursor.ts';
import { SampleReader } from '../core/sample-codec.ts';
import { TagMap } from '../core/tag-keys.ts';
import type { LiveItem } from './messages.ts';
import { liveItem, Subscription } from './subscription.ts';

/** Subscriptions of one gateway. */
export const MAX_SUBSCRIPTIONS = 64;

/** What the view needs. */
export interface LiveViewOptions {
  readonly logFolder: string;
  readonly ends: DurableEnds;
  readonly topics: readonly string[];
}

/** New samples for whoever looks on. Reads the log only while somebody does, and from the end on: what is older is the historian's. */
export class LiveView {
  private readonly options: LiveViewOptions;
  private readonly subscriptions = new Map<number, Subscription>();
  private readonly sample = new SampleReader();
  private readonly tags = new TagMap((tag) => tag);
  private following: AbortController | undefined;
  private readonly onFailed: (error: unknown) => void;

  constructor(options: LiveViewOptions, onFailed: (error: unknown) => void) {
    this.options = options;
    this.onFailed = onFailed;
  }

  subscribe(id: number, patterns: readonly string[]): void {
    this.subscriptions.set(id, new Subscription(patterns));
    if (this.following === undefined) this.start();
  }

  unsubscribe(id: number): void {
    this.subscriptions.delete(id);
    if (this.subscriptions.size === 0) this.stop();
  }

  /** The update of this subscription was taken. */
  taken(id: number): void {
    this.subscriptions.get(id)?.taken();
  }

  /** Updates that are due, by subscription. */
  updates(): [id: number, items: LiveItem[]][] {
    return [...this.subscriptions].flatMap(([id, subscription]) => {
      const items = subscription.take();
      return items === undefined ? [] : [[id, items] as [number, LiveItem[]]];
    });
  }

  stop(): void {
    this.following?.abort();
    this.following = undefined;
  }

  private start(): void {
    const { logFolder, ends, topics } = this.options;
    const following = new AbortController();
    this.following = following;
    const from = Object.fromEntries(topics.map((topic) => [topic, ends.end(topic)]));
    const visit = (_topic: string, cursor: RecordCursor): void => this.visit(cursor);
    follow({ logFolder, ends, from, visit, onGap: leaveOut }, following.signal).catch(this.onFailed);
  }

  private visit(cursor: RecordCursor): void {
    if (cursor.keyStart < 0 || cursor.valueStart < 0) return;
    const tag = this.tags.get(cursor);
    let item: LiveItem | undefined;
    for (const subscription of this.subscriptions.values()) {
      if (!subscription.wants(tag)) continue;
      item ??= this.read(tag, cursor);
      if (item === undefined) return;
      subscription.offer(item);
    }
  }

  /** Undefined: not a sample; the historian says so. */
  private read(tag: string, cursor: RecordCursor): LiveItem | undefined {
    try {
      this.sample.read(cursor.data, cursor.valueStart, cursor.valueEnd);
    } catch (error) {
      if (error instanceof Fault && error.code === 'sample-malformed') return undefined;
      throw error;
    }
    return liveItem(tag, cursor, this.sample);
  }
}

/** Whoever looks on now has missed what is not to be had: the next value comes. */
function leaveOut(): void {}

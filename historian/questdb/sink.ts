import type { Sample } from '../../edge/core/sample.ts';
import type { Fault } from '../../edge/core/fault.ts';
import type { Positions } from '../../edge/core/progress/snapshot.ts';
import type { TrailingCursor } from '../../edge/core/progress/trailing-cursor.ts';
import type { LostRange } from '../files/manifest.ts';
import type { SeriesIndex } from '../files/series-index.ts';
import type { SampleSink, TopicProgress } from '../follow/sink.ts';
import type { Delivery } from './delivery.ts';
import { type Erasures, isErased, type TableErasure } from './erasures.ts';

/** What was confirmed, and counts from a time on. */
interface Settling {
  readonly dueMs: number;
  readonly settle: () => Promise<unknown>;
}

/**
 * The log's samples on their way into QuestDB, as a `Follower` gives them: form (c) of progress. What it has taken goes to a delivery; the cursor moves when that has been confirmed, and where
 * the server does not sync its files, some time after.
 */
export class QuestdbSink implements SampleSink {
  readonly delivery: Delivery;
  private readonly cursor: TrailingCursor;
  private readonly settleMs: number;
  private readonly erasures: Pick<Erasures, 'version' | 'of'>;
  /** By series: what of it is not to be sent; of this version of the erasures. */
  private erased: (readonly TableErasure[])[] = [];
  private erasedVersion = -1;
  private readonly topics = new Map<string, TopicProgress>();
  /** Up to where the cursor has been told. */
  private readonly told = new Map<string, number>();
  private readonly settling: Settling[] = [];

  /** The delivery and the cursor are open. */
  constructor(
    delivery: Delivery,
    cursor: TrailingCursor,
    settleMs: number,
    erasures: Pick<Erasures, 'version' | 'of'>,
  ) {
    this.erasures = erasures;
    this.delivery = delivery;
    this.cursor = cursor;
    this.settleMs = settleMs;
  }

  get series(): SeriesIndex {
    return this.delivery.series;
  }

  get full(): boolean {
    return this.delivery.full;
  }

  get failed(): Fault | undefined {
    return this.delivery.failed;
  }

  /** Rows given to the delivery. */
  get samples(): number {
    return this.delivery.rows;
  }

  /** Where a topic goes on; whoever applies its batches moves it. */
  progress(topic: string): TopicProgress {
    const known = this.topics.get(topic);
    if (known !== undefined) return known;
    const position = this.cursor.position(topic);
    const made = { topic, number: this.delivery.topic(topic), position, lastMs: 0, lost: 0 };
    this.topics.set(topic, made);
    this.told.set(topic, position);
    return made;
  }

  append(series: number, timeUs: number, offset: number, sample: Sample, deviceTimeUs: number): void {
    const erased = this.erasedOf(series);
    if (erased.length > 0 && isErased(erased, this.topicOf(series), timeUs, offset)) return;
    this.delivery.add(series, timeUs, offset, sample, deviceTimeUs);
  }

  private erasedOf(series: number): readonly TableErasure[] {
    const { erasures } = this;
    if (this.erasedVersion !== erasures.version) {
      this.erasedVersion = erasures.version;
      this.erased = [];
    }
    return (this.erased[series] ??= erasures.of(this.series.tag(series), this.topicOf(series)));
  }

  private topicOf(series: number): string {
    return this.delivery.topicName(this.series.topic(series));
  }

  lose(range: LostRange): void {
    this.delivery.lose(range);
    const progress = this.topics.get(range.topic);
    if (progress !== undefined) progress.lost += range.last - range.first + 1;
  }

  /** Never: what waits for company is sent by the clock. */
  flushDue(): boolean {
    return false;
  }

  /** Sends what there is; resolves when there is room again. */
  async flush(): Promise<void> {
    this.delivery.push();
    await this.delivery.room();
  }

  /** What the log must keep. */
  savedPosition(topic: string): number {
    return this.holds[topic] ?? 0;
  }

  get holds(): Positions {
    return this.cursor.holds;
  }

  /** Up to where the table is known to have a topic. */
  confirmed(topic: string): number {
    return this.told.get(topic) ?? 0;
  }

  /** The last transaction of the table that is known to be applied. */
  get transaction(): number {
    return this.delivery.transaction;
  }

  /** Has the cursor follow what has been applied by now. Rejects where the delivery has failed. */
  async checkpoint(nowMs: () => number): Promise<void> {
    const moved = [...this.topics.values()].flatMap(({ topic, position }) =>
      position > (this.told.get(topic) ?? 0) && this.cursor.writable(topic) ? [{ topic, position }] : [],
    );
    if (moved.length > 0) {
      await this.delivery.confirm();
      const settled = Promise.withResolvers<void>();
      const delivered = Promise.all(
        moved.map(({ topic, position }) => this.cursor.deliver(topic, position, settled.promise)),
      );
      for (const { topic, position } of moved) this.told.set(topic, position);
      const settle = (): Promise<unknown> => {
        settled.resolve();
        return delivered;
      };
      this.settling.push({ dueMs: nowMs() + this.settleMs, settle });
    }
    while ((this.settling[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= nowMs()) await this.settling.shift()?.settle();
    this.cursor.save();
  }
}

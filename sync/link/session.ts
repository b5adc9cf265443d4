import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../../edge/core/fault.ts';
import type { TopicMetadata } from '../kafka/apis/metadata.ts';
import { KafkaClient } from '../kafka/client.ts';
import type { Producer } from '../kafka/patch.ts';
import type { Bell } from './bell.ts';
import type { LinkContext } from './context.ts';
import { Destination } from './destination.ts';
import { destinationOf, transactionalIdOf } from './link-config.ts';
import { OutgoingBatches } from './outgoing-batches.ts';
import type { Pace } from './pace.ts';
import { reconcile, type Reconciled, type Succession } from './reconcile.ts';
import { MirrorWriter } from './writer.ts';

/** What a mirror knows from one session to the next. */
export interface MirrorMemory {
  /** The destination as it was first seen; its id is undefined where the broker does not tell. */
  topic: { readonly id: string | undefined } | undefined;
  /** Since when a topic that was seen is missing, on the monotonic clock. */
  missingSinceMs: number | undefined;
  /** Our producer in the session before. */
  producer: Producer | undefined;
  /** Where the session before was overtaken by another writer with our own producer id and epoch. */
  usurpedAt: number | undefined;
}

export interface MirrorSessionOptions {
  readonly context: LinkContext;
  readonly topic: string;
  readonly memory: MirrorMemory;
  readonly pace: Pace;
  /** Rung by the log, and by the session's own answers. */
  readonly bell: Bell;
  readonly onWarnings: (warnings: readonly string[]) => void;
  /** The destination equals the log up to its end; from here on it is written to. */
  readonly onMirroring: (writer: MirrorWriter) => void;
}

/** One connection of a mirror to its destination: looks at the topic, fences older owners, compares the tails, and writes until something happens. */
export class MirrorSession {
  private readonly options: MirrorSessionOptions;
  private readonly name: string;

  constructor(options: MirrorSessionOptions) {
    this.options = options;
    this.name = destinationOf(options.context.link, options.topic);
  }

  /**
   * Runs until `leave` is aborted (what is in flight is then finished, as far as the time for it goes) or a new producer id is due. Throws the Fault
   * that ended it; what was sent before may have been written.
   */
  async run(leave: AbortSignal): Promise<void> {
    const { context, topic, pace, onMirroring } = this.options;
    const { link, logFolder, logId, ends, clock, timing, softwareVersion, onGap } = context;
    const client = new KafkaClient({ brokers: link.to.brokers, clientId: `millrace-${link.name}`, softwareVersion });
    const batches = new OutgoingBatches({ logFolder, topic, ends, clock, onGap });
    let writer: MirrorWriter | undefined;
    try {
      const destination = new Destination(client, this.name, { timeoutMs: timing.callMs, signal: leave });
      await this.prepare(destination);
      const producer = await destination.initProducer(transactionalIdOf(logId, link, topic));
      await this.assertNotUsurped(destination);
      const assertOwner = (last: Succession | undefined): void => this.assertOwner(producer, last);
      const found = await reconcile({ destination, logFolder, topic, ends, signal: leave, assertOwner });
      this.options.memory.usurpedAt = undefined;
      writer = new MirrorWriter({
        client,
        to: destination.at,
        // Not ended by `leave`: what is in flight shall come to its end.
        call: { timeoutMs: timing.callMs, signal: new AbortController().signal },
        clock,
        pace,
        end: found.end,
        own: { producer, sequence: 0 },
        predecessor: predecessorOf(producer, found),
        onChange: () => this.options.bell.ring(),
      });
      batches.seek(found.end);
      onMirroring(writer);
      await this.write(destination, writer, batches, leave);
      await this.drain(writer);
    } finally {
      if (writer?.usurpedAt !== undefined) this.options.memory.usurpedAt = writer.usurpedAt;
      client.close();
      batches.close();
      await writer?.drained();
    }
  }

  /** Finds or creates the destination topic and refuses one that is unfit. */
  private async prepare(destination: Destination): Promise<void> {
    let found = await destination.describe();
    if (found === undefined && this.options.memory.topic === undefined) {
      await destination.create();
      found = await destination.describe();
    }
    await this.accept(destination, found);
  }

  /** Refuses another topic than before, and one that is unfit. */
  private async accept(destination: Destination, found: TopicMetadata | undefined): Promise<void> {
    const { warnings } = await destination.judge(this.recognise(found));
    this.options.onWarnings(warnings);
  }

  /** Throws `link-topic-recreated` if the topic is another one than before or has gone, `kafka-busy` while it may only be unknown to a broker that starts. */
  private recognise(topic: TopicMetadata | undefined): TopicMetadata {
    const { memory, context } = this.options;
    if (topic === undefined) {
      const nowMs = context.clock.monotonicMs();
      memory.missingSinceMs ??= nowMs;
      const gone = memory.topic !== undefined && nowMs - memory.missingSinceMs >= context.timing.missingMs;
      if (gone) throw new Fault('link-topic-recreated', `${this.name} is no longer there.`);
      throw new Fault('kafka-busy', `${this.name} is not known to the broker.`);
    }
    memory.missingSinceMs = undefined;
    const before = memory.topic?.id;
    const id = topic.topicId ?? before;
    if (before !== undefined && before !== id) {
      throw new Fault('link-topic-recreated', `${this.name} had the id ${before}, now it has ${id}.`);
    }
    memory.topic = { id };
    return topic;
  }

  /** Throws `link-fenced` if the session before was overtaken by another writer with our own producer id and epoch. */
  private async assertNotUsurped(destination: Destination): Promise<void> {
    const { usurpedAt } = this.options.memory;
    if (usurpedAt === undefined) return;
    if ((await destination.end()) > usurpedAt) {
      throw new Fault(
        'link-fenced',
        `${this.name}: record ${usurpedAt} was written by another owner of our producer id.`,
      );
    }
  }

  /** Throws `link-fenced` if another gateway has written under our id since our last session: it must not lose the link to our reconnecting. */
  private assertOwner(own: Producer, last: Succession | undefined): void {
    const { memory } = this.options;
    const before = memory.producer;
    const writer = last?.producer;
    if (before !== undefined && writer?.id === before.id && writer.epoch > before.epoch) {
      throw new Fault('link-fenced', `${this.name}: epoch ${writer.epoch} wrote last, ours was ${before.epoch}.`);
    }
    memory.producer = own;
  }

  private async write(
    destination: Destination,
    writer: MirrorWriter,
    batches: OutgoingBatches,
    leave: AbortSignal,
  ): Promise<void> {
    const { pace, bell, context } = this.options;
    const { clock, timing } = context;
    const startMs = clock.monotonicMs();
    for (let checkedMs = startMs; ;) {
      if (writer.failure !== undefined) throw writer.failure;
      const nowMs = clock.monotonicMs();
      if (leave.aborted || nowMs - startMs >= timing.sessionMs) return;
      if (nowMs - checkedMs >= timing.checkMs) {
        await this.check(destination, writer);
        checkedMs = clock.monotonicMs();
        continue;
      }
      const isDue = writer.isSucceeding && nowMs - startMs >= timing.successionMs;
      if (isDue && writer.isIdle) writer.useOwnEpoch();
      const holdsBack = isDue && writer.isSucceeding;
      const waitMs = holdsBack ? undefined : pace.waitMs(batches.behind, nowMs);
      const batch = waitMs === 0 ? batches.next(pace.batchBytes, pace.largeBytes) : undefined;
      if (batch !== undefined) writer.send(batch);
      else
        await bell.wait(Math.min(waitMs === 0 ? Infinity : (waitMs ?? Infinity), checkedMs + timing.checkMs - nowMs));
    }
  }

  /** Notices what no answer to a write tells: another topic under the name, settings that were changed, records of somebody else. */
  private async check(destination: Destination, writer: MirrorWriter): Promise<void> {
    await this.accept(destination, await destination.describe());
    if (!writer.isIdle) return;
    const end = await destination.end();
    if (end !== writer.confirmed) {
      throw new Fault('link-unsettled', `${this.name} ends at offset ${end} in place of ${writer.confirmed}.`);
    }
  }

  private async drain(writer: MirrorWriter): Promise<void> {
    const enough = new AbortController();
    const limit = delay(this.options.context.timing.drainMs, undefined, { signal: enough.signal }).catch(
      () => undefined,
    );
    await Promise.race([writer.drained(), limit]);
    enough.abort();
  }
}

/** Whom a new writer goes on as, if that can be told: the owner before us of the same transactional id. */
function predecessorOf(own: Producer, { end, last }: Reconciled): Succession | undefined {
  if (last !== undefined) return last.producer.id === own.id ? last : undefined;
  // Nothing is visible of an owner before us; if it sent anything, then as its first.
  if (end === 0 && own.epoch > 0) return { producer: { id: own.id, epoch: own.epoch - 1 }, sequence: 0 };
  return undefined;
}

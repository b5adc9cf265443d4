import type { Clock } from '../../edge/core/clock.ts';
import { assert, Fault } from '../../edge/core/fault.ts';
import type { KafkaClient, Produced, TopicPartition } from '../kafka/client.ts';
import type { Call } from '../kafka/deadline.ts';
import { type Answer, ErrorCode, isFenced, type KafkaError } from '../kafka/errors.ts';
import { sequenceAfter, setProducer } from '../kafka/patch.ts';
import { faultOf } from './answers.ts';
import type { Outgoing } from './batch-merger.ts';
import type { Pace } from './pace.ts';
import type { Succession } from './reconcile.ts';

/** Kafka before 2.5 answers it where later ones take any sequence number. */
const UNKNOWN_PRODUCER_ID = 59;

export interface MirrorWriterOptions {
  readonly client: KafkaClient;
  readonly to: TopicPartition;
  readonly call: Call;
  readonly clock: Clock;
  readonly pace: Pace;
  /** End of the destination: the first record goes there. */
  readonly end: number;
  readonly own: Succession;
  /** Who wrote the destination's last record; see the class. */
  readonly predecessor: Succession | undefined;
  /** An answer came, or none will. */
  readonly onChange: () => void;
}

/**
 * Writes batches to a destination, several requests in flight, and checks that each one got the offset that it has in the log.
 *
 * **Succession.** What a dead predecessor (an earlier life of this gateway, an earlier connection) sent last may still be under way, or stand beyond
 * the high watermark where nobody sees it; it would be taken as long as no newer epoch has written, and a record of ours with a new epoch would
 * be appended behind it a second time. So a writer first goes on as its predecessor: with the producer id, epoch and next sequence number of the destination's
 * last record. Then a broker takes a record only at the one offset where it belongs, whoever sends it: what comes second is refused
 * (error 45) or recognised as a duplicate. When that time is over and nothing is in flight, the writer goes over to its own epoch,
 * which fences everybody before it.
 */
export class MirrorWriter {
  /** Offset behind the last record that was sent. */
  next: number;
  /** Offset behind the last record that the destination is known to have. */
  confirmed: number;
  /** Set once: nothing more may be sent. */
  failure: unknown;
  /** Another producer wrote at this offset under our own id: see `PartitionMirror`. */
  usurpedAt: number | undefined;
  private readonly options: MirrorWriterOptions;
  private current: Succession;
  private succeeding: boolean;
  private settled: Promise<void> = Promise.resolve();

  constructor(options: MirrorWriterOptions) {
    this.options = options;
    this.next = options.end;
    this.confirmed = options.end;
    this.succeeding = options.predecessor !== undefined;
    this.current = options.predecessor ?? options.own;
  }

  /** Whether it still writes as its predecessor. */
  get isSucceeding(): boolean {
    return this.succeeding;
  }

  /** Whether everything that was sent is confirmed. */
  get isIdle(): boolean {
    return this.confirmed === this.next;
  }

  /** From now on writes with its own epoch; nothing may be in flight. */
  useOwnEpoch(): void {
    assert(this.isIdle, 'nothing is in flight when the producer changes');
    this.succeeding = false;
    this.current = this.options.own;
  }

  /** Sends a batch, which it changes; the answer is looked at when those before it are settled. */
  send(batch: Outgoing): void {
    assert(batch.baseOffset === this.next, 'batches are sent without a hole');
    const { client, to, call, clock, pace } = this.options;
    const { producer, sequence } = this.current;
    setProducer(batch.bytes, producer, sequence);
    this.current = { producer, sequence: sequenceAfter(sequence, batch.records) };
    this.next += batch.records;
    const sentMs = clock.monotonicMs();
    pace.sent(batch.bytes.length, sentMs);
    const answer = client.produce(to, batch.bytes, call);
    answer.then(
      () => pace.answered(batch.bytes.length, clock.monotonicMs() - sentMs),
      () => pace.ended(batch.bytes.length),
    );
    this.settled = this.settled.then(() => this.settle(batch, answer));
  }

  /** Resolves when every answer is there or will not come; `failure` tells how it went. */
  drained(): Promise<void> {
    return this.settled;
  }

  private async settle(batch: Outgoing, answer: Promise<Answer<Produced>>): Promise<void> {
    try {
      const produced = await answer;
      // After a failure only the end of the destination tells what it has.
      if (this.failure === undefined) this.check(batch, produced);
    } catch (error) {
      if (error instanceof Fault && error.code === 'kafka-timeout') this.options.pace.slowDown();
      this.failure ??= error;
    }
    this.options.onChange();
  }

  private check(batch: Outgoing, answer: Answer<Produced>): void {
    const { topic } = this.options.to;
    if (!answer.ok) throw this.refused(batch, answer.error);
    if (answer.baseOffset !== batch.baseOffset) {
      const { baseOffset } = answer;
      throw new Fault('link-unsettled', `${topic}: record ${batch.baseOffset} was given offset ${baseOffset}.`);
    }
    // A broker answers -1 here for a batch that it appended (CreateTime), and the batch's timestamp for one that it had: we send none twice.
    if (answer.logAppendTimeMs !== -1) throw this.usurped(batch, 'was there already');
    this.confirmed = batch.baseOffset + batch.records;
  }

  private refused(batch: Outgoing, error: KafkaError): Fault {
    const { topic } = this.options.to;
    if (isFenced(error.code)) {
      if (!this.succeeding) return new Fault('link-fenced', `${topic}: ${error.name}.`);
      return new Fault('link-unsettled', `${topic}: ${error.name} at offset ${batch.baseOffset}.`);
    }
    if (error.code === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER) return this.usurped(batch, `got ${error.name}`);
    const lost = error.code === UNKNOWN_PRODUCER_ID;
    return faultOf({ ...error, retriable: error.retriable || lost }, `Writing offset ${batch.baseOffset} of ${topic}`);
  }

  private usurped(batch: Outgoing, how: string): Fault {
    if (!this.succeeding) this.usurpedAt = batch.baseOffset;
    return new Fault('link-unsettled', `${this.options.to.topic}: record ${batch.baseOffset} ${how}.`);
  }
}

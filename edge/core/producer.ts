import type { MessagePort } from 'node:worker_threads';
import { Doorbell } from './doorbell.ts';
import { Fault } from './fault.ts';
import { MAX_BATCH_BYTES } from './record-batch.ts';
import { REFUSED, RingInlet } from './ring.ts';

/** How a thread gives record batches to the log. */
export interface Producer {
  /**
   * Appends one encoded batch (base offset 0, `records` records) to a topic. Resolves with its base offset when it is durable; rejects with a Fault when it will not be.
   * The batch's memory is free again when this returns. Batches of one producer are appended in the order of the calls.
   */
  append(topic: string, batch: Uint8Array, records: number): Promise<number>;
  /** Resolves as soon as there is room for a batch: wait for it before making the next one, so that a slow disk slows the sender. */
  writable(): Promise<void>;
  /** Batches under way. */
  readonly pending: number;
  close(): void;
}

/** What a thread needs to give batches to the log: post it there with `life` in the transfer list, and make a `RingProducer` of it. */
export interface ProducerPort {
  readonly ring: SharedArrayBuffer;
  readonly doorbell: SharedArrayBuffer;
  /** Topics by their number in the ring. */
  readonly topics: readonly string[];
  /** The log closes its end when the writer has ended; when this end is closed, by hand or with its thread, the log lets go of the ring. */
  readonly life: MessagePort;
}

interface UnderWay {
  readonly resolve: (baseOffset: number) => void;
  readonly reject: (fault: Fault) => void;
}

interface Overdue extends UnderWay {
  readonly topic: number;
  readonly batch: Uint8Array;
  readonly records: number;
}

/** A producer over a ring of shared memory: batches are copied into it, and answered when the writer has moved on. */
export class RingProducer implements Producer {
  private readonly port: ProducerPort;
  private readonly inlet: RingInlet;
  private readonly doorbell: Doorbell;
  private readonly topics: ReadonlyMap<string, number>;
  private readonly underWay: UnderWay[] = [];
  /** Batches that the ring had no room for: of callers that did not wait for `writable`. */
  private readonly overdue: Overdue[] = [];
  private readonly waiters: (() => void)[] = [];
  private closed = false;

  constructor(port: ProducerPort) {
    this.port = port;
    this.inlet = new RingInlet(port.ring);
    this.doorbell = new Doorbell(port.doorbell);
    this.topics = new Map(port.topics.map((topic, number) => [topic, number]));
  }

  /** Begins to listen for answers. */
  start(): this {
    const { life } = this.port;
    life.on('close', () => {
      this.settle();
      this.fail(new Fault('log-closed', 'The log writer has ended.'));
    });
    life.unref();
    void this.listen();
    return this;
  }

  private async listen(): Promise<void> {
    while (!this.closed) {
      const seen = this.inlet.generation();
      // Looked at before the answers: the last of them are given before the ring is closed.
      const ended = this.inlet.closed;
      this.settle();
      if (ended) this.fail(new Fault('log-closed', 'The log was closed.'));
      else await this.inlet.changed(seen);
    }
  }

  get pending(): number {
    return this.underWay.length + this.overdue.length;
  }

  append(topic: string, batch: Uint8Array, records: number): Promise<number> {
    if (this.closed) return Promise.reject(new Fault('log-closed', `Nothing can be appended to ${topic}.`));
    const number = this.topics.get(topic);
    if (number === undefined) return Promise.reject(new Fault('log-topic-unknown', topic));
    // An answer that is waited for keeps the thread alive.
    if (this.pending === 0) this.port.life.ref();
    return new Promise((resolve, reject) => {
      if (this.overdue.length === 0 && this.inlet.fits(batch.length)) {
        this.inlet.put(number, batch, records);
        this.underWay.push({ resolve, reject });
        this.doorbell.ring();
      } else this.overdue.push({ topic: number, batch: batch.slice(), records, resolve, reject });
    });
  }

  writable(): Promise<void> {
    if (this.closed || this.isWritable) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  /** Whether there is room for a batch now. */
  get isWritable(): boolean {
    return this.overdue.length === 0 && this.inlet.fits(MAX_BATCH_BYTES);
  }

  close(): void {
    this.port.life.close();
    this.fail(new Fault('log-closed', 'The producer was closed.'));
    this.inlet.close();
  }

  private settle(): void {
    const { underWay } = this;
    let settled = 0;
    this.inlet.settle((answer) => {
      const batch = underWay[settled++];
      if (answer === REFUSED) batch?.reject(this.doorbell.refusal());
      else batch?.resolve(answer);
    });
    if (settled === 0) return;
    underWay.splice(0, settled);
    this.catchUp();
    if (this.pending === 0) this.port.life.unref();
    if (this.isWritable) this.wake();
  }

  /** Puts what had to wait into the ring. */
  private catchUp(): void {
    let put = 0;
    for (const batch of this.overdue) {
      if (!this.inlet.fits(batch.batch.length)) break;
      this.inlet.put(batch.topic, batch.batch, batch.records);
      this.underWay.push(batch);
      put++;
    }
    if (put === 0) return;
    this.overdue.splice(0, put);
    this.doorbell.ring();
  }

  private fail(fault: Fault): void {
    if (this.closed) return;
    this.closed = true;
    for (const { reject } of [...this.underWay.splice(0), ...this.overdue.splice(0)]) reject(fault);
    this.port.life.unref();
    this.wake();
  }

  private wake(): void {
    for (const waiter of this.waiters.splice(0)) waiter();
  }
}

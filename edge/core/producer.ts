import type { MessagePort } from 'node:worker_threads';
import { Fault, type FaultMessage, fromFaultMessage } from './fault.ts';

/** How a thread gives record batches to the log. */
export interface Producer {
  /**
   * Appends one encoded batch (base offset 0, `records` records) to a topic. Resolves with its base offset when it is durable; rejects with a Fault when it will not be.
   * The batch's memory is given away. Batches of one producer are appended in the order of the calls.
   */
  append(topic: string, batch: Uint8Array<ArrayBuffer>, records: number): Promise<number>;
  /** Resolves as soon as less than the credit is under way: wait for it before making the next batch, so that a slow disk slows the sender. */
  writable(): Promise<void>;
  /** Batches under way. */
  readonly pending: number;
  close(): void;
}

/** Bytes that one producer may have under way. */
export const PRODUCER_CREDIT_BYTES = 4 * 1024 * 1024;

/** What a producer posts to the log writer. */
export interface AppendRequest {
  readonly topic: string;
  readonly batch: Uint8Array<ArrayBuffer>;
  readonly records: number;
}

/** What the log writer posts back, in the order of the requests: a base offset each, or a fault. */
export type AppendAnswer = readonly (number | FaultMessage)[];

interface UnderWay {
  readonly bytes: number;
  readonly resolve: (baseOffset: number) => void;
  readonly reject: (fault: Fault) => void;
}

/** A producer over a message port: batches are transferred, answers come back in order. */
export class PortProducer implements Producer {
  private readonly port: MessagePort;
  private readonly underWay: UnderWay[] = [];
  private bytes = 0;
  private readonly waiters: (() => void)[] = [];
  private closed = false;

  constructor(port: MessagePort) {
    this.port = port;
  }

  /** Begins to listen for answers. */
  start(): this {
    this.port.on('message', (answer: AppendAnswer) => this.settle(answer));
    this.port.on('close', () => this.fail(new Fault('log-closed', 'The log writer has ended.')));
    return this;
  }

  get pending(): number {
    return this.underWay.length;
  }

  append(topic: string, batch: Uint8Array<ArrayBuffer>, records: number): Promise<number> {
    if (this.closed) return Promise.reject(new Fault('log-closed', `Nothing can be appended to ${topic}.`));
    return new Promise((resolve, reject) => {
      const bytes = batch.length;
      const request: AppendRequest = { topic, batch, records };
      // First: if this throws, no answer will come, and a place in the queue would take that of the next batch.
      this.port.postMessage(request, [batch.buffer]);
      this.underWay.push({ bytes, resolve, reject });
      this.bytes += bytes;
    });
  }

  writable(): Promise<void> {
    if (this.bytes < PRODUCER_CREDIT_BYTES || this.closed) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  close(): void {
    this.port.close();
    this.fail(new Fault('log-closed', 'The producer was closed.'));
  }

  private settle(answer: AppendAnswer): void {
    for (const [i, request] of this.underWay.splice(0, answer.length).entries()) {
      const result = answer[i] ?? { code: 'internal', detail: 'no answer' };
      this.bytes -= request.bytes;
      if (typeof result === 'number') request.resolve(result);
      else request.reject(fromFaultMessage(result));
    }
    if (this.bytes < PRODUCER_CREDIT_BYTES) this.wake();
  }

  private fail(fault: Fault): void {
    this.closed = true;
    for (const request of this.underWay.splice(0)) request.reject(fault);
    this.bytes = 0;
    this.wake();
  }

  private wake(): void {
    for (const waiter of this.waiters.splice(0)) waiter();
  }
}

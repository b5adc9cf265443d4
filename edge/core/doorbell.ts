import { Fault, type FaultMessage, fromFaultMessage } from './fault.ts';

const GENERATION = 0;
const SLEEPING = 1;
const FAULT_BYTES = 2;
const TEXT_AT = 16;
const TEXT_BYTES = 4096;

/** What producers and the log writer share beside the rings: a bell that wakes the writer, and the reason why it writes no more. */
export class Doorbell {
  readonly memory: SharedArrayBuffer;
  private readonly words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.words = new Int32Array(memory, 0, TEXT_AT / 4);
  }

  static create(): Doorbell {
    return new Doorbell(new SharedArrayBuffer(TEXT_AT + TEXT_BYTES));
  }

  /** There is something to do that `sleep` looks for itself, such as a batch in a ring: costs next to nothing while the writer is awake. */
  ring(): void {
    if (Atomics.load(this.words, SLEEPING) !== 0) this.call();
  }

  /** There is something else to do. */
  call(): void {
    Atomics.add(this.words, GENERATION, 1);
    Atomics.notify(this.words, GENERATION);
  }

  /** The generation to give to `sleep`: load it, then look for work, then sleep. */
  generation(): number {
    return Atomics.load(this.words, GENERATION);
  }

  /**
   * Blocks the thread until somebody has called since `seen`, or rung, at most so long; not at all if `isWaiting` says that there is something. It is asked when who rings sees
   * that this thread sleeps: whatever was there before the ring is seen by one of the two.
   */
  sleep(seen: number, limitMs: number, isWaiting: () => boolean): void {
    Atomics.store(this.words, SLEEPING, 1);
    if (!isWaiting()) Atomics.wait(this.words, GENERATION, seen, limitMs);
    Atomics.store(this.words, SLEEPING, 0);
  }

  /** Why batches are refused from now on. Said before the first of them is. */
  refuse(fault: FaultMessage): void {
    if (Atomics.load(this.words, FAULT_BYTES) !== 0) return;
    let { detail } = fault;
    let text = messageBytes(fault.code, detail);
    while (text.length > TEXT_BYTES) {
      detail = detail.slice(0, detail.length / 2);
      text = messageBytes(fault.code, detail);
    }
    new Uint8Array(this.memory, TEXT_AT, TEXT_BYTES).set(text);
    Atomics.store(this.words, FAULT_BYTES, text.length);
  }

  /** Why batches are refused. */
  refusal(): Fault {
    const bytes = Atomics.load(this.words, FAULT_BYTES);
    if (bytes === 0) return new Fault('internal', 'The log writer refused a batch without a reason.');
    // A decoder takes no shared memory.
    const text = new TextDecoder().decode(new Uint8Array(this.memory, TEXT_AT, bytes).slice());
    return fromFaultMessage(JSON.parse(text) as FaultMessage);
  }
}

function messageBytes(code: FaultMessage['code'], detail: string): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ code, detail }));
}

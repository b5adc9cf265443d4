import { assert } from './fault.ts';

/** Bytes of batches that one producer may have under way. */
export const RING_BYTES = 4 * 1024 * 1024;
/** Batches that one producer may have under way. */
export const RING_SLOTS = 16_384;

/** Places in the control part; 64 bytes apart, so that the two ends do not share cache lines. */
const TAIL = 0;
const HEAD = 16;
const GENERATION = 32;
const CLOSED = 48;
const CONTROL_BYTES = 256;
/** A slot: topic, records, first byte, bytes. */
const SLOT_INTS = 4;
const SLOTS_AT = CONTROL_BYTES;
const ANSWERS_AT = SLOTS_AT + RING_SLOTS * SLOT_INTS * 4;
const DATA_AT = ANSWERS_AT + RING_SLOTS * 8;

/** The answer to a batch that will not be durable; the doorbell knows why. */
export const REFUSED = -1;

/**
 * Memory between one producer and the log writer: a ring of bytes, in which encoded batches lie back to back, and a ring of slots that says where each begins. The producer
 * moves the tail when a batch is whole; the writer writes the answer (a base offset) into the slot and moves the head when the batch is durable. The head is thus both the
 * acknowledgement and the room that is free again. Whoever waits for the head waits on a generation, which only grows.
 */
class Ring {
  readonly control: Int32Array;
  readonly slots: Int32Array;
  readonly answers: Float64Array;
  readonly data: Uint8Array<SharedArrayBuffer>;
  readonly view: DataView;

  constructor(memory: SharedArrayBuffer) {
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.slots = new Int32Array(memory, SLOTS_AT, RING_SLOTS * SLOT_INTS);
    this.answers = new Float64Array(memory, ANSWERS_AT, RING_SLOTS);
    this.data = new Uint8Array(memory, DATA_AT, RING_BYTES);
    this.view = new DataView(memory, DATA_AT, RING_BYTES);
  }
}

/** Memory for one ring. */
export function createRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(DATA_AT + RING_BYTES);
}

/** The producer's end. Knows of bytes and slots, not of waiting. */
export class RingInlet {
  private readonly ring: Ring;
  /** Slots published, and answered slots that were taken; both count on and wrap. */
  private tail = 0;
  private settled = 0;
  /** Where the next batch may begin, and where the oldest that is under way does. */
  private next = 0;
  private oldest = 0;

  constructor(memory: SharedArrayBuffer) {
    this.ring = new Ring(memory);
  }

  /** Batches under way. */
  get pending(): number {
    return (this.tail - this.settled) >>> 0;
  }

  /** Whether a batch of so many bytes has room now. */
  fits(bytes: number): boolean {
    return this.placeFor(bytes) >= 0;
  }

  /** Where a batch may lie in one piece, or -1. While nothing is under way it is the beginning: little memory is touched as long as little is under way. */
  private placeFor(bytes: number): number {
    assert(bytes > 0 && bytes < RING_BYTES, 'a batch is smaller than the ring');
    if (this.pending === 0) return 0;
    if (this.pending === RING_SLOTS) return -1;
    const { next, oldest } = this;
    if (next <= oldest) return oldest - next > bytes ? next : -1;
    if (RING_BYTES - next >= bytes) return next;
    return oldest > bytes ? 0 : -1;
  }

  /** Puts a batch into the ring, for which there is room. */
  put(topic: number, batch: Uint8Array, records: number): void {
    const { ring } = this;
    const start = this.placeFor(batch.length);
    assert(start >= 0, 'there is room in the ring');
    if (this.pending === 0) this.oldest = start;
    ring.data.set(batch, start);
    const slot = (this.tail % RING_SLOTS) * SLOT_INTS;
    ring.slots[slot] = topic;
    ring.slots[slot + 1] = records;
    ring.slots[slot + 2] = start;
    ring.slots[slot + 3] = batch.length;
    this.next = start + batch.length;
    this.tail = (this.tail + 1) >>> 0;
    Atomics.store(ring.control, TAIL, this.tail | 0);
  }

  /** Calls with each new answer, in the order of the batches: a base offset or `REFUSED`. */
  settle(answered: (answer: number) => void): void {
    const { ring } = this;
    const head = Atomics.load(ring.control, HEAD) >>> 0;
    while (this.settled !== head) {
      const answer = ring.answers[this.settled % RING_SLOTS] ?? REFUSED;
      this.settled = (this.settled + 1) >>> 0;
      answered(answer);
    }
    if (this.pending > 0) this.oldest = ring.slots[(this.settled % RING_SLOTS) * SLOT_INTS + 2] ?? 0;
  }

  /** The generation to give to `changed`: load it, then settle, then wait. */
  generation(): number {
    return Atomics.load(this.ring.control, GENERATION);
  }

  /** Resolves when there may be new answers. Does not keep the thread alive. */
  async changed(seen: number): Promise<void> {
    const outcome = Atomics.waitAsync(this.ring.control, GENERATION, seen);
    if (outcome.async) await outcome.value;
  }

  /** Whether the writer answers no more. */
  get closed(): boolean {
    return Atomics.load(this.ring.control, CLOSED) !== 0;
  }

  /** Ends a wait in `changed`. */
  close(): void {
    wake(this.ring.control);
  }
}

/** The writer's end. */
export class RingOutlet {
  private readonly ring: Ring;
  /** Slots taken, slots answered, and the first of a batch that becomes durable later. */
  private taken = 0;
  private head = 0;
  private lazyFrom: number | undefined;

  constructor(memory: SharedArrayBuffer) {
    this.ring = new Ring(memory);
  }

  get data(): Uint8Array<SharedArrayBuffer> {
    return this.ring.data;
  }

  get view(): DataView {
    return this.ring.view;
  }

  /** Whether there are batches to be taken. */
  get waiting(): boolean {
    return Atomics.load(this.ring.control, TAIL) >>> 0 !== this.taken;
  }

  /** Calls with each batch that is there now; what it returns is the batch's answer, or undefined: no more are taken now. */
  take(stage: (topic: number, records: number, at: number, bytes: number) => number | undefined): void {
    const { ring } = this;
    const tail = Atomics.load(ring.control, TAIL) >>> 0;
    while (this.taken !== tail) {
      const index = this.taken % RING_SLOTS;
      const slot = index * SLOT_INTS;
      const { slots } = ring;
      const answer = stage(slots[slot] ?? 0, slots[slot + 1] ?? 0, slots[slot + 2] ?? 0, slots[slot + 3] ?? 0);
      if (answer === undefined) return;
      ring.answers[index] = answer;
      this.taken = (this.taken + 1) >>> 0;
    }
  }

  /** The batch that is being taken becomes durable later than others. Answers are given in order: those behind it wait for it. */
  noteLazy(): void {
    this.lazyFrom ??= this.taken;
  }

  /** Whether batches were taken that become durable later. */
  get holdsLazy(): boolean {
    return this.lazyFrom !== undefined;
  }

  /** What was taken is durable: its answers are given. `lazy`: also that of batches that become durable later. */
  answer(lazy: boolean): void {
    const upTo = lazy ? this.taken : (this.lazyFrom ?? this.taken);
    if (lazy) this.lazyFrom = undefined;
    if (this.head === upTo) return;
    this.head = upTo;
    Atomics.store(this.ring.control, HEAD, this.head | 0);
    wake(this.ring.control);
  }

  /** What was taken will not be durable. */
  refuse(): void {
    const { ring } = this;
    for (let i = this.head; i !== this.taken; i = (i + 1) >>> 0) ring.answers[i % RING_SLOTS] = REFUSED;
    this.answer(true);
  }

  /** No more answers are given. */
  close(): void {
    Atomics.store(this.ring.control, CLOSED, 1);
    wake(this.ring.control);
  }
}

function wake(control: Int32Array): void {
  Atomics.add(control, GENERATION, 1);
  Atomics.notify(control, GENERATION);
}

const READS = 0;
const MEMORY_BYTES = 16;

/** What a reading thread and its owner share: whether it reads, and how far it has come. */
export class Reading {
  readonly memory: SharedArrayBuffer;
  private readonly words: Int32Array;
  private readonly positions: BigInt64Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(MEMORY_BYTES)) {
    this.memory = memory;
    this.words = new Int32Array(memory, 0, 1);
    this.positions = new BigInt64Array(memory, 8, 1);
  }

  get reads(): boolean {
    return Atomics.load(this.words, READS) === 1;
  }

  set reads(value: boolean) {
    Atomics.store(this.words, READS, value ? 1 : 0);
    Atomics.notify(this.words, READS);
  }

  /** Offset behind what was read. */
  get position(): number {
    return Number(Atomics.load(this.positions, 0));
  }

  set position(offset: number) {
    Atomics.store(this.positions, 0, BigInt(offset));
  }

  /** Blocks the thread until it may read: a reader that is stopped hears nothing at all. */
  sleep(): void {
    Atomics.wait(this.words, READS, 0);
  }
}

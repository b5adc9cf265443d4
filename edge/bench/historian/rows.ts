/** Samples at a time: what a system is given at once is a few of these in memory. */
const CAPACITY = 65_536;

/** Samples in columns, in the order in which they arrive. */
export class Rows {
  count = 0;
  /** Place of the tag in its set. */
  readonly tags: Uint32Array<ArrayBuffer>;
  /** Time of the device, ms since the epoch. */
  readonly timesMs: Float64Array<ArrayBuffer>;
  /** Booleans are 0 and 1. */
  readonly values: Float64Array<ArrayBuffer>;
  /** OPC UA StatusCodes. */
  readonly qualities: Uint32Array<ArrayBuffer>;

  constructor(capacity = CAPACITY) {
    this.tags = new Uint32Array(capacity);
    this.timesMs = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.qualities = new Uint32Array(capacity);
  }

  /** Adds one for which there must be room. True: they are full now. */
  add(tag: number, timeMs: number, value: number, quality: number): boolean {
    const row = this.count++;
    this.tags[row] = tag;
    this.timesMs[row] = timeMs;
    this.values[row] = value;
    this.qualities[row] = quality;
    return this.count === this.tags.length;
  }
}

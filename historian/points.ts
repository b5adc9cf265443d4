import { assert, Fault } from '../edge/core/fault.ts';
import { type ArrayValue, type Value, ValueKind } from '../edge/core/sample.ts';
import { readArrayValue } from './array-codec.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

// The slots are read through several typed arrays, and written to files as they lie.
assert(new Uint8Array(Uint32Array.of(1).buffer)[0] === 1, 'the historian runs on little-endian machines');

/** Whether values of this kind lie in the heap. */
export function isBlob(kind: number): boolean {
  return kind === ValueKind.string || kind === ValueKind.bytes || kind === ValueKind.array;
}

/** One stored sample as an object, for those who want few. */
export interface HistoricSample {
  /** Effective time, µs: the device's, or the ingest time where its clock is suspect. */
  readonly timeUs: number;
  readonly kind: ValueKind;
  readonly value: Value;
  readonly quality: number;
  readonly flags: number;
  /** Time of the device, µs, where it is not the effective time. */
  readonly deviceTimeUs: number | null;
  readonly serverTimeUs: number | null;
  /** Where the sample stands in the log. */
  readonly topic: string;
  readonly offset: number;
}

/** The columns of `Points` as plain memory that can be transferred to another thread. */
export interface PointsMessage {
  readonly times: Float64Array<ArrayBuffer>;
  readonly offsets: Float64Array<ArrayBuffer>;
  readonly slots: Float64Array<ArrayBuffer>;
  readonly deviceTimes: Float64Array<ArrayBuffer>;
  readonly serverTimes: Float64Array<ArrayBuffer>;
  readonly qualities: Uint32Array<ArrayBuffer>;
  readonly flags: Int32Array<ArrayBuffer>;
  readonly kinds: Uint8Array<ArrayBuffer>;
  readonly topics: Uint8Array<ArrayBuffer>;
  readonly heap: Uint8Array<ArrayBuffer>;
}

/**
 * Samples of one tag in columns: what a block decodes to, what a query answers, what a block is made of. A value is a slot of 8 bytes: a double (float, double),
 * an int64 (long), a uint64, 0 or 1 in the first word (boolean), or start and length in the heap as two words (string, bytes, array).
 */
export class Points {
  count = 0;
  times: Float64Array<ArrayBuffer>;
  /** Log offsets. */
  offsets: Float64Array<ArrayBuffer>;
  slots: Float64Array<ArrayBuffer>;
  /** The slots as pairs of words. Copy slots by words: as doubles, integers that look like NaN would change. */
  words: Uint32Array<ArrayBuffer>;
  kinds: Uint8Array<ArrayBuffer>;
  /** Number of the topic in the historian's list of topics. */
  topics: Uint8Array<ArrayBuffer>;
  qualities: Uint32Array<ArrayBuffer>;
  flags: Int32Array<ArrayBuffer>;
  /** NaN: the same as the effective time. */
  deviceTimes: Float64Array<ArrayBuffer>;
  /** NaN: none. */
  serverTimes: Float64Array<ArrayBuffer>;
  heap: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  heapLength = 0;

  constructor(capacity: number) {
    this.times = new Float64Array(capacity);
    this.offsets = new Float64Array(capacity);
    this.slots = new Float64Array(capacity);
    this.words = new Uint32Array(this.slots.buffer);
    this.kinds = new Uint8Array(capacity);
    this.topics = new Uint8Array(capacity);
    this.qualities = new Uint32Array(capacity);
    this.flags = new Int32Array(capacity);
    this.deviceTimes = new Float64Array(capacity);
    this.serverTimes = new Float64Array(capacity);
  }

  get capacity(): number {
    return this.times.length;
  }

  /** Starts over; the memory is kept. */
  reset(): void {
    this.count = 0;
    this.heapLength = 0;
  }

  /** Sets a slot to an int64 (or, as bits, a uint64). */
  putLong(i: number, value: number | bigint): void {
    if (typeof value === 'bigint') {
      this.words[i * 2] = Number(BigInt.asUintN(32, value));
      this.words[i * 2 + 1] = Number(BigInt.asUintN(32, value >> 32n));
    } else {
      this.words[i * 2] = value;
      this.words[i * 2 + 1] = Math.floor(value / 4294967296);
    }
  }

  /** A slot as int64: a number where that is exact, else a bigint. */
  long(i: number): number | bigint {
    const low = this.words[i * 2] ?? 0;
    const high = (this.words[i * 2 + 1] ?? 0) | 0;
    if (high >= -0x200000 && high < 0x200000 && !(high === -0x200000 && low === 0)) return high * 4294967296 + low;
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /** Makes room in the heap and returns where the `count` new bytes begin. */
  claim(count: number): number {
    const start = this.heapLength;
    if (start + count > this.heap.length) {
      const grown = new Uint8Array(Math.max(start + count, this.heap.length * 2, 1024));
      grown.set(this.heap.subarray(0, start));
      this.heap = grown;
    }
    this.heapLength = start + count;
    return start;
  }

  /** Bytes of a value that lies in the heap; shares memory. */
  blob(i: number): Uint8Array {
    const start = this.words[i * 2] ?? 0;
    return this.heap.subarray(start, start + (this.words[i * 2 + 1] ?? 0));
  }

  /** The value. Throws `historian-damaged` if its bytes make no sense. */
  value(i: number): Value {
    const kind = this.kinds[i] as ValueKind;
    switch (kind) {
      case ValueKind.null:
        return null;
      case ValueKind.boolean:
        return this.words[i * 2] === 1;
      case ValueKind.long:
        return this.long(i);
      case ValueKind.float:
      case ValueKind.double:
        return this.slots[i] ?? 0;
      case ValueKind.string:
        return this.text(i);
      case ValueKind.bytes:
        return this.blob(i).slice();
      case ValueKind.uint64:
        return (BigInt(this.words[i * 2 + 1] ?? 0) << 32n) | BigInt(this.words[i * 2] ?? 0);
      case ValueKind.array:
        return this.array(i);
    }
  }

  /** A sample as an object of its own. */
  sample(i: number, topicNames: readonly string[]): HistoricSample {
    const deviceTime = this.deviceTimes[i] ?? Number.NaN;
    const serverTime = this.serverTimes[i] ?? Number.NaN;
    return {
      timeUs: this.times[i] ?? 0,
      kind: this.kinds[i] as ValueKind,
      value: this.value(i),
      quality: this.qualities[i] ?? 0,
      flags: this.flags[i] ?? 0,
      deviceTimeUs: Number.isNaN(deviceTime) ? null : deviceTime,
      serverTimeUs: Number.isNaN(serverTime) ? null : serverTime,
      topic: topicNames[this.topics[i] ?? 0] ?? '',
      offset: this.offsets[i] ?? 0,
    };
  }

  private text(i: number): string {
    try {
      return decoder.decode(this.blob(i));
    } catch (error) {
      throw new Fault('historian-damaged', 'A string is not UTF-8.', { cause: error });
    }
  }

  private array(i: number): ArrayValue {
    return readArrayValue(this.blob(i));
  }

  /** Appends rows `start` to `end` of other points. The caller has made sure that there is room for the rows; the heap grows. */
  append(from: Points, start: number, end: number): void {
    const at = this.count;
    this.times.set(from.times.subarray(start, end), at);
    this.offsets.set(from.offsets.subarray(start, end), at);
    this.words.set(from.words.subarray(start * 2, end * 2), at * 2);
    this.kinds.set(from.kinds.subarray(start, end), at);
    this.topics.set(from.topics.subarray(start, end), at);
    this.qualities.set(from.qualities.subarray(start, end), at);
    this.flags.set(from.flags.subarray(start, end), at);
    this.deviceTimes.set(from.deviceTimes.subarray(start, end), at);
    this.serverTimes.set(from.serverTimes.subarray(start, end), at);
    this.count = at + end - start;
    if (from.heapLength === 0) return;
    for (let i = start; i < end; i++) {
      if (!isBlob(from.kinds[i] ?? 0)) continue;
      const bytes = from.blob(i);
      const place = this.claim(bytes.length);
      this.heap.set(bytes, place);
      this.words[(at + i - start) * 2] = place;
    }
  }

  /** The rows as memory that can be transferred; the points keep theirs. */
  toMessage(): PointsMessage {
    const { count } = this;
    return {
      times: this.times.slice(0, count),
      offsets: this.offsets.slice(0, count),
      slots: new Float64Array(this.words.slice(0, count * 2).buffer),
      deviceTimes: this.deviceTimes.slice(0, count),
      serverTimes: this.serverTimes.slice(0, count),
      qualities: this.qualities.slice(0, count),
      flags: this.flags.slice(0, count),
      kinds: this.kinds.slice(0, count),
      topics: this.topics.slice(0, count),
      heap: this.heap.slice(0, this.heapLength),
    };
  }

  /** Points over received memory. */
  static fromMessage(message: PointsMessage): Points {
    const points = new Points(0);
    Object.assign(points, message);
    points.words = new Uint32Array(message.slots.buffer);
    points.count = message.times.length;
    points.heapLength = message.heap.length;
    return points;
  }
}

/** What must be named in the transfer list of a message. */
export function buffersOf(message: PointsMessage): ArrayBuffer[] {
  return Object.values(message).map((column: Uint8Array<ArrayBuffer> | Float64Array<ArrayBuffer>) => column.buffer);
}

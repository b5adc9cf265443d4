import { assert, Fault } from '../../edge/core/fault.ts';
import { type ArrayValue, type Value, ValueKind } from '../../edge/core/sample.ts';
import { readArrayValue } from './array-codec.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Memory of which less than this is in use is copied before it goes to another thread. */
const WORTH_GIVING = 0.75;

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
  /** Rows; columns may be longer. */
  readonly count: number;
  readonly times: Float64Array<ArrayBuffer>;
  readonly offsets: Float64Array<ArrayBuffer>;
  readonly slots: Float64Array<ArrayBuffer>;
  /** Null: no row has one. */
  readonly deviceTimes: Float64Array<ArrayBuffer> | null;
  readonly serverTimes: Float64Array<ArrayBuffer> | null;
  /** Null: all are 0. */
  readonly qualities: Uint32Array<ArrayBuffer> | null;
  readonly flags: Int32Array<ArrayBuffer> | null;
  readonly kinds: Uint8Array<ArrayBuffer>;
  readonly topics: Uint8Array<ArrayBuffer>;
  readonly heap: Uint8Array<ArrayBuffer>;
}

/** A message that came from another process: all columns lie in one memory there, and the slots want memory of their own, which is read as words too. */
export function withOwnSlots(points: PointsMessage): PointsMessage {
  const { buffer, byteOffset, byteLength } = points.slots;
  return { ...points, slots: new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength)) };
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
  heap: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  heapLength = 0;
  /*
   * Columns that most samples do not need: undefined where they are 0, or NaN, all over. Half of the memory of an answer would be theirs, and to have it and let it go again takes longer than what
   * stands in it: a day of samples a second apart takes a fifth less without them.
   */
  private quality: Uint32Array<ArrayBuffer> | undefined;
  private flag: Int32Array<ArrayBuffer> | undefined;
  private device: Float64Array<ArrayBuffer> | undefined;
  private server: Float64Array<ArrayBuffer> | undefined;

  constructor(capacity: number) {
    this.times = new Float64Array(capacity);
    this.offsets = new Float64Array(capacity);
    this.slots = new Float64Array(capacity);
    this.words = new Uint32Array(this.slots.buffer);
    this.kinds = new Uint8Array(capacity);
    this.topics = new Uint8Array(capacity);
  }

  get capacity(): number {
    return this.times.length;
  }

  /** StatusCodes. The column is made when it is first asked for. */
  get qualities(): Uint32Array<ArrayBuffer> {
    return (this.quality ??= new Uint32Array(this.capacity));
  }

  /** Bits of `Flag`. Made likewise. */
  get flags(): Int32Array<ArrayBuffer> {
    return (this.flag ??= new Int32Array(this.capacity));
  }

  /** Times of the device, NaN: the same as the effective time. Made likewise. */
  get deviceTimes(): Float64Array<ArrayBuffer> {
    return (this.device ??= new Float64Array(this.capacity).fill(Number.NaN));
  }

  /** Times of the server, NaN: none. Made likewise. */
  get serverTimes(): Float64Array<ArrayBuffer> {
    return (this.server ??= new Float64Array(this.capacity).fill(Number.NaN));
  }

  /** False: all qualities and flags are 0, and there are no times but the effective ones. */
  get hasMore(): boolean {
    return (this.quality ?? this.flag ?? this.device ?? this.server) !== undefined;
  }

  /** False: there are no device times. */
  get hasDeviceTimes(): boolean {
    return this.device !== undefined;
  }

  /** False: there are no server times. */
  get hasServerTimes(): boolean {
    return this.server !== undefined;
  }

  /** StatusCode of a row, without making a column; so are the next ones. */
  qualityOf(i: number): number {
    return this.quality?.[i] ?? 0;
  }

  flagsOf(i: number): number {
    return this.flag?.[i] ?? 0;
  }

  deviceTime(i: number): number {
    return this.device?.[i] ?? Number.NaN;
  }

  serverTime(i: number): number {
    return this.server?.[i] ?? Number.NaN;
  }

  /** Rows `start` to `end` have quality 0. */
  clearQualities(start: number, end: number): void {
    this.quality?.fill(0, start, end);
  }

  /** Rows `start` to `end` have no flags. */
  clearFlags(start: number, end: number): void {
    this.flag?.fill(0, start, end);
  }

  /** Rows `start` to `end` have no device times. */
  clearDeviceTimes(start: number, end: number): void {
    this.device?.fill(Number.NaN, start, end);
  }

  /** Rows `start` to `end` have no server times. */
  clearServerTimes(start: number, end: number): void {
    this.server?.fill(Number.NaN, start, end);
  }

  /** Copies quality, flags and both times of a row over those of another one. */
  copyMore(from: Points, i: number, at: number): void {
    if ((this.quality ?? from.quality) !== undefined) this.qualities[at] = from.quality?.[i] ?? 0;
    if ((this.flag ?? from.flag) !== undefined) this.flags[at] = from.flag?.[i] ?? 0;
    if ((this.device ?? from.device) !== undefined) this.deviceTimes[at] = from.deviceTime(i);
    if ((this.server ?? from.server) !== undefined) this.serverTimes[at] = from.serverTime(i);
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
    const deviceTime = this.deviceTime(i);
    const serverTime = this.serverTime(i);
    return {
      timeUs: this.times[i] ?? 0,
      kind: this.kinds[i] as ValueKind,
      value: this.value(i),
      quality: this.qualityOf(i),
      flags: this.flagsOf(i),
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
    this.count = at + end - start;
    this.appendMore(from, start, end, at);
    if (from.heapLength === 0) return;
    for (let i = start; i < end; i++) {
      if (!isBlob(from.kinds[i] ?? 0)) continue;
      const bytes = from.blob(i);
      const place = this.claim(bytes.length);
      this.heap.set(bytes, place);
      this.words[(at + i - start) * 2] = place;
    }
  }

  private appendMore(from: Points, start: number, end: number, at: number): void {
    if (from.quality === undefined) this.clearQualities(at, this.count);
    else this.qualities.set(from.quality.subarray(start, end), at);
    if (from.flag === undefined) this.clearFlags(at, this.count);
    else this.flags.set(from.flag.subarray(start, end), at);
    if (from.device === undefined) this.clearDeviceTimes(at, this.count);
    else this.deviceTimes.set(from.device.subarray(start, end), at);
    if (from.server === undefined) this.clearServerTimes(at, this.count);
    else this.serverTimes.set(from.server.subarray(start, end), at);
  }

  /** The rows as memory that can be transferred, and the points with it, which nobody looks at any more: a copy only where much of it is empty. */
  give(): PointsMessage {
    const { count, capacity, times, offsets, slots, kinds, topics } = this;
    if (count < capacity * WORTH_GIVING) return this.toMessage();
    const [qualities, flags] = [this.quality ?? null, this.flag ?? null];
    const [deviceTimes, serverTimes] = [this.device ?? null, this.server ?? null];
    const heap = this.heap.slice(0, this.heapLength);
    return { count, times, offsets, slots, deviceTimes, serverTimes, qualities, flags, kinds, topics, heap };
  }

  /** The rows as memory that can be transferred; the points keep theirs. */
  toMessage(): PointsMessage {
    const { count } = this;
    return {
      count,
      times: this.times.slice(0, count),
      offsets: this.offsets.slice(0, count),
      slots: new Float64Array(this.words.slice(0, count * 2).buffer),
      deviceTimes: this.device?.slice(0, count) ?? null,
      serverTimes: this.server?.slice(0, count) ?? null,
      qualities: this.quality?.slice(0, count) ?? null,
      flags: this.flag?.slice(0, count) ?? null,
      kinds: this.kinds.slice(0, count),
      topics: this.topics.slice(0, count),
      heap: this.heap.slice(0, this.heapLength),
    };
  }

  /** Points over received memory. */
  static fromMessage({ qualities, flags, deviceTimes, serverTimes, ...columns }: PointsMessage): Points {
    const points = Object.assign(new Points(0), columns);
    points.words = new Uint32Array(columns.slots.buffer);
    points.quality = qualities ?? undefined;
    points.flag = flags ?? undefined;
    points.device = deviceTimes ?? undefined;
    points.server = serverTimes ?? undefined;
    points.heapLength = columns.heap.length;
    return points;
  }
}

/** What must be named in the transfer list of a message. */
export function buffersOf(message: PointsMessage): ArrayBuffer[] {
  const { times, offsets, slots, deviceTimes, serverTimes, qualities, flags, kinds, topics, heap } = message;
  const columns = [times, offsets, slots, deviceTimes, serverTimes, qualities, flags, kinds, topics, heap];
  return columns.filter((column) => column !== null).map(({ buffer }) => buffer);
}

/** First of `count` ascending times that is not below `timeUs`. */
export function lowerBound(times: Float64Array, count: number, timeUs: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) < timeUs) low = middle + 1;
    else high = middle;
  }
  return low;
}

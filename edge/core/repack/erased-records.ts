import { crc32c } from '@node-rs/crc32';
import { ByteReader } from '../byte-reader.ts';
import { ByteWriter } from '../byte-writer.ts';
import { Fault } from '../fault.ts';
import { effectiveTimeUs } from '../flags.ts';
import { BATCH_HEADER_BYTES, type BatchHeader, CODEC_NONE, CODEC_ZSTD, MAX_BATCH_BYTES } from '../record-batch.ts';
import { RecordCursor } from '../record-cursor.ts';
import { SampleReader } from '../sample-codec.ts';
import { TagMap } from '../tag-keys.ts';
import { compress, recordsOf } from './batches.ts';

/** Samples that are to be removed for ever, as the log has them. */
export interface LogErasure {
  /** Paths of tags: keys of records. */
  readonly tags: readonly string[];
  /** `fromUs` ≤ effective time < `toUs`, µs. */
  readonly fromUs: number;
  readonly toUs: number;
  /** By topic: only records below this offset. */
  readonly upTo: Readonly<Record<string, number>>;
}

/** Where zstd level 1 does not bring a batch under its bound, which it was under by another hand. */
const HARDEST_LEVEL = 19;
/** Of a null value: -1 as a zigzag variable-length integer. */
const NULL_LENGTH = 1;

type Meant = Omit<LogErasure, 'tags'>;
const NONE: readonly Meant[] = [];

/**
 * The records that erasures mean, and batches without their values: such a record keeps offset, key, time and headers, and its value becomes null (Kafka's tombstone), so that the batch keeps its
 * count and nothing else of the log has to be different.
 */
export class ErasedRecords {
  /** By topic, behind the last record that one of them can mean. */
  private readonly ends = new Map<string, number>();
  private readonly cursor = new RecordCursor();
  private readonly sample = new SampleReader();
  private readonly from = new ByteReader('batch-malformed');
  private readonly out = new ByteWriter(64 * 1024);
  /** Erasures that are about a tag, by the bytes of its key. */
  private readonly byKey: TagMap<readonly Meant[]>;

  constructor(erasures: readonly LogErasure[]) {
    for (const [topic, below] of erasures.flatMap(({ upTo }) => Object.entries(upTo)))
      this.ends.set(topic, Math.max(below, this.below(topic)));
    const byTag = new Map<string, Meant[]>();
    for (const { tags, ...meant } of erasures)
      for (const tag of tags) {
        const known = byTag.get(tag);
        if (known === undefined) byTag.set(tag, [meant]);
        else known.push(meant);
      }
    this.byKey = new TagMap((tag) => byTag.get(tag) ?? NONE);
  }

  /** Topics that they are about. */
  get topics(): string[] {
    return [...this.ends.keys()];
  }

  /** Behind the last record of a topic that one of them can mean. */
  below(topic: string): number {
    return this.ends.get(topic) ?? 0;
  }

  /** Places of the records that are meant and have a value, in a batch whose checksum was verified. Throws `batch-malformed`. */
  in(topic: string, batch: Uint8Array, { baseOffset }: BatchHeader): number[] {
    const { cursor } = this;
    const places: number[] = [];
    if (baseOffset >= this.below(topic)) return places;
    cursor.open(batch);
    for (let place = 0; cursor.next(); place++)
      if (cursor.keyStart >= 0 && cursor.valueStart >= 0 && this.isMeant(topic, baseOffset + place)) places.push(place);
    return places;
  }

  private isMeant(topic: string, offset: number): boolean {
    const meant = this.byKey.get(this.cursor);
    if (meant.length === 0) return false;
    const timeUs = this.effectiveUs();
    return meant.some(({ fromUs, toUs, upTo }) => timeUs >= fromUs && timeUs < toUs && offset < (upTo[topic] ?? 0));
  }

  /** As the historian counts it (FORMAT.md, "Flags"). What is no sample has no time but that at which it came. */
  private effectiveUs(): number {
    const { cursor, sample } = this;
    try {
      sample.read(cursor.data, cursor.valueStart, cursor.valueEnd);
    } catch (error) {
      if (error instanceof Fault && error.code === 'sample-malformed') return cursor.timestampMs * 1000;
      throw error;
    }
    return effectiveTimeUs(sample, cursor.timestampMs);
  }

  /**
   * The batch with null values at these places (`in`), valid until the next call. All else of it stays, also what a producer or another program has set in its header. Throws
   * `batch-malformed`, `batch-too-large`.
   */
  without(batch: Uint8Array, header: BatchHeader, places: readonly number[]): Uint8Array {
    const plain = this.recordsWithout(batch, header, places).slice();
    const isPacked = header.codec === CODEC_ZSTD;
    let body = isPacked ? compress(plain) : plain;
    if (body.length > MAX_BATCH_BYTES - BATCH_HEADER_BYTES) body = compress(plain, HARDEST_LEVEL);
    const bytes = BATCH_HEADER_BYTES + body.length;
    if (bytes > MAX_BATCH_BYTES) throw new Fault('batch-too-large', `Offset ${header.baseOffset}: ${bytes} bytes.`);
    const { out } = this;
    out.reset();
    out.raw(batch.subarray(0, BATCH_HEADER_BYTES));
    out.raw(body);
    out.view.setInt32(8, bytes - 12);
    const codec = body === plain ? CODEC_NONE : CODEC_ZSTD;
    out.view.setInt16(21, (out.view.getInt16(21) & ~7) | codec);
    out.view.setUint32(17, crc32c(out.bytes.subarray(21, bytes)));
    return out.bytes.subarray(0, bytes);
  }

  private recordsWithout(batch: Uint8Array, header: BatchHeader, places: readonly number[]): Uint8Array {
    const { from, out } = this;
    const { data, start, end } = recordsOf(batch, header);
    out.reset();
    from.open(data, start, end);
    let next = 0;
    for (let place = 0; place < header.count; place++) {
      const recordStart = from.at;
      const length = from.varint();
      const bodyStart = from.at;
      const recordEnd = from.skip(length) + length;
      if (places[next] === place) {
        next++;
        const { valueStart, valueEnd } = this.valueOf(bodyStart, recordEnd);
        out.varlong(valueStart - bodyStart + NULL_LENGTH + recordEnd - valueEnd);
        out.raw(data.subarray(bodyStart, valueStart));
        out.varlong(-1);
        out.raw(data.subarray(valueEnd, recordEnd));
      } else out.raw(data.subarray(recordStart, recordEnd));
      from.at = recordEnd;
    }
    if (from.at !== end) from.fail(`${end - from.at} bytes behind the last record`);
    return out.bytes.subarray(0, out.length);
  }

  /** Where the length of a record's value begins, and where the value ends. */
  private valueOf(bodyStart: number, recordEnd: number): { valueStart: number; valueEnd: number } {
    const { from } = this;
    const { end } = from;
    from.at = bodyStart;
    from.end = recordEnd;
    from.uint8();
    from.varsafe();
    from.varint();
    from.skip(Math.max(from.varint(), 0));
    const valueStart = from.at;
    from.skip(Math.max(from.varint(), 0));
    from.end = end;
    return { valueStart, valueEnd: from.at };
  }
}

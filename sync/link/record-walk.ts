import { gunzipSync } from 'node:zlib';
import { Fault, messageOf } from '../../edge/core/fault.ts';
import type { LogReader } from '../../edge/core/reader.ts';
import {
  BATCH_HEADER_BYTES,
  checkBatch,
  CODEC_NONE,
  CODEC_ZSTD,
  MAX_UNPACKED_BYTES,
} from '../../edge/core/record-batch.ts';
import { RecordCursor } from '../../edge/core/record-cursor.ts';
import { type FetchedBatch, splitBatches, type WireBatchHeader } from '../kafka/patch.ts';
import type { Destination } from './destination.ts';

/** Whole batches back to back, or undefined behind the last one. */
export type Supply = () => Promise<Uint8Array | undefined>;

const CODEC_GZIP = 1;
/** Bit 5: a marker of a transaction, no record. */
const CONTROL = 0x20;

/** Walks the records of a topic in order, at either end of a link; holds what one call of its supply gave. */
export class RecordWalk {
  /** Stands at the record that `at` or `reach` found. */
  readonly cursor = new RecordCursor();
  private readonly supply: Supply;
  private bytes: Uint8Array = new Uint8Array(0);
  private next = 0;
  private open = false;
  private current = -1;

  constructor(supply: Supply) {
    this.supply = supply;
  }

  /** Moves on to the first record at or above an offset, and returns its offset; undefined: that takes `reach`. */
  at(offset: number): number | undefined {
    while (this.current < offset) {
      if (this.open && this.cursor.next()) {
        this.current = this.cursor.offset;
        continue;
      }
      this.open = this.next < this.bytes.length;
      if (!this.open) return undefined;
      this.next = this.cursor.open(this.bytes, this.next);
    }
    return this.current;
  }

  /** As `at`, and gets more where that is needed; infinity behind the last record. */
  async reach(offset: number): Promise<number> {
    for (;;) {
      const found = this.at(offset);
      if (found !== undefined) return found;
      const bytes = await this.supply();
      if (bytes === undefined) return Number.POSITIVE_INFINITY;
      this.bytes = bytes;
      this.next = 0;
    }
  }
}

/** The log from the reader's position up to `to`. What it lacks is stepped over. */
export function logSupply(reader: LogReader, to: number): Supply {
  return async () => {
    while (reader.position < to) {
      const result = reader.read();
      if (result.kind === 'data') return result.bytes;
      if (result.kind === 'end') return undefined;
    }
    return undefined;
  };
}

/** What one read of a destination gave. */
export interface Read {
  /** Whole batches back to back; the first may begin below the offset that was asked for. */
  readonly bytes: Uint8Array;
  /** Offset behind the last of them. */
  readonly end: number;
  /** The last of them as the broker has it. */
  readonly last: WireBatchHeader;
}

/**
 * Reads a destination below its end. Throws `link-diverged` for what no link ever wrote (another codec, a marker of a transaction), `kafka-protocol`
 * for a wrong checksum, `link-unsettled` where there is nothing: the broker still starts, or its end was cut off.
 */
export async function readDestination(destination: Destination, from: number, maxBytes: number): Promise<Read> {
  const { topic } = destination.at;
  const { records } = await destination.fetch(from, maxBytes);
  const parts: Uint8Array[] = [];
  let last: WireBatchHeader | undefined;
  for (const batch of splitBatches(records)) {
    if (batch.header.baseOffset + batch.header.lastOffsetDelta < from) continue;
    parts.push(readable(topic, batch));
    last = batch.header;
  }
  if (last === undefined) throw new Fault('link-unsettled', `${topic} has nothing at offset ${from}.`);
  return { bytes: Buffer.concat(parts), end: last.baseOffset + last.lastOffsetDelta + 1, last };
}

/** A destination from one offset up to another, which lies at or below its end. */
export function destinationSupply(destination: Destination, from: number, to: number, maxBytes: number): Supply {
  let next = from;
  return async () => {
    if (next >= to) return undefined;
    const read = await readDestination(destination, next, maxBytes);
    next = read.end;
    return read.bytes;
  };
}

/** The batch in a form that the record cursor reads. */
function readable(topic: string, { header, bytes }: FetchedBatch): Uint8Array {
  if (checkBatch(bytes, 0) === 'checksum') {
    throw new Fault(
      'kafka-protocol',
      `${topic}: the batch at offset ${header.baseOffset} does not match its checksum.`,
    );
  }
  if ((header.attributes & CONTROL) !== 0) {
    throw new Fault('link-diverged', `${topic}: offset ${header.baseOffset} is the marker of a transaction.`);
  }
  if (header.codec === CODEC_NONE || header.codec === CODEC_ZSTD) return bytes;
  if (header.codec !== CODEC_GZIP) {
    throw new Fault(
      'link-diverged',
      `${topic}: the records at offset ${header.baseOffset} have codec ${header.codec}.`,
    );
  }
  const records = unpack(topic, header.baseOffset, bytes.subarray(BATCH_HEADER_BYTES));
  const plain = new Uint8Array(BATCH_HEADER_BYTES + records.length);
  plain.set(bytes.subarray(0, BATCH_HEADER_BYTES));
  plain.set(records, BATCH_HEADER_BYTES);
  const view = new DataView(plain.buffer);
  view.setInt32(8, plain.length - 12);
  view.setInt16(21, header.attributes & ~7);
  return plain;
}

/** Throws `link-diverged`: what a broker packs again came from a link, and is neither broken nor that large. */
function unpack(topic: string, offset: number, packed: Uint8Array): Uint8Array {
  try {
    return gunzipSync(packed, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (error) {
    const why = `the records at offset ${offset} cannot be unpacked (${messageOf(error)})`;
    throw new Fault('link-diverged', `${topic}: ${why}.`, { cause: error });
  }
}

import { BatchEncoder } from '../../edge/core/record-batch.ts';
import type { RecordCursor } from '../../edge/core/record-cursor.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { SampleReader } from '../../edge/core/sample-codec.ts';
import { SampleKey } from '../../edge/core/sample-key.ts';

/** Who made a batch, and the how manyth of its maker's it is. Its whole content follows from that: whoever finds a record knows what it must be. */
export interface BatchName {
  /** A process, or another stretch of time in which numbers go up. */
  readonly run: number;
  readonly producer: number;
  readonly number: number;
}

/** A record as it was found. */
export interface FoundRecord extends BatchName {
  readonly offset: number;
  /** Place in its batch. */
  readonly index: number;
}

/** A batch as the log takes it. */
export interface KnownBatch {
  readonly name: BatchName;
  readonly bytes: Uint8Array;
  readonly records: number;
}

const COUNTS = [1, 1, 3, 1, 10, 2, 100, 1, 31, 7, 1, 1, 5, 1, 20];
const FIRST_US = 1_600_000_000_000_000;

/** Records of a batch: 1 to 1,000. */
function countOf({ producer, number }: BatchName): number {
  return number % 97 === 50 ? 1000 : (COUNTS[(number + producer * 4) % COUNTS.length] ?? 1);
}

/** Doubles and texts of many lengths; now and then one of 20 kB. */
function valueOf(name: BatchName, index: number): number | string {
  const { run, producer, number } = name;
  const mixed = (Math.imul(number * 1009 + index + 1, 0x9e3779b1) ^ (run * 31 + producer)) >>> 0;
  if (mixed % 3 === 0) return mixed / 7;
  const length = mixed % 4001 === 0 ? 20_000 : mixed % 90;
  return `${run}.${producer}.${number}.${index}.${mixed}`.padEnd(length, String(mixed));
}

function tagOf({ run, producer }: BatchName): string {
  return `northmill/run${run}/producer${producer}`;
}

/** Makes the batch of this name: samples, compressed where it is large. */
export function knownBatch(name: BatchName, timestampMs: number): KnownBatch {
  const records = countOf(name);
  const encoder = new BatchEncoder();
  const key = SampleKey.of(tagOf(name));
  for (let index = 0; index < records; index++) {
    const value = valueOf(name, index);
    const kind = typeof value === 'number' ? ValueKind.double : ValueKind.string;
    const timeUs = FIRST_US + name.number * 1000 + index;
    encoder.addSample(key, { timeUs, kind, value, quality: 0, flags: 0, serverTimeUs: null });
  }
  return { name, bytes: encoder.finish(timestampMs), records };
}

const sample = new SampleReader();

/** What the record under the cursor is. Throws where it is none of ours, or not as it was made. */
export function knownRecord(cursor: RecordCursor): FoundRecord {
  const { offset, data, valueStart, valueEnd } = cursor;
  const match = /^northmill\/run(\d+)\/producer(\d+)$/.exec(cursor.keyText());
  if (match === null || valueStart < 0) throw new Error(`record ${offset} is foreign`);
  sample.read(data, valueStart, valueEnd);
  const sinceUs = sample.timeUs - FIRST_US;
  const name = { run: Number(match[1]), producer: Number(match[2]), number: Math.floor(sinceUs / 1000) };
  const index = sinceUs % 1000;
  const right = index < countOf(name) && sample.value === valueOf(name, index);
  if (!right) throw new Error(`record ${offset} is not what ${JSON.stringify({ ...name, index })} was`);
  return { ...name, offset, index };
}

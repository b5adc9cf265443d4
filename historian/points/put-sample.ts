import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { type ArrayValue, type Sample, ValueKind } from '../../edge/core/sample.ts';
import { writeArrayValue } from './array-codec.ts';
import type { Points } from './points.ts';

const scratch = new ByteWriter(1024);
const encoder = new TextEncoder();

/** Appends a sample to points that have room for one more. `timeUs` is the effective time; `deviceTimeUs`: NaN where it is the same. */
export function putSample(points: Points, timeUs: number, offset: number, sample: Sample, deviceTimeUs: number): void {
  const i = points.count++;
  points.times[i] = timeUs;
  points.offsets[i] = offset;
  points.kinds[i] = sample.kind;
  points.qualities[i] = sample.quality;
  points.flags[i] = sample.flags;
  points.deviceTimes[i] = deviceTimeUs;
  points.serverTimes[i] = sample.serverTimeUs ?? Number.NaN;
  putValue(points, i, sample);
}

function putValue(points: Points, i: number, { kind, value }: Sample): void {
  if (typeof value === 'number' && kind !== ValueKind.long) points.slots[i] = value;
  else if (typeof value === 'number' || typeof value === 'bigint') points.putLong(i, value);
  else if (typeof value === 'boolean') {
    points.words[i * 2] = value ? 1 : 0;
    points.words[i * 2 + 1] = 0;
  } else if (value === null) points.slots[i] = 0;
  else putBytes(points, i, typeof value === 'string' ? encoder.encode(value) : bytesOf(value));
}

function bytesOf(value: Uint8Array | ArrayValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  scratch.reset();
  writeArrayValue(scratch, value);
  return scratch.bytes.subarray(0, scratch.length);
}

function putBytes(points: Points, i: number, bytes: Uint8Array): void {
  const place = points.claim(bytes.length);
  points.heap.set(bytes, place);
  points.words[i * 2] = place;
  points.words[i * 2 + 1] = bytes.length;
}

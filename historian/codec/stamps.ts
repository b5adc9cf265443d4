import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { readIntegers } from './integer-reader.ts';
import { writeIntegers } from './integers.ts';
import { numbers } from './scratch.ts';

/** Times that samples may have beside their own, NaN where they have none (FORMAT.md, "Stamps"). */

const RELATIVE = 0;
const ABSOLUTE = 1;

const marks = numbers();
const stamps = numbers();

/** Appends a column that has at least one, beside the samples' times. */
export function writeStamps(out: ByteWriter, column: Float64Array, times: Float64Array, count: number): void {
  let present = 0;
  let exact = true;
  for (let i = 0; i < count; i++) {
    const stamp = column[i] ?? Number.NaN;
    const has = !Number.isNaN(stamp);
    marks[i] = has ? 1 : 0;
    if (!has) continue;
    const distance = stamp - (times[i] ?? 0);
    exact = exact && Number.isSafeInteger(distance);
    stamps[present++] = distance;
  }
  writeIntegers(out, marks, count);
  out.uint8(exact ? RELATIVE : ABSOLUTE);
  if (!exact) for (let i = 0, k = 0; i < count; i++) if (marks[i] === 1) stamps[k++] = column[i] ?? 0;
  writeIntegers(out, stamps, present);
}

/** Reads a column of `count` rows. */
export function readStamps(from: ByteReader, column: Float64Array, times: Float64Array, count: number): void {
  readIntegers(from, marks, count);
  let present = 0;
  for (let i = 0; i < count; i++) if (marks[i] === 1) present++;
  const mode = from.uint8();
  if (mode > ABSOLUTE || present === 0) from.fail(`mode ${mode} of ${present} times`);
  readIntegers(from, stamps, present);
  for (let i = 0, k = 0; i < count; i++) {
    if (marks[i] !== 1) column[i] = Number.NaN;
    else {
      const stamp = (stamps[k++] ?? 0) + (mode === RELATIVE ? (times[i] ?? 0) : 0);
      if (!Number.isSafeInteger(stamp)) from.fail('time above 53 bits');
      column[i] = stamp;
    }
  }
}

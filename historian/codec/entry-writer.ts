import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { writeDelta } from './delta.ts';
import { Before, BESIDE, type BlockEntry, Entry, Form, More, realBytes, REALS, reals } from './entry.ts';
import type { BlockSummary, ExactSummary, ValueSummary } from './summary.ts';

/** Writes the entries of a piece of an index. */
export class EntryWriter {
  private readonly before: Before;

  /** `firstUs`: time of the first sample of all. */
  constructor(firstUs: number) {
    this.before = new Before(firstUs);
  }

  write(out: ByteWriter, entry: BlockEntry): void {
    const { before } = this;
    const { summary, exact, leastOffset, greatestOffset, block } = entry;
    const { count, firstUs, lastUs, goodCount, goodUs, values } = summary;
    const head = headOf(values, exact);
    const allGood = goodCount === count;
    const later = firstUs - before.startUs;
    const longer = lastUs - before.endOf(firstUs);
    const unit = areMilliseconds([later, longer, goodUs, exact?.stepped ?? 0, exact?.sloped ?? 0]) ? 1000 : 1;
    const alikeOffsets = before.areAlike(leastOffset, greatestOffset);
    const more = block === null || summary.corrected || !summary.plain || !allGood;
    const alikeTops = values !== null && head >> 4 === Form.float64 && areAlikeTops(values, before.reals);
    out.uint8(
      (summary.plain ? Entry.plain : 0) |
        (summary.distinct ? Entry.distinct : 0) |
        (count === before.count ? Entry.alikeCount : 0) |
        (head === before.head ? Entry.alikeValues : 0) |
        (alikeOffsets ? Entry.alikeOffsets : 0) |
        (unit === 1 ? 0 : Entry.milliseconds) |
        (more ? Entry.more : 0) |
        (alikeTops ? Entry.alikeTops : 0),
    );
    if (more)
      out.uint8(
        (allGood ? More.allGood : 0) |
          (summary.firstGood ? More.firstGood : 0) |
          (summary.lastGood ? More.lastGood : 0) |
          (summary.outage ? More.outage : 0) |
          (summary.corrected ? More.corrected : 0) |
          (block === null ? More.expired : 0),
      );
    if (count !== before.count) out.varlong(count);
    writeTime(out, firstUs, before.startUs, unit);
    writeTime(out, lastUs, before.endOf(firstUs), unit);
    if (!alikeOffsets) {
      writeDelta(out, leastOffset, before.offset);
      writeDelta(out, greatestOffset, leastOffset);
    }
    if (!allGood) {
      out.varlong(count - goodCount);
      out.varlong(goodUs / unit);
    }
    if (head !== before.head) out.uint8(head);
    if (values !== null) this.writeValues(out, values, exact, summary, head, unit, alikeTops);
    before.head = head;
    before.set(count, firstUs, lastUs, leastOffset, greatestOffset);
    if (block === null) return;
    out.varlong(block.length - before.length);
    before.length = block.length;
    out.ensure(4);
    out.view.setUint32(out.length, block.crc, true);
    out.length += 4;
  }

  private writeValues(
    out: ByteWriter,
    values: ValueSummary,
    exact: ExactSummary | null,
    { goodCount, goodUs }: BlockSummary,
    head: number,
    unit: number,
    alikeTops: boolean,
  ): void {
    const { before } = this;
    if (exact === null) {
      if (head >> 4 === Form.float64) writeDoubles(out, before.reals, alikeTops);
      else writeReals(out, values, head >> 4);
      return;
    }
    const { min, max, first, last, sum, stepped, sloped } = exact;
    if (values.kind === ValueKind.boolean) {
      out.varlong(sum * 4 + first * 2 + last);
      if (sum > 0 && sum < goodCount) out.varlong(stepped / unit);
      return;
    }
    out.varlong(head === before.head ? min - before.min : min);
    before.min = min;
    out.varlong(max - min);
    if (max === min) return;
    out.varlong(first - min);
    out.varlong(last - min);
    out.varlong(sum - min * goodCount);
    out.varlong((stepped - min * goodUs) / unit);
    out.varlong((sloped - 2 * stepped) / unit);
  }
}

/** Kind and form of values in a byte. */
function headOf(values: ValueSummary | null, exact: ExactSummary | null): number {
  if (values === null) return 0;
  const { kind, min, max, first, last } = values;
  if (exact !== null) return kind | (exact.places << 4);
  if (kind === ValueKind.long || kind === ValueKind.uint64) return kind | (Form.int64 << 4);
  const single = [min, max, first, last].every((value) => Math.fround(Number(value)) === value);
  return kind | ((single ? Form.float32 : Form.float64) << 4);
}

/** Times of most sources, and what is summed over them. */
function areMilliseconds(numbers: readonly number[]): boolean {
  return numbers.every((each) => Number.isSafeInteger(each) && each % 1000 === 0);
}

function writeTime(out: ByteWriter, timeUs: number, besideUs: number, unit: number): void {
  if (unit === 1) writeDelta(out, timeUs, besideUs);
  else out.varlong((timeUs - besideUs) / unit);
}

/** Sets `reals` to those of an entry and the one before. Whether the uppermost byte of each is that of the one that it is beside. */
function areAlikeTops({ min, max, first, last, sum, stepped, sloped }: ValueSummary, before: Float64Array): boolean {
  reals.set([Number(min), Number(max), Number(first), Number(last), sum, stepped, sloped]);
  reals.set(before, REALS);
  return BESIDE.every((beside, i) => realBytes[i * 8 + 7] === realBytes[beside * 8 + 7]);
}

/** Appends `reals`, which `before` is then. */
function writeDoubles(out: ByteWriter, before: Float64Array, alikeTops: boolean): void {
  for (let i = 0; i < REALS; i++) out.raw(realBytes.subarray(i * 8, i * 8 + (alikeTops ? 7 : 8)));
  before.set(reals.subarray(0, REALS));
}

function writeReals(out: ByteWriter, values: ValueSummary, form: number): void {
  const { min, max, first, last } = values;
  for (const value of [min, max, first, last]) {
    if (form === Form.int64) out.varlongBig(BigInt.asIntN(64, BigInt(value)));
    else out.floatLe(Number(value));
  }
  out.doubleLe(values.sum);
  out.doubleLe(values.stepped);
  out.doubleLe(values.sloped);
}

import type { Summarized } from './summary.ts';

/** What the index of a series says of its blocks, one behind the other, each beside the one before (FORMAT.md, "Entry"). */

/** Flags of an entry. */
export const Entry = {
  plain: 1,
  distinct: 2,
  /** As many samples as the block before. */
  alikeCount: 4,
  /** Values of the same kind and form as those of the block before. */
  alikeValues: 8,
  /** Log offsets as far from those of the block before, and over as many, as there. */
  alikeOffsets: 16,
  /** What is said of times is in milliseconds. */
  milliseconds: 32,
  /** A second byte of flags follows. */
  more: 64,
  /** Of float64 numbers the uppermost byte is left out: it is that of the number that each is beside. */
  alikeTops: 128,
} as const;

/** The second byte of flags. */
export const More = { allGood: 1, firstGood: 2, lastGood: 4, outage: 8, corrected: 16, expired: 32 } as const;

/** The lower four bits of the byte in front of the values are their kind, 0 for none; the upper four their decimal places, or one of these forms. */
export const Form = { float64: 13, float32: 14, int64: 15 } as const;

/** An entry takes at least so much: flags, two times, the values' zero. */
export const LEAST_ENTRY_BYTES = 4;

/** A block as its series' index has it. */
export interface BlockEntry extends Summarized {
  readonly leastOffset: number;
  readonly greatestOffset: number;
  /** Bytes of the block and their CRC-32C; null: its samples have expired, and the summary is all there is. */
  readonly block: { readonly length: number; readonly crc: number } | null;
}

/** Reals of an entry, and which of them each is beside: those from `REALS` on are the block's before. */
export const REALS = 7;
export const BESIDE = [REALS, 0, 0, 0, REALS + 4, REALS + 5, 5];
/** The reals of an entry, and behind them those of the one before; and the bytes of both. */
export const reals = new Float64Array(REALS * 2);
export const realBytes = new Uint8Array(reals.buffer);

/** What an entry is beside. */
export class Before {
  count = 0;
  head = 0;
  lastUs: number;
  spanUs = 0;
  offset = 0;
  offsetGap = 0;
  offsetSpan = 0;
  length = 0;
  /** How long after the end of the block before it began. */
  gapUs = 0;
  /** Least value, times 10 to the power of the places. */
  min = 0;
  /** Reals: min, max, first, last, sum, stepped, sloped. */
  readonly reals = new Float64Array(REALS);

  constructor(firstUs: number) {
    this.lastUs = firstUs;
  }

  /** When a block would begin if it came as long after the one before as that did. */
  get startUs(): number {
    return Math.min(this.lastUs + this.gapUs, Number.MAX_SAFE_INTEGER);
  }

  /** When a block that begins then would end if it lasted as long as the one before. */
  endOf(firstUs: number): number {
    return Math.min(firstUs + this.spanUs, Number.MAX_SAFE_INTEGER);
  }

  /** Whether log offsets are as far from those of the block before, and over as many, as there. */
  areAlike(least: number, greatest: number): boolean {
    const [gap, span] = [least - this.offset, greatest - least];
    return (
      gap === this.offsetGap && span === this.offsetSpan && Number.isSafeInteger(gap) && Number.isSafeInteger(span)
    );
  }

  set(count: number, firstUs: number, lastUs: number, least: number, greatest: number): void {
    this.count = count;
    // What was summed up may begin before the end of the one before.
    this.gapUs = Math.min(Math.max(firstUs - this.lastUs, 0), Number.MAX_SAFE_INTEGER);
    this.spanUs = Math.min(lastUs - firstUs, Number.MAX_SAFE_INTEGER);
    this.lastUs = lastUs;
    this.offsetGap = least - this.offset;
    this.offsetSpan = greatest - least;
    this.offset = greatest;
  }
}

import type { ProcessingIntervals } from './aggregate.ts';
import type { BlockSummary } from './block-summary.ts';
import type { Chunk } from './intake.ts';

/** What a tally knows, as plain data: its scalars, and the cells of the intervals that are not settled. */
export interface TallyState {
  readonly scalars: Float64Array<ArrayBuffer>;
  readonly cells: Float64Array<ArrayBuffer>;
  readonly bounds: Float64Array<ArrayBuffer>;
}

/** Numbers that hold for a whole tally. */
export interface TallyOptions {
  readonly intervals: ProcessingIntervals;
  readonly stepped: boolean;
  /** The worst class of samples that calculations use (`Class`). */
  readonly worstUsable: number;
}

/**
 * One kind of knowledge about each interval, gathered in one pass: `width` numbers an interval in `cells`, `boundWidth` numbers an edge in `bounds`. `passed` edges lie at or before
 * the last sample.
 */
export abstract class Tally {
  readonly cells: Float64Array<ArrayBuffer>;
  readonly bounds: Float64Array<ArrayBuffer>;
  readonly width: number;
  readonly boundWidth: number;
  protected readonly scalars: Float64Array<ArrayBuffer>;
  protected readonly edges: Float64Array;
  protected readonly backwards: boolean;
  protected readonly stepped: boolean;
  protected readonly worstUsable: number;
  protected passed = 0;

  constructor({ intervals, stepped, worstUsable }: TallyOptions, width: number, boundWidth: number, scalars: number) {
    const { edges, backwards } = intervals;
    this.cells = new Float64Array((edges.length - 1) * width);
    this.bounds = new Float64Array(boundWidth * edges.length);
    this.scalars = new Float64Array(scalars);
    this.width = width;
    this.boundWidth = boundWidth;
    this.edges = edges;
    this.backwards = backwards;
    this.stepped = stepped;
    this.worstUsable = worstUsable;
  }

  /** Intervals, from the first on, that no later sample changes. */
  get settled(): number {
    return Math.max(0, this.passed - 1);
  }

  /** Takes samples. */
  abstract take(chunk: Chunk): void;

  /** Takes the summary of samples inside an interval, the first of which stands in the chunk. */
  abstract takeSummary(summary: BlockSummary, first: Chunk): void;

  /** There are no more samples; the data reach to this time. */
  abstract finish(dataEndUs: number): void;

  state(from: number): TallyState {
    const { width, boundWidth } = this;
    const to = Math.min(this.passed + 1, this.edges.length - 1);
    return {
      scalars: Float64Array.of(this.passed, ...this.scalars),
      cells: this.cells.slice(from * width, Math.max(from, to) * width),
      bounds: this.bounds.slice(from * boundWidth, (Math.max(from, to) + 1) * boundWidth),
    };
  }

  restore({ scalars, cells, bounds }: TallyState, from: number): void {
    this.passed = scalars[0] ?? 0;
    this.scalars.set(scalars.subarray(1));
    this.cells.set(cells, from * this.width);
    this.bounds.set(bounds, from * this.boundWidth);
  }
}

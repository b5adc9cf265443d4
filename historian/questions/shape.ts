import { MinMax, type MinMaxState } from '../analysis/downsample.ts';
import { Lttb, type LttbState } from '../analysis/lttb.ts';
import { type Piece, pieceOf, Rows } from '../analysis/piece.ts';
import { bucketStart } from '../queries/buckets.ts';
import { MAX_PAGE_BUCKETS } from '../limits.ts';
import type { SummarizedBlock } from '../files/block-list.ts';
import { unitName } from '../files/rollups.ts';
import type { Points } from '../points/points.ts';
import type { AskedShape } from './asked.ts';
import { type Calculation, type Decided, NOTHING } from './calculation.ts';
import { lostFrom } from './lost.ts';

/** How far it has come, as plain data. */
export type ShapeState =
  | { readonly what: 'minmax'; readonly state: MinMaxState }
  | { readonly what: 'lttb'; readonly state: LttbState };

/** Samples that a chart shows. */
export class ShapeCalculation implements Calculation<ShapeState> {
  private readonly endUs: number;
  private readonly shape: MinMax | Lttb;
  private readonly out = new Rows();

  constructor({ shape, grid }: AskedShape, state: ShapeState | null) {
    this.endUs = bucketStart(grid, grid.count);
    if (shape === 'minmax') {
      this.shape = new MinMax(grid);
      if (state?.what === 'minmax') this.shape.restore(state.state);
    } else {
      this.shape = new Lttb({ by: 'time', grid });
      if (state?.what === 'lttb') this.shape.restore(state.state);
    }
  }

  get full(): boolean {
    return this.out.count >= MAX_PAGE_BUCKETS;
  }

  take(points: Points, start: number, end: number): boolean {
    this.keep(this.shape.add(pieceOf(points, start, end)));
    return (points.times[end - 1] ?? 0) < this.endUs;
  }

  /** A chart of samples needs them: when the least and the greatest were nobody knows. */
  takeBlock(): boolean {
    return false;
  }

  advice({ summary: { firstUs, lastUs } }: SummarizedBlock): string {
    return `Only a roll-up is left: a chart without \`shape\` has the least and greatest values of whole ${unitName(firstUs, lastUs)} (UTC).`;
  }

  lose(timeUs: number): void {
    this.keep(this.shape.add(lostFrom(timeUs)));
  }

  finish(): void {
    this.keep(this.shape.finish());
  }

  drain(): Decided {
    const { times, values, qualities } = this.out.copy();
    this.out.reset();
    return { ...NOTHING, times, columns: [{ values, qualities, times: null, large: null }] };
  }

  state(): ShapeState {
    const { shape } = this;
    return shape instanceof MinMax ? { what: 'minmax', state: shape.state() } : { what: 'lttb', state: shape.state() };
  }

  private keep({ count, times, values, qualities }: Piece): void {
    for (let i = 0; i < count; i++) this.out.push(times[i] ?? 0, values[i] ?? 0, qualities[i] ?? 0);
  }
}

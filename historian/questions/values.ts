import { AtTime, type AtTimeState } from '../analysis/at-time.ts';
import { counts, pieceOf } from '../analysis/piece.ts';
import { MAX_PAGE_BUCKETS } from '../limits.ts';
import type { Points } from '../points/points.ts';
import type { AskedValues } from './asked.ts';
import type { Bound } from './look-back.ts';
import { type Calculation, type Decided, NOTHING } from './calculation.ts';
import { lostFrom } from './lost.ts';

/** How far it has come, as plain data. */
export interface ValuesState {
  readonly what: 'values';
  readonly reader: AtTimeState;
}

/** What is needed before the first time. */
export function boundOfValues({ options }: AskedValues): Bound | null {
  const { rule, stepped, uncertainIsBad = true, slopedExtrapolation = false } = options;
  if (rule === 'exact' || rule === 'next-good') return null;
  const samples = rule === 'interpolated' && slopedExtrapolation && !stepped ? 2 : 1;
  return { samples, decides: (value, quality) => (counts(value, quality, uncertainIsBad) ? true : null) };
}

/** Values at given times. */
export class ValuesCalculation implements Calculation<ValuesState> {
  private readonly times: Float64Array;
  private readonly reader: AtTime;
  private readonly ofAnyType: boolean;

  constructor({ times, options, ofAnyType = false }: AskedValues, state: ValuesState | null) {
    this.times = times;
    this.ofAnyType = ofAnyType;
    this.reader = new AtTime(times, options);
    if (state !== null) this.reader.restore(state.reader);
  }

  get full(): boolean {
    return this.reader.out.count >= MAX_PAGE_BUCKETS;
  }

  take(points: Points, start: number, end: number): boolean {
    this.reader.add(pieceOf(points, start, end, this.ofAnyType));
    return this.reader.answered < this.times.length;
  }

  lose(timeUs: number): void {
    this.reader.add(lostFrom(timeUs));
  }

  finish(): void {
    this.reader.finish();
  }

  drain(): Decided {
    const { out } = this.reader;
    const { times, values, qualities } = out.copy();
    const sampleTimes = out.sampleTimes.slice(0, out.count);
    out.reset();
    return { ...NOTHING, times, columns: [{ values, qualities, times: sampleTimes, large: null }] };
  }

  state(): ValuesState {
    return { what: 'values', reader: this.reader.state() };
  }
}

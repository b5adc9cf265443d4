import { Flag } from '../../edge/core/flags.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { isGood, statusName } from '../../edge/core/status-code.ts';
import type { Gap } from './gap.ts';
import { MAX_GAPS } from '../limits.ts';
import type { Points } from '../points/points.ts';

/** A time from which on there is no value, and the quality that says why. */
export interface Outage {
  readonly fromUs: number;
  readonly quality: number;
}

/** Whether a row counts: it has a value, of quality Good. */
export function hasGoodValue(points: Points, row: number): boolean {
  return isGood(points.qualityOf(row)) && points.kinds[row] !== ValueKind.null;
}

/** The outage that begins with this row, if one does: the source gave no value, or Millrace lost it. */
export function outageAt(points: Points, row: number): Outage | null {
  const begins = points.kinds[row] === ValueKind.null || (points.flagsOf(row) & Flag.gap) !== 0;
  return begins ? { fromUs: points.times[row] ?? 0, quality: points.qualityOf(row) } : null;
}

/** Collects the spans from a sample without a value to the next good value. At most 1,000: beyond that the last ones are joined. */
export class Outages {
  /** Not over yet. */
  current: Outage | null;
  readonly gaps: Gap[] = [];
  private joined = 1;

  constructor(current: Outage | null) {
    this.current = current;
  }

  /** A row that has no good value. */
  note(points: Points, row: number): void {
    this.current ??= outageAt(points, row);
  }

  /** There is a good value, or the end of the question, at this time. */
  end(timeUs: number): void {
    if (this.current === null) return;
    const { fromUs, quality } = this.current;
    this.current = null;
    const last = this.gaps.at(-1);
    if (last !== undefined && this.gaps.length === MAX_GAPS) {
      this.joined++;
      this.gaps[MAX_GAPS - 1] = { ...last, toUs: timeUs, detail: `${this.joined} gaps.` };
    } else if (timeUs > fromUs) {
      this.gaps.push({ fromUs, toUs: timeUs, reason: 'no-value', samples: null, detail: `${statusName(quality)}.` });
    }
  }
}

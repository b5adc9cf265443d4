import type { Span } from '../../historian/queries/buckets.ts';
import { MAX_TIME_US } from '../core/sample.ts';
import { parseTime } from '../api/time-text.ts';
import { Progress } from './progress.ts';

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/g;
/** The last row of a piece is not longer than this, but for texts. */
const TAIL_BYTES = 1024;
const MINUTE_US = 60e6;
const DAY_US = 86_400e6;

/** How far an answer of rows has come, seen from the rows themselves: the span of one tag after the other, each in order of time. */
export class RowProgress {
  /** Time covered so far, µs. */
  doneUs = 0;
  private fromUs: number;
  private readonly toUs: number;
  private readonly tags: number;
  private lastUs = Number.NEGATIVE_INFINITY;
  private tag = 0;

  /** Where the span is open it begins with the first row and ends now. */
  constructor({ fromUs, toUs }: Span, tags: number, nowUs: number) {
    this.fromUs = fromUs;
    this.toUs = toUs > MAX_TIME_US ? nowUs : toUs;
    this.tags = tags;
  }

  /** Time in all, µs. */
  get totalUs(): number {
    return this.spanUs * this.tags;
  }

  /** Takes the end of what was written. */
  take(tail: string): void {
    const time = tail.match(TIME)?.at(-1);
    if (time === undefined) return;
    const timeUs = parseTime(time);
    if (this.fromUs === -MAX_TIME_US) this.fromUs = timeUs;
    // A new tag begins at the beginning again.
    if (timeUs < this.lastUs) this.tag++;
    this.lastUs = timeUs;
    const within = Math.min(Math.max(0, timeUs - this.fromUs), this.spanUs);
    this.doneUs = Math.min(this.tag * this.spanUs + within, this.totalUs);
  }

  /** Of one tag; before the first row of an open one it is not known. */
  private get spanUs(): number {
    return this.fromUs === -MAX_TIME_US ? 0 : Math.max(0, this.toUs - this.fromUs);
  }
}

/** The same pieces; on standard error it is shown how far they have come. */
export async function* withProgress<Piece extends string | Uint8Array>(
  pieces: AsyncIterable<Piece>,
  span: Span,
  tags: number,
): AsyncGenerator<Piece, void> {
  const rows = new RowProgress(span, tags, Date.now() * 1000);
  const { fromUs, toUs } = span;
  const unitUs = toUs - fromUs > 3 * DAY_US ? DAY_US : MINUTE_US;
  const progress = new Progress('history', unitUs === DAY_US ? 'days' : 'minutes');
  try {
    for await (const piece of pieces) {
      rows.take(
        typeof piece === 'string' ? piece.slice(-TAIL_BYTES) : Buffer.from(piece.slice(-TAIL_BYTES)).toString('latin1'),
      );
      progress.update(Math.floor(rows.doneUs / unitUs), Math.ceil(rows.totalUs / unitUs));
      yield piece;
    }
  } finally {
    progress.done();
  }
}

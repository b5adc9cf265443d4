import { Fault } from '../../edge/core/fault.ts';
import { BatchEncoder } from '../../edge/core/record-batch.ts';
import type { Outgoing } from './batch-merger.ts';

/** The most lost records that are filled, so that the offsets behind them stay the same at both ends. */
export const MAX_FILL_RECORDS = 1_000_000;
const RECORDS_PER_BATCH = 10_000;

/** Records `first` to `last` of the log are not to be had. */
export interface LostRange {
  readonly first: number;
  readonly last: number;
  readonly reason: 'damage' | 'retention';
}

const encoder = new TextEncoder();

/** Refuses a range that is too long to be filled (`link-behind-log`). */
export function assertFillable(topic: string, { first, last, reason }: LostRange): void {
  const lost = last - first + 1;
  if (lost <= MAX_FILL_RECORDS) return;
  const why = reason === 'damage' ? 'are damaged' : 'were deleted from the log before they were mirrored';
  throw new Fault(
    'link-behind-log',
    `${topic}: records ${first} to ${last} ${why}; at most ${MAX_FILL_RECORDS} are replaced by null records.`,
  );
}

/** Null records in place of the lost ones from `from` on, as many as go into one batch; each has the header `gap` (FORMAT.md, "Record headers"). */
export function fillBatch(range: LostRange, from: number, nowMs: number): Outgoing {
  const { first, last, reason } = range;
  const gap = encoder.encode(JSON.stringify({ reason, first, last }));
  const records = Math.min(last - from + 1, RECORDS_PER_BATCH);
  const batch = new BatchEncoder();
  for (let i = 0; i < records; i++) batch.addRecord(null, null, [['gap', gap]]);
  return { bytes: batch.finish(nowMs), baseOffset: from, records };
}

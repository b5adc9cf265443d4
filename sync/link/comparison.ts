import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RecordCursor } from '../../edge/core/record-cursor.ts';
import type { RecordWalk } from './record-walk.ts';

/** The first record that is not the same at both ends. */
export interface Difference {
  readonly offset: number;
  /** `missing`: the destination has no record there. */
  readonly field: 'missing' | 'timestamp' | 'key' | 'value' | 'headers';
}

export interface Comparison {
  /** Records that both ends have and that were found equal. */
  compared: number;
  /** Records that the log itself no longer has: nothing can be said about them. */
  unknown: number;
  /** Records whose values were erased in the log, and that the other end has with their values; all else of them was found equal. */
  erased: number;
  firstDifference: Difference | undefined;
}

/** What is compared. */
interface ComparedRange {
  readonly from: number;
  readonly to: number;
  readonly signal: AbortSignal;
  /** The records are samples. */
  readonly mayBeErased?: boolean;
}

/** So many records are compared before others get their turn on the thread. */
const RECORDS_PER_TURN = 10_000;

/**
 * Compares the records `from` to below `to` of the log and of a destination: offset, timestamp, key, value and headers. Ends at the first difference. A sample that was erased in the log (its value
 * is null: edge/core/FORMAT.md, "Erasing") is no difference, where all else is equal: what the other end has of it is for the other end to erase.
 * `progress` is called now and then with the offset reached. Throws the signal's reason, and the faults of both ends.
 */
export async function compareRecords(
  log: RecordWalk,
  destination: RecordWalk,
  { from, to, signal, mayBeErased = false }: ComparedRange,
  progress: (offset: number) => void = () => undefined,
): Promise<Comparison> {
  const result: Comparison = { compared: 0, unknown: 0, erased: 0, firstDifference: undefined };
  let untilTurn = RECORDS_PER_TURN;
  for (let offset = from; offset < to;) {
    if (--untilTurn <= 0) {
      untilTurn = RECORDS_PER_TURN;
      progress(offset);
      await nextTurn(undefined, { signal });
    }
    const ours = log.at(offset) ?? (await log.reach(offset));
    if (ours > offset) {
      const resume = Math.min(ours, to);
      result.unknown += resume - offset;
      offset = resume;
      continue;
    }
    const theirs = destination.at(offset) ?? (await destination.reach(offset));
    const isErased = mayBeErased && theirs === offset && isErasedIn(log.cursor, destination.cursor);
    const field = theirs === offset ? differs(log.cursor, destination.cursor, isErased) : 'missing';
    if (field !== undefined) {
      result.firstDifference = { offset, field };
      break;
    }
    if (isErased) result.erased++;
    else result.compared++;
    offset++;
  }
  signal.throwIfAborted();
  return result;
}

function isErasedIn(ours: RecordCursor, theirs: RecordCursor): boolean {
  return ours.keyStart >= 0 && ours.valueStart < 0 && theirs.valueStart >= 0;
}

function differs(
  ours: RecordCursor,
  theirs: RecordCursor,
  isErased: boolean,
): Exclude<Difference['field'], 'missing'> | undefined {
  if (ours.timestampMs !== theirs.timestampMs) return 'timestamp';
  if (!sameBytes(ours, ours.keyStart, ours.keyEnd, theirs, theirs.keyStart, theirs.keyEnd)) return 'key';
  const isSame =
    isErased || sameBytes(ours, ours.valueStart, ours.valueEnd, theirs, theirs.valueStart, theirs.valueEnd);
  if (!isSame) return 'value';
  return sameHeaders(ours, theirs) ? undefined : 'headers';
}

/** -1 as a start stands for null. */
function sameBytes(
  a: RecordCursor,
  aStart: number,
  aEnd: number,
  b: RecordCursor,
  bStart: number,
  bEnd: number,
): boolean {
  if (aStart < 0 || bStart < 0) return aStart < 0 && bStart < 0;
  if (aEnd - aStart !== bEnd - bStart) return false;
  for (let i = aStart, j = bStart; i < aEnd; i++, j++) if (a.data[i] !== b.data[j]) return false;
  return true;
}

function sameHeaders(a: RecordCursor, b: RecordCursor): boolean {
  if (a.headerCount !== b.headerCount) return false;
  if (a.headerCount === 0) return true;
  const theirs = b.headers();
  return a.headers().every(([name, value], index) => {
    const [otherName, otherValue] = theirs[index] ?? ['', null];
    if (name !== otherName || value === null || otherValue === null) return name === otherName && value === otherValue;
    return Buffer.compare(value, otherValue) === 0;
  });
}

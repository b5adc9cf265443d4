import { type CounterEvent, CounterMark, type ImpossibleReading } from '../../../historian/analysis/counters.ts';
import { StatusCode } from '../../core/status-code.ts';
import type { AnalysisPage } from '../../../historian/questions/analysis-query.ts';
import type { AnalysisColumn } from '../../../historian/questions/calculation.ts';
import { formatTime } from '../time-text.ts';
import type { Intervals } from './intervals.ts';
import type { Cell } from './request.ts';

/** Rows of aggregates. `numbers` says of each row which interval it is of; those between intervals are left out. */
export function* aggregateRows(
  { times, columns }: AnalysisPage,
  intervals: Intervals,
  numbers: Int32Array,
): Generator<Cell[]> {
  for (let row = 0; row < times.length; row++) {
    const number = numbers[row] ?? -1;
    if (number < 0) continue;
    const cells = intervalCells(intervals, number);
    for (const column of columns) {
      cells.push(valueAt(column, row));
      if (column.qualities !== null) cells.push(qualityAt(column, row));
      if (column.times !== null) cells.push(isNothing(column, row) ? null : timeAt(column.times, row));
    }
    yield cells;
  }
}

/** Rows of totals, the first of which is of interval number `first`. */
export function* countedRows({ times, columns }: AnalysisPage, intervals: Intervals, first: number): Generator<Cell[]> {
  const [counted, marks] = columns;
  for (let row = 0; row < times.length; row++) {
    const bits = marks?.values[row] ?? 0;
    const names = Object.entries(markNames).filter(([bit]) => (bits & Number(bit)) !== 0);
    const cells = intervalCells(intervals, first + row);
    cells.push(...(counted === undefined ? [null, 0] : [valueAt(counted, row), qualityAt(counted, row)]));
    cells.push(names.map(([, name]) => name).join(' '));
    yield cells;
  }
}

/** Rows of values; with `sampleTimes` when the sample was that the value is of. `values`: in place of the numbers of the page. */
export function* valueRows(
  { times, columns }: AnalysisPage,
  sampleTimes: boolean,
  values: readonly Cell[] | undefined,
): Generator<Cell[]> {
  const [column] = columns;
  if (column === undefined) return;
  for (let row = 0; row < times.length; row++) {
    const value = values === undefined ? valueAt(column, row) : (values[row] ?? null);
    const cells = [times[row] ?? 0, value, qualityAt(column, row)];
    if (sampleTimes) cells.push(column.times === null ? null : timeAt(column.times, row));
    yield cells;
  }
}

const markNames: Readonly<Record<number, string>> = {
  [CounterMark.rollover]: 'rollover',
  [CounterMark.reset]: 'reset',
  [CounterMark.correction]: 'correction',
  [CounterMark.replacement]: 'replacement',
  [CounterMark.knownReplacement]: 'known-replacement',
  [CounterMark.ambiguous]: 'ambiguous',
  [CounterMark.gap]: 'gap',
};

/** What happened to a counter between two readings, for JSON. */
export function eventOf({ sinceUs, timeUs, before, after, kind, amount, ambiguous, other }: CounterEvent) {
  return {
    kind,
    since: formatTime(sinceUs),
    time: formatTime(timeUs),
    before,
    after,
    counted: amount,
    ambiguous,
    other,
  };
}

/** A reading that a counter cannot show, for JSON. */
export function impossibleOf({ timeUs, reading }: ImpossibleReading) {
  return { kind: 'impossible', time: formatTime(timeUs), reading };
}

function intervalCells({ starts, ends, label }: Intervals, number: number): Cell[] {
  const start = starts[number] ?? 0;
  return label === undefined ? [start] : [start, ends[number] ?? 0, label(number)];
}

/** Whether there is no sample that the result could be of. */
function isNothing({ qualities }: AnalysisColumn, row: number): boolean {
  return ((qualities?.[row] ?? 0) & 0xffff0000) >>> 0 === StatusCode.BadNoData;
}

function valueAt({ values, large }: AnalysisColumn, row: number): number | bigint | null {
  const value = values[row] ?? Number.NaN;
  return Number.isFinite(value) ? value : (large?.get(row) ?? null);
}

/** A result beyond the doubles is none. */
function qualityAt({ values, qualities }: AnalysisColumn, row: number): number {
  return Math.abs(values[row] ?? 0) === Number.POSITIVE_INFINITY ? StatusCode.BadOutOfRange : (qualities?.[row] ?? 0);
}

function timeAt(times: Float64Array, row: number): number | null {
  const timeUs = times[row] ?? Number.NaN;
  return Number.isNaN(timeUs) ? null : timeUs;
}

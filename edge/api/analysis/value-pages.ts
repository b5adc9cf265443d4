import type { AtTimeOptions } from '../../../historian/analysis/at-time.ts';
import type { History } from '../../../historian/questions/history.ts';
import { type AnalysisPage, analysisPagesOf } from '../../../historian/questions/analysis-query.ts';
import { isBad, isGood } from '../../core/status-code.ts';
import type { TagEntry } from '../../tags/dictionary.ts';
import { isText } from '../historian-pages.ts';
import type { HistoryGap } from '../history-services.ts';
import type { Cell, ValuesRequest } from './request.ts';
import { valueRows } from './table-rows.ts';

/** Two times with more samples than this between them are two questions: each reads what is near its times, and nothing of what lies between. */
const FAR_SAMPLES = 5000;

const rules = {
  interpolated: 'interpolated',
  stepped: 'interpolated',
  previous: 'previous-good',
  next: 'next-good',
} as const;

/** Values of these types hold until the next one; between others lie lines. */
export function isSteppedType({ type }: Pick<TagEntry, 'type'>): boolean {
  return type !== 'double' && type !== 'float' && type !== null;
}

/** Whether there are values of a type between its samples. */
export function hasValues(
  entry: Pick<TagEntry, 'type'>,
  { method, stepped = isSteppedType(entry) }: ValuesRequest,
): boolean {
  return !isText(entry.type) || stepped || method !== 'interpolated';
}

/** Rows of the values of a tag at these times, µs, ascending; exact, of whatever type, where they are those of a sample. */
export async function* valuePages(
  history: Pick<History, 'analysisPage' | 'query' | 'summaries'>,
  entry: TagEntry,
  times: Float64Array,
  request: ValuesRequest,
  signal: AbortSignal,
): AsyncGenerator<{ readonly rows: Iterable<readonly Cell[]>; readonly gaps: readonly HistoryGap[] }, void> {
  const { method, uncertainIsBad, slopedExtrapolation } = request;
  const stepped = method === 'stepped' || (request.stepped ?? isSteppedType(entry));
  const options: AtTimeOptions = { rule: rules[method], stepped, uncertainIsBad, slopedExtrapolation };
  const samples = new SampleValues(history, entry, uncertainIsBad);
  const isSample = method === 'previous' || method === 'next';
  // A gap that goes on over several groups is told with the first, as a whole.
  const gapsToUs = (times[times.length - 1] ?? 0) + 1;
  let toldToUs: number | undefined;
  for (const near of await nearTimes(history, entry.path, times)) {
    const span = { fromUs: near[0] ?? 0, toUs: (near[near.length - 1] ?? 0) + 1 };
    const asked = { what: 'values', times: near, options, ofAnyType: isText(entry.type) } as const;
    for await (const page of analysisPagesOf(history, { tag: entry.path, ...span, asked, toldToUs, gapsToUs }, signal))
      yield { rows: valueRows(page, isSample, await samples.of(page)), gaps: page.gaps };
    toldToUs = span.toUs;
  }
}

/** The times in groups: between two of different groups lie many samples. */
async function nearTimes(
  history: Pick<History, 'summaries'>,
  tag: string,
  times: Float64Array,
): Promise<readonly Float64Array[]> {
  if (times.length < 2) return times.length === 0 ? [] : [times];
  const [known] = await history.summaries([tag]);
  if (known === undefined) return [times];
  const farUs = ((known.lastUs - known.firstUs) / Math.max(1, known.samples)) * FAR_SAMPLES;
  const groups: Float64Array[] = [];
  let start = 0;
  for (let i = 1; i < times.length; i++) {
    if ((times[i] ?? 0) - (times[i - 1] ?? 0) <= farUs) continue;
    groups.push(times.slice(start, i));
    start = i;
  }
  groups.push(times.slice(start));
  return groups;
}

/** Values as their samples have them, where a double cannot hold them or is not what they are. */
class SampleValues {
  private readonly history: Pick<History, 'query'>;
  private readonly entry: TagEntry;
  private readonly uncertainIsBad: boolean;
  /** The last one that was looked up: neighbours are often of the same sample. */
  private timeUs = Number.NaN;
  private value: Cell = null;

  constructor(history: Pick<History, 'query'>, entry: TagEntry, uncertainIsBad: boolean) {
    this.history = history;
    this.entry = entry;
    this.uncertainIsBad = uncertainIsBad;
  }

  /** The values of a page's rows; undefined: its numbers are what they are. */
  async of({ columns }: AnalysisPage): Promise<Cell[] | undefined> {
    const [column] = columns;
    const { type } = this.entry;
    if (column === undefined || type === 'double' || type === 'float' || type === null) return undefined;
    const cells: Cell[] = [];
    for (const [row, value] of column.values.entries()) {
      const sampleUs = column.times?.[row] ?? Number.NaN;
      if (Number.isNaN(value)) cells.push(null);
      else if (Number.isNaN(sampleUs)) cells.push(value);
      else if (type === 'boolean') cells.push(value === 1);
      else if (isText(type) || Math.abs(value) >= 2 ** 53) cells.push(await this.at(sampleUs));
      else cells.push(value);
    }
    return cells;
  }

  /** Of several samples at one time the last good one counts. */
  private async at(timeUs: number): Promise<Cell> {
    if (timeUs === this.timeUs) return this.value;
    this.value = null;
    for await (const page of this.history.query({ tag: this.entry.path, fromUs: timeUs, toUs: timeUs + 1 })) {
      for (const { value, quality } of page.samples()) {
        const counts = isGood(quality) || (!this.uncertainIsBad && !isBad(quality));
        if (counts && value !== null) this.value = value;
      }
    }
    this.timeUs = timeUs;
    return this.value;
  }
}

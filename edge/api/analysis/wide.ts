import type { HistoryGap } from '../history-services.ts';
import { type HistoryFormat, jsonGaps, keepGap, PIECE_CHARACTERS, type TaggedGap } from '../history-text.ts';
import { formatTime } from '../time-text.ts';
import { wideColumnsOf } from './columns.ts';
import type { Cell, Request, TableColumn, TablePage } from './request.ts';
import { csvCell, csvHeader, jsonCell } from './table-text.ts';

/** Tags of one wide table at most: they are read side by side, each with a page in memory. */
export const MAX_WIDE_TAGS = 100;

/** Rows of several tags side by side: a row for each time at which one of them has one. */
export interface WideTable {
  /** Behind the time: a column for each tag, or one for each of its values. */
  readonly columns: readonly TableColumn[];
  readonly rows: AsyncIterable<WideRow>;
  /** Those of all tags, as far as they have been read. */
  readonly gaps: readonly TaggedGap[];
}

interface WideRow {
  readonly timeUs: number;
  readonly cells: readonly Cell[];
}

/** Joins the tables of tags by time. Of several rows of a tag at one time each has a row of its own. `pagesOf` gives the table of one tag in the long layout. */
export function wideTable(
  request: Request,
  tags: readonly string[],
  pagesOf: (tag: string) => AsyncIterable<TablePage>,
): WideTable {
  const wanted = wideColumnsOf(request);
  const isOne = wanted.length === 1;
  const names = tags.flatMap((tag) => wanted.map(({ name }) => (isOne ? tag : `${tag} ${name}`)));
  const gaps: TaggedGap[] = [];
  const onGaps = (tag: string, told: readonly HistoryGap[]): void => {
    for (const gap of told) keepGap(gaps, { tag, gap });
  };
  const places = wanted.map(({ at }) => at);
  const rows = joined(
    tags.map((tag) => rowsOf(pagesOf(tag), onGaps)),
    places,
  );
  return { columns: names.map((name) => ({ name, type: 'value' })), rows, gaps };
}

async function* rowsOf(
  pages: AsyncIterable<TablePage>,
  onGaps: (tag: string, gaps: readonly HistoryGap[]) => void,
): AsyncGenerator<Iterator<readonly Cell[]>> {
  for await (const { tag, gaps, rows } of pages) {
    onGaps(tag, gaps);
    yield rows[Symbol.iterator]();
  }
}

/** The next row of one tag. */
class Head {
  row: readonly Cell[] | undefined;
  private readonly pages: AsyncGenerator<Iterator<readonly Cell[]>>;
  private rows: Iterator<readonly Cell[]> | undefined;

  constructor(pages: AsyncGenerator<Iterator<readonly Cell[]>>) {
    this.pages = pages;
  }

  get timeUs(): number {
    const time = this.row?.[0];
    return typeof time === 'number' ? time : Number.POSITIVE_INFINITY;
  }

  /** The next row of the page; false: the next page must be read first. */
  step(): boolean {
    const next = this.rows?.next();
    this.row = next === undefined || next.done === true ? undefined : next.value;
    return this.row !== undefined;
  }

  async load(): Promise<void> {
    while (!this.step()) {
      const next = await this.pages.next();
      if (next.done === true) return;
      this.rows = next.value;
    }
  }

  async close(): Promise<void> {
    await this.pages.return(undefined);
  }
}

async function* joined(
  sources: readonly AsyncGenerator<Iterator<readonly Cell[]>>[],
  places: readonly number[],
): AsyncGenerator<WideRow> {
  const heads = sources.map((source) => new Head(source));
  try {
    for (const head of heads) await head.load();
    for (;;) {
      let timeUs = Number.POSITIVE_INFINITY;
      for (const head of heads) timeUs = Math.min(timeUs, head.timeUs);
      if (timeUs === Number.POSITIVE_INFINITY) return;
      const cells: Cell[] = [];
      const taken: Head[] = [];
      for (const head of heads) {
        const isHere = head.timeUs === timeUs;
        for (const at of places) cells.push(isHere ? (head.row?.[at] ?? null) : null);
        if (isHere && !head.step()) taken.push(head);
      }
      yield { timeUs, cells };
      for (const head of taken) await head.load();
    }
  } finally {
    for (const head of heads) await head.close();
  }
}

const TIME: TableColumn = { name: 'time', type: 'time' };

/** A wide table as CSV (`time`, then a column for each tag) or JSON (`columns`, a row a line, then the gaps), in pieces. */
export async function* wideText(
  format: HistoryFormat,
  { columns, rows, gaps }: WideTable,
  onEnd: (gaps: number) => void = () => undefined,
): AsyncGenerator<string> {
  const names = ['time', ...columns.map(({ name }) => name)];
  const isCsv = format === 'csv';
  let piece = isCsv ? csvHeader(names) : `{"columns":${JSON.stringify(names)},"rows":[`;
  let separator = '\n';
  for await (const { timeUs, cells } of rows) {
    if (isCsv) piece += `${[csvCell(timeUs, TIME), ...cells.map((cell) => csvCell(cell, undefined))].join(',')}\n`;
    else piece += `${separator}["${formatTime(timeUs)}",${cells.map((cell) => jsonCell(cell, undefined)).join(',')}]`;
    separator = ',\n';
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  onEnd(gaps.length);
  yield isCsv ? piece : `${piece}\n],${jsonGaps(gaps)}}\n`;
}

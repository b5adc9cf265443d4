import { ValueKind } from '../../core/sample.ts';
import { type HistoryFormat, jsonGaps, keepGap, PIECE_CHARACTERS, type TaggedGap } from '../history-text.ts';
import { formatTime } from '../time-text.ts';
import { csvText, csvValue, jsonValue } from '../value-text.ts';
import type { Cell, TableColumn, TablePage } from './request.ts';

/** What has happened to one counter and is told; what is beyond it is counted. */
const MAX_EVENTS = 10_000;

/**
 * A table as CSV (a column `tag` in front where several tags were asked for) or JSON (an item for each tag: its head, the names of the columns, a row a line), in pieces. `onEnd` is told
 * how many gaps there are, before the last piece.
 */
export async function* tableText(
  format: HistoryFormat,
  manyTags: boolean,
  columns: readonly TableColumn[],
  pages: AsyncIterable<TablePage>,
  onEnd: (gaps: number) => void = () => undefined,
): AsyncGenerator<string> {
  const lines = format === 'csv' ? csvLines(manyTags, columns) : jsonLines(columns);
  const gaps: TaggedGap[] = [];
  let piece = lines.begin;
  for await (const page of pages) {
    for (const gap of page.gaps) keepGap(gaps, { tag: page.tag, gap });
    piece += lines.page(page);
    for (const row of page.rows) {
      piece += lines.row(row);
      if (piece.length < PIECE_CHARACTERS) continue;
      yield piece;
      piece = '';
    }
  }
  onEnd(gaps.length);
  yield piece + lines.end(gaps);
}

interface Lines {
  readonly begin: string;
  /** What stands before the rows of a page. */
  page(page: TablePage): string;
  row(row: readonly Cell[]): string;
  end(gaps: readonly TaggedGap[]): string;
}

/** Names as the first line of a CSV file. */
export function csvHeader(names: readonly string[]): string {
  return `${names.map(csvText).join(',')}\n`;
}

function csvLines(manyTags: boolean, columns: readonly TableColumn[]): Lines {
  const names = columns.map(({ name }) => name);
  let prefix = '';
  return {
    begin: csvHeader(manyTags ? ['tag', ...names] : names),
    page({ tag }) {
      prefix = manyTags ? `${csvText(tag)},` : '';
      return '';
    },
    row: (row) => `${prefix}${row.map((cell, i) => csvCell(cell, columns[i])).join(',')}\n`,
    end: () => '',
  };
}

function jsonLines(columns: readonly TableColumn[]): Lines {
  const names = JSON.stringify(columns.map(({ name }) => name));
  let tag: string | undefined;
  let separator = '';
  let events: unknown[] = [];
  let untold = 0;
  const endOfItem = (): string => {
    const told = events.length + untold === 0 ? '' : `,"events":${JSON.stringify(events)},"moreEvents":${untold}`;
    events = [];
    untold = 0;
    return `\n]${told}}`;
  };
  return {
    begin: '{"items":[',
    page(page) {
      let text = '';
      if (page.tag !== tag) {
        const head = JSON.stringify({ tag: page.tag, ...page.head }).slice(0, -1);
        text = `${tag === undefined ? '' : `${endOfItem()},`}\n${head},"columns":${names},"rows":[`;
        ({ tag } = page);
        separator = '';
      }
      for (const event of page.events) {
        if (events.length < MAX_EVENTS) events.push(event);
        else untold++;
      }
      return text;
    },
    row(row) {
      const text = `${separator}\n[${row.map((cell, i) => jsonCell(cell, columns[i])).join(',')}]`;
      separator = ',';
      return text;
    },
    end: (gaps) => `${tag === undefined ? '' : endOfItem()}\n],${jsonGaps(gaps)}}\n`,
  };
}

/** A cell as CSV: nothing where there is no value. */
export function csvCell(cell: Cell, column: TableColumn | undefined): string {
  if (column?.type === 'time' && typeof cell === 'number') return formatTime(cell);
  return csvValue(kindOf(cell), cell);
}

/** A cell as JSON. */
export function jsonCell(cell: Cell, column: TableColumn | undefined): string {
  if (column?.type === 'time' && typeof cell === 'number') return `"${formatTime(cell)}"`;
  return jsonValue(kindOf(cell), cell);
}

/** A kind of sample that is written like this value. */
function kindOf(cell: Cell): ValueKind {
  if (cell === null) return ValueKind.null;
  switch (typeof cell) {
    case 'boolean':
      return ValueKind.boolean;
    case 'number':
      return ValueKind.double;
    case 'bigint':
      return ValueKind.long;
    case 'string':
      return ValueKind.string;
    case 'object':
    case 'undefined':
    case 'symbol':
    case 'function':
    default:
      return cell instanceof Uint8Array ? ValueKind.bytes : ValueKind.array;
  }
}

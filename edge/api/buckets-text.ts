import { CHART_AGGREGATES } from './historian-pages.ts';
import { type HistoryFormat, jsonGaps, keepGap, type TaggedGap } from './history-text.ts';
import type { BucketsPage, Reduction } from './services.ts';
import { TextBytes } from './text-bytes.ts';
import { formatTime } from './time-text.ts';
import { csvText } from './value-text.ts';

/**
 * Aggregates or chart points as CSV (`time,mean,max`, of several tags `tag,time,mean,max`) or JSON (an item for each tag, a row a line), in pieces. As with samples only JSON has room
 * for the gaps; `onEnd` is told how many there are, before the last piece. The route and the command both write with this.
 */
export async function* bucketsText(
  format: HistoryFormat,
  manyTags: boolean,
  reduction: Reduction,
  pages: AsyncIterable<BucketsPage>,
  onEnd: (gaps: number) => void = () => undefined,
): AsyncGenerator<string> {
  const columns = reduction.type === 'points' ? CHART_AGGREGATES : reduction.aggregates;
  const lines = format === 'csv' ? csvLines(manyTags, columns) : jsonLines(reduction);
  const gaps: TaggedGap[] = [];
  const out = new TextBytes();
  out.text(lines.begin);
  for await (const page of pages) {
    for (const gap of page.gaps) keepGap(gaps, { tag: page.tag, gap });
    lines.page(out, page);
    for (let row = 0; row < page.buckets.rows; row++) {
      lines.row(out, page, row, columns.length);
      if (out.isFull) yield out.take();
    }
  }
  onEnd(gaps.length);
  lines.end(out, gaps);
  yield out.take();
}

interface Lines {
  readonly begin: string;
  /** Adds what stands before the rows of a page. */
  page(out: TextBytes, page: BucketsPage): void;
  row(out: TextBytes, page: BucketsPage, row: number, columns: number): void;
  end(out: TextBytes, gaps: readonly TaggedGap[]): void;
}

function csvLines(manyTags: boolean, columns: readonly string[]): Lines {
  let prefix = '';
  return {
    begin: `${manyTags ? 'tag,' : ''}time,${columns.join(',')}\n`,
    page(_out, { tag }) {
      prefix = manyTags ? `${csvText(tag)},` : '';
    },
    row(out, page, row, count) {
      out.text(prefix);
      putRow(out, page, row, count, CSV);
      out.text('\n');
    },
    end: () => undefined,
  };
}

function jsonLines(reduction: Reduction): Lines {
  let tag: string | undefined;
  let begin = '';
  return {
    begin: '{"items":[',
    page(out, page) {
      if (page.tag === tag) return;
      out.text(`${tag === undefined ? '' : '\n]},'}\n${itemHead(reduction, page)}`);
      ({ tag } = page);
      begin = '\n["';
    },
    row(out, page, row, count) {
      out.text(begin);
      begin = ',\n["';
      putRow(out, page, row, count, JSON_ROW);
      out.text(']');
    },
    end(out, gaps) {
      out.text(`${tag === undefined ? '' : '\n]}'}\n],${jsonGaps(gaps)}}\n`);
    },
  };
}

/** What stands behind a time, and in place of a value that there is not. */
interface RowMarks {
  readonly behindTime: string;
  readonly none: string;
}

const CSV: RowMarks = { behindTime: '', none: '' };
const JSON_ROW: RowMarks = { behindTime: '"', none: 'null' };

/** Adds time and values with commas between them. */
function putRow(
  out: TextBytes,
  { buckets }: BucketsPage,
  row: number,
  columns: number,
  { behindTime, none }: RowMarks,
): void {
  out.time(buckets.times[row] ?? 0);
  out.text(behindTime);
  for (let column = 0; column < columns; column++) {
    const value = buckets.value(row, column);
    out.text(',');
    if (typeof value === 'number') out.number(value);
    else out.text(value === null ? none : String(value));
  }
}

function itemHead(reduction: Reduction, { tag, widthUs, partial }: BucketsPage): string {
  const head = `{"tag":${JSON.stringify(tag)}`;
  const starts = JSON.stringify(partial.map(formatTime));
  if (reduction.type === 'points') {
    const seconds = widthUs === null ? 'null' : String(widthUs / 1_000_000);
    return `${head},"raw":${widthUs === null},"bucketSeconds":${seconds},"partial":${starts},"points":[`;
  }
  const { interval, aggregates } = reduction;
  return `${head},"interval":"${interval}","aggregates":${JSON.stringify(aggregates)},"partial":${starts},"rows":[`;
}

import { CHART_AGGREGATES } from './historian-pages.ts';
import { type HistoryFormat, jsonGaps, keepGap, PIECE_CHARACTERS, type TaggedGap } from './history-text.ts';
import type { BucketRow, BucketsPage, Reduction } from './services.ts';
import { formatTime } from './time-text.ts';
import { csvText, numberText } from './value-text.ts';

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
  const lines = format === 'csv' ? csvLines(manyTags, reduction) : jsonLines(reduction);
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
  page(page: BucketsPage): string;
  row(row: BucketRow): string;
  end(gaps: readonly TaggedGap[]): string;
}

function csvLines(manyTags: boolean, reduction: Reduction): Lines {
  const columns = reduction.type === 'points' ? CHART_AGGREGATES : reduction.aggregates;
  let prefix = '';
  return {
    begin: `${manyTags ? 'tag,' : ''}time,${columns.join(',')}\n`,
    page({ tag }) {
      prefix = manyTags ? `${csvText(tag)},` : '';
      return '';
    },
    row: ({ timeUs, values }) => `${prefix}${formatTime(timeUs)},${values.map(csvNumber).join(',')}\n`,
    end: () => '',
  };
}

function jsonLines(reduction: Reduction): Lines {
  let tag: string | undefined;
  let separator = '';
  return {
    begin: '{"items":[',
    page(page) {
      if (page.tag === tag) return '';
      const text = `${tag === undefined ? '' : '\n]},'}\n${itemHead(reduction, page)}`;
      ({ tag } = page);
      separator = '';
      return text;
    },
    row({ timeUs, values }) {
      const text = `${separator}\n["${formatTime(timeUs)}",${values.map(jsonNumber).join(',')}]`;
      separator = ',';
      return text;
    },
    end: (gaps) => `${tag === undefined ? '' : '\n]}'}\n],${jsonGaps(gaps)}}\n`,
  };
}

function itemHead(reduction: Reduction, { tag, widthUs, partial }: BucketsPage): string {
  const head = `{"tag":${JSON.stringify(tag)}`;
  if (reduction.type === 'points') {
    const seconds = widthUs === null ? 'null' : String(widthUs / 1_000_000);
    return `${head},"raw":${widthUs === null},"bucketSeconds":${seconds},"points":[`;
  }
  const { interval, aggregates } = reduction;
  const starts = JSON.stringify(partial.map(formatTime));
  return `${head},"interval":"${interval}","aggregates":${JSON.stringify(aggregates)},"partial":${starts},"rows":[`;
}

function csvNumber(value: number | bigint | null): string {
  return value === null ? '' : numberText(value);
}

function jsonNumber(value: number | bigint | null): string {
  return value === null ? 'null' : numberText(value);
}

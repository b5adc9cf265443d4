import { ARROW_MEDIA_TYPE } from '../../historian/arrow/stream.ts';
import type { HistoryPage } from '../../historian/queries/history.ts';
import { csvSampleLines, jsonSampleLines } from './sample-lines.ts';
import type { HistoryGap } from './services.ts';
import { TextBytes } from './text-bytes.ts';
import { formatTime } from './time-text.ts';

export type HistoryFormat = 'csv' | 'json';
/** What the route gives; Arrow is not text. */
export type AnswerFormat = HistoryFormat | 'arrow';

export const HISTORY_MEDIA_TYPES: Readonly<Record<AnswerFormat, string>> = {
  arrow: ARROW_MEDIA_TYPE,
  csv: 'text/csv; charset=utf-8; header=present',
  json: 'application/json; charset=utf-8',
};

/** Trailer of an answer (RFC 9110, section 6.5): in how many spans samples may be missing. */
export const GAPS_TRAILER = 'millrace-gaps';

/** Text is handed on in pieces of about this many characters. */
export const PIECE_CHARACTERS = 64 * 1024;
/** Gaps of one answer, which come behind the samples and are kept until then. Beyond this those of a tag are joined into one. */
const MAX_GAPS = 10_000;

/**
 * Samples as CSV (`time,value,quality`, of several tags `tag,time,value,quality`) or JSON (`{"items":[…],"gaps":[…]}`, a row a line), in pieces.
 * Only JSON has room for the gaps; `onEnd` is told in how many spans samples may be missing, before the last piece.
 * The route and the command both write with this, so that they give the same bytes. `manyTags`: more than one was asked for.
 */
export async function* historyText(
  format: HistoryFormat,
  manyTags: boolean,
  pages: AsyncIterable<HistoryPage>,
  onEnd: (gaps: number) => void = () => undefined,
): AsyncGenerator<string> {
  const isCsv = format === 'csv';
  const lines = isCsv ? csvSampleLines(manyTags) : jsonSampleLines();
  const out = new TextBytes();
  const gaps: TaggedGap[] = [];
  out.text(isCsv ? `${manyTags ? 'tag,' : ''}time,value,quality\n` : '{"items":[');
  for await (const { tag, points, gaps: missing } of pages) {
    const prefix = lines.prefix(tag);
    for (const gap of missing) keepGap(gaps, { tag, gap });
    for (let row = 0; row < points.count; row++) {
      lines.row(out, prefix, points, row);
      if (out.isFull) yield out.take();
    }
  }
  onEnd(gaps.length);
  if (!isCsv) out.text(`\n],${jsonGaps(gaps)}}\n`);
  yield out.take();
}

/** A gap beside its tag. */
export interface TaggedGap {
  readonly tag: string;
  readonly gap: HistoryGap;
}

/** Adds a gap to those that stand at the end of an answer. */
export function keepGap(gaps: TaggedGap[], { tag, gap }: TaggedGap): void {
  const last = gaps.at(-1);
  if (gaps.length < MAX_GAPS || last?.tag !== tag) {
    gaps.push({ tag, gap });
    return;
  }
  const fromUs = Math.min(last.gap.fromUs, gap.fromUs);
  const toUs = Math.max(last.gap.toUs, gap.toUs);
  gaps.splice(-1, 1, { tag, gap: { ...last.gap, fromUs, toUs, samples: null, detail: 'Several gaps.' } });
}

/** The member `gaps` of an answer. */
export function jsonGaps(gaps: readonly TaggedGap[]): string {
  return `"gaps":[${gaps.map((gap) => `\n${jsonGap(gap)}`).join(',')}]`;
}

function jsonGap({ tag, gap: { fromUs, toUs, reason, samples, detail } }: TaggedGap): string {
  const span = `"from":"${formatTime(fromUs)}","to":"${formatTime(toUs)}"`;
  return `{"tag":${JSON.stringify(tag)},${span},"reason":${JSON.stringify(reason)},"samples":${samples},"detail":${JSON.stringify(detail)}}`;
}

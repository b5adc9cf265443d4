import type { EventFrame } from '../../../historian/analysis/event-frames.ts';
import type { History } from '../../../historian/questions/history.ts';
import { analysisPagesOf } from '../../../historian/questions/analysis-query.ts';
import { Fault } from '../../core/fault.ts';
import type { KnownTags } from '../../tags/near-tag.ts';
import { boundedSpan, entriesOf, isText } from '../historian-pages.ts';
import { type HistoryFormat, jsonGaps, keepGap, PIECE_CHARACTERS, type TaggedGap } from '../history-text.ts';
import { formatTime } from '../time-text.ts';
import { csvText, numberText } from '../value-text.ts';
import type { FoundFrames, FramesQuery } from './frames-request.ts';

/** Searches tags one after the other. Throws `tag-unknown`, `aggregate-type` before the first page. */
export async function* historianFrames(
  history: Pick<History, 'analysisPage' | 'summaries'>,
  dictionary: KnownTags,
  query: FramesQuery,
): AsyncGenerator<FoundFrames> {
  const { condition, uncertainIsBad, signal } = query;
  const isOfQuality = condition.when === 'bad' || condition.when === 'not-good';
  const entries = entriesOf(dictionary, query.tags);
  for (const { path, type } of entries)
    if (isText(type) && !isOfQuality) throw new Fault('aggregate-type', `${path} is of type ${type ?? ''}.`);
  const tags = [...new Set(entries.map(({ path }) => path))];
  const span = await boundedSpan(history, tags, query);
  if (span.toUs <= span.fromUs) return;
  for (const tag of tags) {
    const asked = { what: 'frames', condition, uncertainIsBad } as const;
    for await (const { frames, gaps } of analysisPagesOf(history, { tag, ...span, asked }, signal))
      yield { tag, frames, gaps };
  }
}

const COLUMNS = 'start,end,start_is,end_is,certain,seconds,samples,min,max,mean,gap_seconds,quality';

/** Event frames as CSV (`tag,start,end,…` with a tag in front where several were asked for) or JSON (a frame a line, then the gaps), in pieces. */
export async function* framesText(
  format: HistoryFormat,
  manyTags: boolean,
  pages: AsyncIterable<FoundFrames>,
  onEnd: (gaps: number) => void = () => undefined,
): AsyncGenerator<string> {
  const isCsv = format === 'csv';
  const told: TaggedGap[] = [];
  let piece = isCsv ? `${manyTags ? 'tag,' : ''}${COLUMNS}\n` : '{"items":[';
  let separator = '\n';
  for await (const { tag, frames, gaps } of pages) {
    for (const gap of gaps) keepGap(told, { tag, gap });
    for (const frame of frames) {
      piece += isCsv
        ? `${manyTags ? `${csvText(tag)},` : ''}${csvFrame(frame)}\n`
        : `${separator}${jsonFrame(tag, frame)}`;
      separator = ',\n';
      if (piece.length < PIECE_CHARACTERS) continue;
      yield piece;
      piece = '';
    }
  }
  onEnd(told.length);
  yield isCsv ? piece : `${piece}\n],${jsonGaps(told)}}\n`;
}

function csvFrame({
  startUs,
  endUs,
  start,
  end,
  certain,
  samples,
  min,
  max,
  mean,
  gapUs,
  quality,
}: EventFrame): string {
  const span = [formatTime(startUs), formatTime(endUs), start, end, certain, (endUs - startUs) / 1e6];
  const values = [min, max, mean].map((value) => (Number.isNaN(value) ? '' : numberText(value)));
  return [...span, samples, ...values, gapUs / 1e6, quality].join(',');
}

function jsonNumber(value: number): string {
  return Number.isNaN(value) ? 'null' : numberText(value);
}

function jsonFrame(tag: string, frame: EventFrame): string {
  const { startUs, endUs, start, end, certain, samples, min, max, mean, gapUs, quality } = frame;
  const span = `"start":"${formatTime(startUs)}","end":"${formatTime(endUs)}","startIs":"${start}","endIs":"${end}"`;
  const length = `"certain":${certain},"seconds":${(endUs - startUs) / 1e6},"samples":${samples}`;
  const values = `"min":${jsonNumber(min)},"max":${jsonNumber(max)},"mean":${jsonNumber(mean)}`;
  return `{"tag":${JSON.stringify(tag)},${span},${length},${values},"gapSeconds":${gapUs / 1e6},"quality":${quality}}`;
}

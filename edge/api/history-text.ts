import { flagNames } from '../core/flags.ts';
import type { HistoryGap, HistoryPage, HistorySample, TagSample } from './services.ts';
import { formatTime } from './time-text.ts';
import { csvText, csvValue, jsonValue } from './value-text.ts';

export type HistoryFormat = 'csv' | 'json';

export const HISTORY_MEDIA_TYPES: Readonly<Record<HistoryFormat, string>> = {
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
  const lines = format === 'csv' ? csvLines(manyTags) : jsonLines();
  const gaps: TaggedGap[] = [];
  let piece = lines.begin;
  for await (const { tag, samples, gaps: missing = [] } of pages) {
    const prefix = lines.prefix(tag);
    for (const gap of missing) keepGap(gaps, { tag, gap });
    for (const sample of samples) {
      piece += lines.row(prefix, sample);
      if (piece.length < PIECE_CHARACTERS) continue;
      yield piece;
      piece = '';
    }
  }
  onEnd(gaps.length);
  yield piece + lines.end(gaps);
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

interface Lines {
  readonly begin: string;
  end(gaps: readonly TaggedGap[]): string;
  /** What the rows of a tag have in common. */
  prefix(tag: string): string;
  row(prefix: string, sample: HistorySample): string;
}

function csvLines(manyTags: boolean): Lines {
  return {
    begin: manyTags ? 'tag,time,value,quality\n' : 'time,value,quality\n',
    end: () => '',
    prefix: (tag) => (manyTags ? `${csvText(tag)},` : ''),
    row: (prefix, { timeUs, kind, value, quality }) =>
      `${prefix}${formatTime(timeUs)},${csvValue(kind, value)},${quality}\n`,
  };
}

function jsonLines(): Lines {
  let separator = '';
  return {
    begin: '{"items":[',
    end: (gaps) => `\n],${jsonGaps(gaps)}}\n`,
    prefix: (tag) => JSON.stringify(tag),
    row(prefix, sample) {
      const text = `${separator}\n${jsonRow(prefix, sample)}`;
      separator = ',';
      return text;
    },
  };
}

/** The member `gaps` of an answer. */
export function jsonGaps(gaps: readonly TaggedGap[]): string {
  return `"gaps":[${gaps.map((gap) => `\n${jsonGap(gap)}`).join(',')}]`;
}

function jsonGap({ tag, gap: { fromUs, toUs, reason, samples, detail } }: TaggedGap): string {
  const span = `"from":"${formatTime(fromUs)}","to":"${formatTime(toUs)}"`;
  return `{"tag":${JSON.stringify(tag)},${span},"reason":${JSON.stringify(reason)},"samples":${samples},"detail":${JSON.stringify(detail)}}`;
}

/** One sample of a tag as a JSON object. */
export function jsonSample(sample: TagSample): string {
  return jsonRow(JSON.stringify(sample.tag), sample);
}

function jsonRow(tag: string, sample: HistorySample): string {
  const { timeUs, kind, value, quality, flags, deviceTimeUs, serverTimeUs } = sample;
  let text = `{"tag":${tag},"time":"${formatTime(timeUs)}","value":${jsonValue(kind, value)},"quality":${quality}`;
  if (flags !== 0) text += `,"flags":${JSON.stringify(flagNames(flags))}`;
  if (deviceTimeUs !== null) text += `,"deviceTime":"${formatTime(deviceTimeUs)}"`;
  if (serverTimeUs !== null) text += `,"serverTime":"${formatTime(serverTimeUs)}"`;
  return `${text}}`;
}

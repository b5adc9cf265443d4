import type { Points } from '../../historian/points/points.ts';
import { flagNames } from '../core/flags.ts';
import { ValueKind } from '../core/sample.ts';
import type { TagSample } from './services.ts';
import type { TextBytes } from './text-bytes.ts';
import { formatTime } from './time-text.ts';
import { csvText, csvValue, jsonValue } from './value-text.ts';

/** Samples as rows of an answer, a line each, straight out of their columns: an object and texts for each of them take twice as long. */
export interface SampleLines {
  /** What the rows of a tag begin with. */
  prefix(tag: string): Uint8Array;
  /** Adds one row. */
  row(out: TextBytes, prefix: Uint8Array, points: Points, row: number): void;
}

const encoder = new TextEncoder();
const [TRUE, FALSE] = [encoder.encode('true'), encoder.encode('false')];
const COMMA = encoder.encode(',');
/** Of nearly all samples. */
const GOOD_LINE = encoder.encode(',0\n');
const JSON_VALUE = encoder.encode('","value":');
const JSON_GOOD = encoder.encode(',"quality":0}');

/** `time,value,quality`; of several tags with the tag in front. */
export function csvSampleLines(manyTags: boolean): SampleLines {
  return {
    prefix: (tag) => encoder.encode(manyTags ? `${csvText(tag)},` : ''),
    row(out, prefix, points, row) {
      const quality = points.qualityOf(row);
      out.raw(prefix);
      out.time(points.times[row] ?? 0);
      out.raw(COMMA);
      putValue(out, points, row, csvValue);
      if (quality === 0) out.raw(GOOD_LINE);
      else out.text(`,${quality}\n`);
    },
  };
}

/** Items of a list: objects with a comma between, each on a line of its own. */
export function jsonSampleLines(): SampleLines {
  let isFirst = true;
  return {
    prefix: (tag) => encoder.encode(`,\n{"tag":${JSON.stringify(tag)},"time":"`),
    row(out, prefix, points, row) {
      out.raw(isFirst ? prefix.subarray(1) : prefix);
      isFirst = false;
      out.time(points.times[row] ?? 0);
      out.raw(JSON_VALUE);
      putValue(out, points, row, jsonValue);
      if (points.hasMore) putRest(out, points, row);
      else out.raw(JSON_GOOD);
    },
  };
}

/** What few samples have behind their value. */
function putRest(out: TextBytes, points: Points, row: number): void {
  const [quality, flags] = [points.qualityOf(row), points.flagsOf(row)];
  const deviceTimeUs = points.deviceTime(row);
  const serverTimeUs = points.serverTime(row);
  if (quality === 0 && flags === 0 && Number.isNaN(deviceTimeUs) && Number.isNaN(serverTimeUs))
    return out.raw(JSON_GOOD);
  out.text(`,"quality":${quality}`);
  if (flags !== 0) out.text(`,"flags":${JSON.stringify(flagNames(flags))}`);
  if (!Number.isNaN(deviceTimeUs)) out.text(`,"deviceTime":"${formatTime(deviceTimeUs)}"`);
  if (!Number.isNaN(serverTimeUs)) out.text(`,"serverTime":"${formatTime(serverTimeUs)}"`);
  out.text('}');
}

function putValue(out: TextBytes, points: Points, row: number, textOf: typeof jsonValue): void {
  const kind = points.kinds[row] as ValueKind;
  if (kind === ValueKind.double || kind === ValueKind.float) out.number(points.slots[row] ?? 0);
  else if (kind === ValueKind.boolean) out.raw(points.words[row * 2] === 1 ? TRUE : FALSE);
  else out.text(textOf(kind, points.value(row)));
}

/** One sample as the same JSON object, for those who have few of them as objects. */
export function jsonSample(sample: TagSample): string {
  const { tag, timeUs, kind, value, quality, flags, deviceTimeUs, serverTimeUs } = sample;
  let text = `{"tag":${JSON.stringify(tag)},"time":"${formatTime(timeUs)}","value":${jsonValue(kind, value)},"quality":${quality}`;
  if (flags !== 0) text += `,"flags":${JSON.stringify(flagNames(flags))}`;
  if (deviceTimeUs !== null) text += `,"deviceTime":"${formatTime(deviceTimeUs)}"`;
  if (serverTimeUs !== null) text += `,"serverTime":"${formatTime(serverTimeUs)}"`;
  return `${text}}`;
}

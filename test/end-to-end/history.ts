import type { FoundSample } from './decode.ts';
import type { Gateway } from './gateway.ts';

/** Rows of `millrace history --format csv` or of the route with `Accept: text/csv`. `tag`: the one that was asked for, null if there were several. */
export function parseHistoryCsv(csv: string, tag: string | null): FoundSample[] {
  const [header, ...lines] = csv.trimEnd().split('\n');
  const wanted = tag === null ? 'tag,time,value,quality' : 'time,value,quality';
  if (header !== wanted) throw new Error(`history begins with ${header}`);
  return lines.map((line) => {
    // Neither the tags nor the values of these tests hold commas or quotes.
    const fields = line.split(',');
    const [time = '', value = '', quality = ''] = tag === null ? fields.slice(1) : fields;
    return {
      tag: tag ?? fields[0] ?? '',
      timeUs: microseconds(time),
      value: csvValue(value),
      quality: Number(quality),
    };
  });
}

function csvValue(text: string): FoundSample['value'] {
  if (text === '') return null;
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

interface HistoryRow {
  readonly tag: string;
  readonly time: string;
  readonly value: FoundSample['value'];
  readonly quality: number;
  readonly flags?: readonly string[];
  readonly deviceTime?: string;
}

export interface HistorySample extends FoundSample {
  readonly flags: readonly string[];
  /** µs; null where it is the effective time. */
  readonly deviceTimeUs: number | null;
}

/** Rows of `millrace history --format json` or of the route. */
export function parseHistoryJson(json: string): HistorySample[] {
  const { items } = JSON.parse(json) as { items: readonly HistoryRow[] };
  return items.map(({ tag, time, value, quality, flags = [], deviceTime }) => {
    const deviceTimeUs = deviceTime === undefined ? null : microseconds(deviceTime);
    return { tag, timeUs: microseconds(time), value, quality, flags, deviceTimeUs };
  });
}

/** µs of a time as history writes it: UTC, six digits. */
export function microseconds(time: string): number {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})Z$/.exec(time);
  if (match === null) throw new Error(`history has the time ${time}`);
  return Date.parse(`${match[1]}Z`) * 1000 + Number(match[2]);
}

/** Samples of the tags out of the historian: all of them, through HTTP. */
export async function historyByHttp(gateway: Gateway, tags: readonly string[]): Promise<FoundSample[]> {
  const query = tags.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
  const csv = await gateway.text(`/api/v1/history?${query}`, 'text/csv');
  return parseHistoryCsv(csv, tags.length === 1 ? (tags[0] ?? null) : null);
}

/** The same through `millrace history`, from the running gateway or, where none runs, from its files. */
export async function historyByCommand(gateway: Gateway, tags: readonly string[]): Promise<FoundSample[]> {
  const { stdout } = await gateway.cli('history', ...tags, '--format', 'csv');
  return parseHistoryCsv(stdout.toString('utf8'), tags.length === 1 ? (tags[0] ?? null) : null);
}

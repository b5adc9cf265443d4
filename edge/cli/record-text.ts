import { flagNames } from '../core/flags.ts';
import type { RecordHeader } from '../core/record-batch.ts';
import type { RecordCursor } from '../core/record-cursor.ts';
import { SAMPLE_SCHEMA_ID, SampleReader } from '../core/sample-codec.ts';
import { statusName } from '../core/status-code.ts';
import { holdsSamples } from '../core/topics.ts';
import { formatTime } from '../api/time-text.ts';
import { jsonValue } from '../api/value-text.ts';

/** Bytes that are no text are shown so far for people; JSON has all of them. */
const SHOWN_BYTES = 100;

const decoder = new TextDecoder('utf-8', { fatal: true });
const sample = new SampleReader();

/** The record of a topic that the cursor stands on, as a line for people: offset, ingest time, key, value, headers. */
export function recordLine(topic: string, cursor: RecordCursor): string {
  const parts = [String(cursor.offset), formatTime(cursor.timestampMs * 1000), keyText(cursor.key()) ?? '(no key)'];
  const value = cursor.value();
  if (value === null) parts.push(isErased(topic, cursor) ? '(erased)' : '(no value)');
  else if (isSample(value)) parts.push(sampleLine(value));
  else parts.push(textOf(value) ?? `${hex(value.subarray(0, SHOWN_BYTES))} (${value.length} bytes)`);
  for (const header of cursor.headers()) parts.push(`${header[0]}=${headerText(header)}`);
  return `${parts.join('  ')}\n`;
}

/** The same as one line of JSON: a sample decoded, JSON as it is, other text as text, other bytes as base64. */
export function recordJson(topic: string, cursor: RecordCursor): string {
  const value = cursor.value();
  const head = `{"offset":${cursor.offset},"timestamp":"${formatTime(cursor.timestampMs * 1000)}"`;
  const headers = cursor.headers().map((header) => `${JSON.stringify(header[0])}:${headerJson(header)}`);
  const key = `"key":${JSON.stringify(keyText(cursor.key()))}`;
  return `${head},${key},"headers":{${headers.join(',')}},${value === null ? noValueJson(topic, cursor) : valueJson(value)}}\n`;
}

/** A tag's record without a value: its sample was erased. */
function isErased(topic: string, { keyStart, valueStart }: RecordCursor): boolean {
  return holdsSamples(topic) && keyStart >= 0 && valueStart < 0;
}

function noValueJson(topic: string, cursor: RecordCursor): string {
  return isErased(topic, cursor) ? '"value":null,"erased":true' : '"value":null';
}

function isSample(value: Uint8Array): boolean {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return value.length > 5 && value[0] === 0 && view.getUint32(1) === SAMPLE_SCHEMA_ID;
}

function sampleLine(value: Uint8Array): string {
  sample.read(value, 0, value.length);
  const { timeUs, kind, value: content, quality, flags, serverTimeUs } = sample;
  const parts = [formatTime(timeUs), jsonValue(kind, content), statusName(quality), ...flagNames(flags)];
  if (serverTimeUs !== null) parts.push(`serverTime=${formatTime(serverTimeUs)}`);
  return parts.join('  ');
}

function valueJson(value: Uint8Array): string {
  if (isSample(value)) {
    sample.read(value, 0, value.length);
    const { timeUs, kind, value: content, quality, flags, serverTimeUs } = sample;
    const server = serverTimeUs === null ? '' : `,"serverTime":"${formatTime(serverTimeUs)}"`;
    const names = JSON.stringify(flagNames(flags));
    return `"sample":{"time":"${formatTime(timeUs)}","value":${jsonValue(kind, content)},"quality":${quality},"flags":${names}${server}}`;
  }
  const text = textOf(value);
  if (text === undefined) return `"base64":"${Buffer.from(value).toString('base64')}"`;
  return `"value":${isJson(text) ? text : JSON.stringify(text)}`;
}

function keyText(key: Uint8Array | null): string | null {
  return key === null ? null : (textOf(key) ?? hex(key));
}

function headerText([name, value]: RecordHeader): string {
  if (value === null) return 'null';
  if (isPacketId(name, value)) return String(new DataView(value.buffer, value.byteOffset).getUint16(0));
  return textOf(value) ?? hex(value);
}

function headerJson(header: RecordHeader): string {
  const text = headerText(header);
  return header[1] === null || isPacketId(...header) ? text : JSON.stringify(text);
}

function isPacketId(name: string, value: Uint8Array | null): boolean {
  return name === 'p' && value?.length === 2;
}

/** Bytes as text if they are UTF-8 without control characters. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = decoder.decode(bytes);
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    return /[\u0000-\u0008\u000b-\u001f\u007f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function isJson(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !text.includes('\n');
  } catch {
    return false;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

import { program, run } from './run.ts';

/** A record as a Kafka client that is not ours reads it. */
export interface KcatRecord {
  readonly offset: number;
  /** ms since the epoch. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly KcatHeader[];
}

interface KcatHeader {
  readonly name: string;
  readonly value: Buffer;
}

export interface KcatRange {
  /** 0 unless told. */
  readonly partition?: number;
  /** The first offset wanted; the beginning unless told. */
  readonly from?: number;
  /** At most so many; up to the end unless told. */
  readonly count?: number;
  /** More flags for kcat, for example `-X` settings. */
  readonly flags?: readonly string[];
  /** ms; two minutes unless told. */
  readonly limitMs?: number;
}

/** Long and odd enough that no record contains it. Headers come without their length, so it marks where they end. Exported for its test. */
export const endMark = '\u0001\u0002millrace-end-of-record\u0002\u0001\n';

/** Offset, time, length of key, length of value on a line, then the bytes. kcat gives -1 as the length of a null. */
const format = `%o %T %K %S\\n%k%s%h${endMark.replaceAll('\n', '\\n')}`;

/** Reads one partition from an offset to its end, every byte as it is stored, checksums verified. A topic that does not exist is an error. */
export async function kcatConsume(brokers: string, topic: string, range: KcatRange = {}): Promise<KcatRecord[]> {
  const flags = ['-C', '-b', brokers, '-t', topic, '-p', String(range.partition ?? 0), '-e', '-q', '-f', format];
  flags.push('-o', String(range.from ?? 'beginning'), '-X', 'check.crcs=true', ...metadataLimit);
  if (range.count !== undefined) flags.push('-c', String(range.count));
  const output = await kcat([...flags, ...(range.flags ?? [])], '', range.limitMs);
  return parseRecords(output);
}

/** Sends one record with the key and value given, which must not be empty; headers as text. */
export async function kcatProduce(
  brokers: string,
  topic: string,
  record: { key: string; value: string | Uint8Array; headers?: Readonly<Record<string, string>> },
): Promise<void> {
  const headers = Object.entries(record.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}=${value}`]);
  // A delimiter that the value does not hold makes standard input one record.
  const delimiter = ['-D', endMark.trimEnd()];
  const flags = [
    '-P',
    '-b',
    brokers,
    '-t',
    topic,
    '-p',
    '0',
    '-k',
    record.key,
    ...delimiter,
    ...headers,
    ...metadataLimit,
  ];
  await kcat([...flags, '-X', 'acks=all'], record.value);
}

/** kcat waits so long (s) for a broker that is just coming up. */
const metadataLimit = ['-m', '30'];

async function kcat(flags: readonly string[], input: string | Uint8Array, limitMs = 120_000): Promise<Buffer> {
  // The user's own configuration of kcat has no say in tests.
  const { stdout } = await run(program('kcat'), flags, { input, limitMs, env: { KCAT_CONFIG: '/dev/null' } });
  return stdout;
}

/** Takes kcat's output in `format` apart. Exported for its test. */
export function parseRecords(output: Buffer): KcatRecord[] {
  const records: KcatRecord[] = [];
  for (let at = 0; at < output.length;) {
    const lineEnd = output.indexOf('\n', at);
    const numbers = output.toString('latin1', at, lineEnd).split(' ').map(Number);
    const [offset, timestampMs, keyLength, valueLength] = numbers;
    if (offset === undefined || timestampMs === undefined || keyLength === undefined || valueLength === undefined) {
      throw new Error(`kcat's output is not understood at byte ${at}: ${output.toString('latin1', at, at + 80)}`);
    }
    const valueAt = lineEnd + 1 + Math.max(keyLength, 0);
    const headersAt = valueAt + Math.max(valueLength, 0);
    const end = output.indexOf(endMark, headersAt);
    if (end < 0) throw new Error(`kcat's output ends within the record at byte ${at}`);
    records.push({
      offset,
      timestampMs,
      key: keyLength < 0 ? null : output.subarray(lineEnd + 1, valueAt),
      value: valueLength < 0 ? null : output.subarray(valueAt, headersAt),
      headers: parseHeaders(output.subarray(headersAt, end)),
    });
    at = end + endMark.length;
  }
  return records;
}

/** kcat writes `name=value,name=value` without quoting: a header starts where a comma is followed by a plain name and `=`. */
function parseHeaders(bytes: Buffer): KcatHeader[] {
  const text = bytes.toString('latin1');
  const starts = [...text.matchAll(/(?:^|,)([\w.-]+)=/g)];
  return starts.map((start, index) => {
    const end = starts[index + 1]?.index ?? text.length;
    return { name: start[1] ?? '', value: bytes.subarray(start.index + start[0].length, end) };
  });
}

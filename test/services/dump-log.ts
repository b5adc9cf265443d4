import { runKafkaTool } from './kafka-jars.ts';

const dumpTool = 'org.apache.kafka.tools.DumpLogSegments';

/** A record as Kafka's own dump tool reads it from a segment file. */
export interface DumpedRecord {
  readonly offset: number;
  /** ms since the epoch. */
  readonly timestampMs: number;
  readonly headerNames: readonly string[];
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/**
 * What Kafka's dump tool prints about the segment files (`.log`), record by record unless other flags are given; standard output, then standard error.
 * Its exit code says little about damage: see `dumpComplaints`.
 */
export async function dumpLog(
  files: readonly string[],
  flags: readonly string[] = ['--deep-iteration'],
): Promise<string> {
  return (await dump(files, flags)).toString('utf8');
}

/**
 * What it prints about index files (`.index`, `.timeindex`), whose `.log` must lie beside them: its sanity check, then the comparison with the log entry
 * by entry, since the sanity check misses entries that are wrong.
 */
export async function dumpIndexes(files: readonly string[]): Promise<string> {
  const sanity = await dumpLog(files, ['--index-sanity-check']);
  return sanity + (await dumpLog(files, ['--verify-index-only']));
}

/** Every record of the segment files, every byte of its key and value. Rejects where the tool has a complaint. */
export async function dumpRecords(files: readonly string[]): Promise<DumpedRecord[]> {
  const decoders = ['--key-decoder-class', 'HexDecoder', '--value-decoder-class', 'HexDecoder'];
  const output = await dump(files, ['--deep-iteration', '--print-data-log', ...decoders]);
  const records: DumpedRecord[] = [];
  const others: string[] = [];
  for (let at = 0; at < output.length;) {
    const end = output.indexOf('\n', at);
    const line = output.toString('utf8', at, end < 0 ? output.length : end);
    const record = parseRecord(line);
    if (record === undefined) others.push(line);
    else records.push(record);
    at = end < 0 ? output.length : end + 1;
  }
  const complaints = dumpComplaints(others.join('\n'));
  if (complaints.length > 0) throw new Error(`damage in ${files.join(', ')}:\n${complaints.slice(0, 20).join('\n')}`);
  return records;
}

/** Lines of its output that speak of damage. (That a file's first batch does not follow on -1 is none: it starts above 0.) */
export function dumpComplaints(text: string): string[] {
  return text.split('\n').filter((line) => complaints.some((pattern) => pattern.test(line)));
}

const complaints = [
  /^(?:baseOffset|\| offset): .*\bisvalid: false/,
  /^Found \d+ invalid bytes/,
  /^Mismatches in/,
  /^Found (?:timestamp mismatch|out of order timestamp)/,
  /^The following indexed offsets are not found/,
  /^ +\d+ is followed by/,
  /^Exception in thread|^Caused by:|^Could not/,
];

async function dump(files: readonly string[], flags: readonly string[]): Promise<Buffer> {
  const options = { anyCode: true, limitMs: 300_000 };
  const { stdout, stderr } = await runKafkaTool(dumpTool, ['--files', files.join(','), ...flags], options);
  return Buffer.concat([stdout, Buffer.from(stderr)]);
}

const recordLine =
  /^\| offset: (\d+) \w+: (-?\d+) keySize: (-?\d+) valueSize: (-?\d+) sequence: -?\d+ headerKeys: \[(.*?)\](?: key: ([0-9a-f]*))?(?: payload: ([0-9a-f]*))?/;

function parseRecord(line: string): DumpedRecord | undefined {
  const match = recordLine.exec(line);
  if (match === null) return undefined;
  const [, offset, timestampMs, keySize, valueSize, names = '', key = '', value = ''] = match;
  return {
    offset: Number(offset),
    timestampMs: Number(timestampMs),
    headerNames: names === '' ? [] : names.split(','),
    key: bytesOf(key, Number(keySize)),
    value: bytesOf(value, Number(valueSize)),
  };
}

function bytesOf(hex: string, size: number): Buffer | null {
  if (size < 0) return null;
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length !== size) throw new Error(`the dump tool printed ${bytes.length} bytes where it counted ${size}`);
  return bytes;
}

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runPython } from '../services/python.ts';
import type { StoredRecord } from './stored-records.ts';

/** One sample as somebody who is not Millrace reads it. */
export interface FoundSample {
  readonly tag: string;
  /** µs since the epoch. */
  readonly timeUs: number;
  readonly value: null | boolean | number | string;
  readonly quality: number;
}

/** A sample of the log or a mirror, which hold more than the historian shows. */
export interface LoggedSample extends FoundSample {
  readonly offset: number;
  readonly flags: number;
  /** What Python makes of the value: `float` is Avro's double, `int` its long, `str`, `bool`, `NoneType`. */
  readonly type: string;
}

/** Bit of FORMAT.md, "Flags": the null samples of a lost connection. */
export const gapFlag = 32;

const decoder = join(import.meta.dirname, 'decode_samples.py');
const formatPage = resolve(import.meta.dirname, '..', '..', 'edge', 'core', 'FORMAT.md');

/** The Avro schema as the page for users prints it. */
function schemaOfPage(): string {
  const schema = /```json sample-v1\n([\s\S]*?)```/.exec(readFileSync(formatPage, 'utf8'))?.[1];
  if (schema === undefined) throw new Error(`${formatPage} holds no schema`);
  return schema;
}

/** Decodes records with `fastavro`. */
export async function decodeSamples(records: readonly StoredRecord[]): Promise<LoggedSample[]> {
  const lines = records.map(({ offset, value }) => {
    if (value === null) throw new Error(`record ${offset} has no value`);
    return value.toString('hex');
  });
  const { stdout } = await runPython(decoder, [schemaOfPage()], lines.map((line) => `${line}\n`).join(''));
  const decoded = stdout.toString('utf8').split('\n').slice(0, -1);
  if (decoded.length !== records.length) throw new Error(`${decoded.length} samples out of ${records.length} records`);
  return records.map(({ offset, key }, index) => {
    const [timeUs, type = '', text = '', quality, flags] = decoded[index]?.split('\t') ?? [];
    const value = JSON.parse(text) as FoundSample['value'];
    if (key === null) throw new Error(`record ${offset} has no key`);
    return {
      offset,
      tag: key.toString('utf8'),
      timeUs: Number(timeUs),
      value,
      quality: Number(quality),
      flags: Number(flags),
      type,
    };
  });
}

/** Samples by tag, in their order. */
export function byTag<S extends FoundSample>(samples: readonly S[]): Map<string, S[]> {
  return Map.groupBy(samples, ({ tag }) => tag);
}

/** A sample as text that is the same only if every bit is: tag, time, value, quality. */
export function exact({ tag, timeUs, value, quality }: FoundSample): string {
  const text = typeof value === 'number' ? bitsOf(value) : JSON.stringify(value);
  return `${tag} ${timeUs} ${text} ${quality}`;
}

const numbers = new DataView(new ArrayBuffer(8));

function bitsOf(value: number): string {
  numbers.setFloat64(0, value);
  return `${value} ${numbers.getBigUint64(0).toString(16)}`;
}

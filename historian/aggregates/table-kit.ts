import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../edge/core/fault.ts';
import { AGGREGATE_FUNCTIONS, type AggregateConfiguration, type AggregateFunction } from './aggregate.ts';
import { InfoBits, ResultCode } from './status.ts';

/** Samples in columns. */
export interface Series {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly codes: Uint32Array;
}

/** A historian of a table: its samples and how they are to be taken. Times in µs. */
interface TableData extends Series {
  readonly stepped: boolean;
  readonly configuration: AggregateConfiguration;
  readonly annotations: Float64Array;
}

/** An expected result. A StatusCode with info bits, without InfoType. */
export interface TableRow {
  readonly timeUs: number;
  readonly value: number;
  readonly code: number;
}

/** A question about a historian, and the answer. */
export interface TableCase {
  readonly name: string;
  readonly aggregate: AggregateFunction;
  readonly data: TableData;
  readonly startUs: number;
  readonly endUs: number;
  readonly lengthUs: number;
  readonly rows: readonly TableRow[];
}

const CODES = new Map<string, number>(Object.entries(ResultCode));
const BITS = new Map<string, number>([
  ['Calculated', InfoBits.calculated],
  ['Interpolated', InfoBits.interpolated],
  ['Partial', InfoBits.partial],
  ['MultipleValues', InfoBits.multipleValues],
]);

/** Test figures that stand in a table beside the tests: lines of `data` and of `test`, times in seconds. */
export function readTable(file: string): TableCase[] {
  const data = new Map<string, TableData>();
  const cases: TableCase[] = [];
  for (const line of readFileSync(join(import.meta.dirname, file), 'utf8').split('\n')) {
    if (line.startsWith('#') || line === '') continue;
    const colon = line.indexOf(': ');
    const [kind = '', first = '', ...words] = line.slice(0, colon).split(' ');
    const rows = line
      .slice(colon + 2)
      .split('; ')
      .map(readRow);
    if (kind === 'data') data.set(first, readData(words, rows));
    else cases.push(readCase(first, words, rows, data));
  }
  return cases;
}

function readRow(text: string): TableRow {
  const [time = '', value = '', code = ''] = text.split(' ');
  const named = CODES.get(value);
  return { timeUs: micros(time), value: value === '-' ? Number.NaN : (named ?? Number(value)), code: readCode(code) };
}

function readCode(text: string): number {
  const [severity = '', ...names] = text.split(',');
  const code = CODES.get(severity);
  assert(code !== undefined, `the StatusCode ${severity}`);
  const bits = names.map((name) => BITS.get(name) ?? Number.NaN);
  return (code | bits.reduce((all, bit) => all | bit, 0)) >>> 0;
}

function readData(words: readonly string[], rows: readonly TableRow[]): TableData {
  const settings = new Map(words.map((word) => word.split('=') as [string, string]));
  const annotations = settings.get('annotations') ?? 'none';
  return {
    times: Float64Array.from(rows, ({ timeUs }) => timeUs),
    values: Float64Array.from(rows, ({ value }) => value),
    codes: Uint32Array.from(rows, ({ code }) => code),
    annotations: Float64Array.from(annotations === 'none' ? [] : annotations.split(',').map(micros)),
    stepped: settings.get('stepped') === 'yes',
    configuration: {
      treatUncertainAsBad: settings.get('uncertainAsBad') === 'yes',
      percentDataBad: Number(settings.get('percentBad')),
      percentDataGood: Number(settings.get('percentGood')),
      useSlopedExtrapolation: settings.get('slopedExtrapolation') === 'yes',
    },
  };
}

function readCase(
  name: string,
  [dataName = '', start = '', end = '', length = '']: readonly string[],
  rows: readonly TableRow[],
  all: ReadonlyMap<string, TableData>,
): TableCase {
  const aggregate = AGGREGATE_FUNCTIONS.find((known) => known === name);
  const data = all.get(dataName);
  assert(aggregate !== undefined && data !== undefined, `an aggregate and its data: ${name} ${dataName}`);
  return {
    name: `${name} of ${dataName} from ${start} to ${end} s`,
    aggregate,
    data,
    startUs: micros(start),
    endUs: micros(end),
    lengthUs: micros(length),
    rows,
  };
}

function micros(seconds: string): number {
  return Math.round(Number(seconds) * 1e6);
}

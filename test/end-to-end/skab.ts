import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file of the water-loop testbed: local times without a zone, then a column for each sensor. */
export interface Recording {
  /** Folder and file without its ending: `valve1/0`. */
  readonly name: string;
  readonly sensors: readonly string[];
  readonly rows: readonly {
    /** As it stands in the file: `2020-03-09 10:14:33`. */
    readonly localTime: string;
    /** As they stand in the file, in the order of `sensors`. */
    readonly values: readonly string[];
  }[];
  /** The whole file. */
  readonly text: string;
}

/** The last two columns are labels, no measurements. */
const labels = new Set(['anomaly', 'changepoint']);

/** Names of the recordings in the folder (`valve1/0`, …), whatever they are called, in alphabetical order. */
export function recordingNames(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.csv'))
    .map((file) => file.slice(0, -'.csv'.length))
    .toSorted();
}

export function readRecording(folder: string, name: string): Recording {
  const text = readFileSync(join(folder, `${name}.csv`), 'utf8');
  const [header = '', ...lines] = text.trimEnd().split(/\r?\n/);
  const [, ...columns] = header.split(';');
  const sensors = columns.filter((column) => !labels.has(column));
  const rows = lines.map((line) => {
    const [localTime = '', ...values] = line.split(';');
    return { localTime, values: values.slice(0, sensors.length) };
  });
  return { name, sensors, rows, text };
}

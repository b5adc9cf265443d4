/** A place in a configuration: keys and list positions from the root. */
export type Path = readonly (string | number)[];

/** One error of a configuration file. Line and column count from 1. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Such as `connectors[0].listen`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong: a clause without a subject, such as `is missing`. */
  readonly wrong: string;
  /** What was expected instead. */
  readonly expected: string;
}

/** A problem before its place in the text is known; `key` is the key of the mapping at `path` that is meant. */
export interface Found {
  readonly path: Path;
  readonly key?: string;
  readonly at?: { readonly line: number; readonly column: number };
  readonly wrong: string;
  readonly expected: string;
}

/** `file:line:column  path  what is wrong  what was expected` */
export function formatProblem(problem: ConfigProblem): string {
  const { file, line, column, path, wrong, expected } = problem;
  return `${file}:${line}:${column}  ${path === '' ? '(file)' : path}  ${wrong}  expected ${expected}`;
}

/** A path as people write it: `links[0].to.brokers[1]`; names that are no plain words in quotes. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[A-Za-z_][\w-]*$/.test(step)) text += `[${quote(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** A text in quotes, cut after 60 characters, on one line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** A value as the subject of an error: `is a list`, `is the number 5`. */
export function describe(value: unknown): string {
  if (value === undefined) return 'is missing';
  if (value === null) return 'is empty';
  if (Array.isArray(value)) return 'is a list';
  if (typeof value === 'object') return 'is a mapping';
  if (typeof value === 'string') return `is the text ${quote(value)}`;
  if (typeof value === 'number') return `is the number ${value}`;
  return typeof value === 'boolean' ? `is ${value}` : 'is of another type';
}

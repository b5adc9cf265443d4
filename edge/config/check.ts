import path from 'node:path';
import type { z } from 'zod';
import { checkReferences } from './references.ts';
import { LATER_KEYS, LATER_KINDS, LATER_PAYLOADS, LATER_TOPICS } from './later.ts';
import { knownKeys } from './known-keys.ts';
import { nearest } from './nearest.ts';
import { type ConfigProblem, describe, formatPath, type Found, type Path, quote } from './problem.ts';
import { type Config, configJsonSchema, configSchema } from './schema.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

/** A checked configuration, or everything that is wrong with it. */
export type Checked =
  | { readonly config: Config; readonly problems?: undefined }
  | { readonly problems: readonly ConfigProblem[]; readonly config?: undefined };

/** More than this many problems are of no use to anybody. */
const MAX_PROBLEMS = 200;

/**
 * Checks the text of a configuration file. `file` is its name for messages, `folder` the one that relative paths count from. Never throws: a text is a configuration or
 * has problems, all of them at once, in the order of the file.
 */
export function checkConfig(text: string, file: string, folder: string): Checked {
  const source = readYaml(text);
  const found: Found[] = source.problems.map(({ at, ...rest }) => ({ ...rest, at }));
  if (source.whole) {
    const result = configSchema.safeParse(source.value);
    if (!result.success) for (const issue of result.error.issues) addIssue(found, source.value, issue);
    found.push(...checkReferences(source.value));
    if (result.success && found.length === 0) {
      return { config: { ...result.data, data: path.resolve(folder, result.data.data) } };
    }
  }
  const problems = found.map((problem) => placed(problem, source, file));
  const ordered = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  return { problems: ordered.slice(0, MAX_PROBLEMS) };
}

function placed(found: Found, source: YamlSource, file: string): ConfigProblem {
  const { key, wrong, expected } = found;
  const where = key === undefined ? found.path : [...found.path, key];
  const at = found.at ?? (key === undefined ? source.positionOf(where) : source.positionOfKey(found.path, key));
  return { file, line: at.line, column: at.column, path: formatPath(where), wrong, expected };
}

type Issue = z.core.$ZodIssue;

function addIssue(found: Found[], value: unknown, issue: Issue, base: Path = []): void {
  const at = [...base, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) found.push(unknownKey(at, key));
    return;
  }
  if (issue.code === 'invalid_union') {
    const branch = likeliest(issue.errors);
    if (branch !== undefined) {
      for (const inner of branch) addIssue(found, value, inner, at);
      return;
    }
  }
  if (issue.code === 'invalid_key') {
    found.push({ path: at, wrong: 'is not valid as a key', expected: issue.issues[0]?.message ?? issue.message });
    return;
  }
  found.push(wrongValue(at, valueAt(value, at), issue));
}

/** The branch of a union that the value has the shape of: the one that looked into it, rather than at its type alone. */
function likeliest(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find((issues) => issues.length > 0 && issues.every((issue) => deeper(issue)));
}

function deeper(issue: Issue): boolean {
  return issue.path.length > 0 || issue.code === 'unrecognized_keys';
}

function wrongValue(at: Path, value: unknown, issue: Issue): Found {
  const expected = issue.message;
  const later = laterValue(at, value);
  if (later) return { path: at, wrong: `${quote(String(value))} is not supported in this version`, expected };
  const given: unknown = issue.code === 'custom' ? issue.params?.['wrong'] : undefined;
  if (typeof given === 'string') return { path: at, wrong: `${quote(String(value))} ${given}`, expected };
  if (issue.code === 'too_small' && Array.isArray(value)) return { path: at, wrong: 'is an empty list', expected };
  const isText = typeof value === 'string' && issue.code !== 'invalid_type';
  return { path: at, wrong: isText ? `${quote(value)} is not valid` : describe(value), expected };
}

function laterValue(at: Path, value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const place = patternOf(at);
  if (place === 'connectors[].kind') return LATER_KINDS.includes(value);
  if (place === 'links[].topics[]') return LATER_TOPICS.test(value);
  return place === 'connectors[].topics[].payload' && LATER_PAYLOADS.includes(value);
}

let schema: ReturnType<typeof configJsonSchema> | undefined;

function unknownKey(at: Path, key: string): Found {
  schema ??= configJsonSchema();
  const known = knownKeys(schema, at);
  const later = LATER_KEYS[patternOf(at)] ?? [];
  if (later.includes(key)) {
    return { path: at, key, wrong: 'is not supported in this version', expected: choice(known) };
  }
  const name = nearest(key, [...known, ...later]);
  const note = name !== undefined && later.includes(name) ? ' (not supported in this version)' : '';
  return { path: at, key, wrong: 'is not a known key', expected: `${quote(name ?? '')}, the nearest known key${note}` };
}

function choice(keys: readonly string[]): string {
  return keys.length > 1 ? `one of ${keys.join(', ')}` : (keys[0] ?? 'no key');
}

/** A path without its list positions: `connectors[].topics[].payload`. */
function patternOf(at: Path): string {
  return formatPath(at).replaceAll(/\[\d+\]/g, '[]');
}

function valueAt(value: unknown, at: Path): unknown {
  let current = value;
  for (const step of at) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined;
    current = (current as Record<string | number, unknown>)[step];
  }
  return current;
}

import type { z } from 'zod';
import { knownKeys } from './known-keys.ts';
import { nearest } from './nearest.ts';
import { describe, formatPath, type Found, type Path, quote } from './problem.ts';
import type { JsonSchema } from './schema.ts';

/** A document, and what it was held against. Places are paths without list positions, such as `connectors[].topics[].payload`. */
export interface Checkable {
  readonly value: unknown;
  /** Asked only when there is an unknown key. */
  readonly schema: () => JsonSchema;
  /** Keys and values that a later version will have: errors of their own kind. Left out: there are none. */
  readonly laterKeys?: (place: string) => readonly string[];
  readonly isLaterValue?: (place: string, value: string) => boolean;
}

type Issue = z.core.$ZodIssue;

/** What zod found, in the words of the configuration: the schema's messages say what was expected, what is wrong is told from the value. */
export function problemsOf(issues: readonly Issue[], document: Checkable): Found[] {
  const found: Found[] = [];
  for (const issue of issues) addIssue(found, document, issue, []);
  return found;
}

function addIssue(found: Found[], document: Checkable, issue: Issue, base: Path): void {
  const at = [...base, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) found.push(unknownKey(document, at, key));
    return;
  }
  if (issue.code === 'invalid_union') {
    const branch = likeliest(issue.errors);
    if (branch !== undefined) {
      for (const inner of branch) addIssue(found, document, inner, at);
      return;
    }
  }
  if (issue.code === 'invalid_key') {
    found.push({ path: at, wrong: 'is not valid as a key', expected: issue.issues[0]?.message ?? issue.message });
    return;
  }
  found.push(wrongValue(document, at, issue));
}

/** The branch of a union that the value has the shape of: the one that looked into it, rather than at its type alone. */
function likeliest(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find((issues) => {
    return issues.length > 0 && issues.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys');
  });
}

function wrongValue(document: Checkable, at: Path, issue: Issue): Found {
  const value = valueAt(document.value, at);
  const expected = issue.message;
  if (typeof value === 'string' && document.isLaterValue?.(placeOf(at), value) === true)
    return { path: at, wrong: `${quote(value)} is not supported in this version`, expected };
  const given: unknown = issue.code === 'custom' ? issue.params?.['wrong'] : undefined;
  if (typeof given === 'string') return { path: at, wrong: `${quote(String(value))} ${given}`, expected };
  if (issue.code === 'too_small' && Array.isArray(value)) return { path: at, wrong: 'is an empty list', expected };
  const isText = typeof value === 'string' && issue.code !== 'invalid_type';
  return { path: at, wrong: isText ? `${quote(value)} is not valid` : describe(value), expected };
}

function unknownKey({ schema, laterKeys }: Checkable, at: Path, key: string): Found {
  const known = knownKeys(schema(), at);
  const later = laterKeys?.(placeOf(at)) ?? [];
  if (later.includes(key)) return { path: at, key, wrong: 'is not supported in this version', expected: choice(known) };
  const name = nearest(key, [...known, ...later]);
  const note = name !== undefined && later.includes(name) ? ' (not supported in this version)' : '';
  const expected = name === undefined ? choice(known) : `${quote(name)}, the nearest known key${note}`;
  return { path: at, key, wrong: 'is not a known key', expected };
}

function choice(keys: readonly string[]): string {
  return keys.length > 1 ? `one of ${keys.join(', ')}` : (keys[0] ?? 'no key');
}

/** A path without its list positions: `connectors[].topics[].payload`. */
function placeOf(at: Path): string {
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

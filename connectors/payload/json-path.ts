import { isArray, isObject, type Json } from './json.ts';

/**
 * The part of JSON Path (RFC 9535) that a mapping needs: `$`, `.name`, `['name']`, `[0]`, and one `.*` (or `[*]`), which stands for every member of an object or element
 * of an array.
 */
export type PathStep = string | number | typeof ANY;

/** The step `*`. */
const ANY = Symbol('*');

/** A path, compiled. */
export interface JsonPath {
  readonly text: string;
  readonly steps: readonly PathStep[];
  /** Whether one of the steps is `*`. */
  readonly many: boolean;
}

const MAX_STEPS = 64;
const STEP =
  /\.(\*|[^\s.[\]'"*()?@,:]+)|\[(?:(\*)|(0|[1-9]\d{0,6})|'((?:[^'\\]|\\['\\])*)'|"((?:[^"\\]|\\["\\])*)")\]/y;

/** Compiles a path, or says what is wrong with it. */
export function compilePath(text: string): JsonPath | string {
  if (!text.startsWith('$')) return 'a path begins with `$`';
  const steps: PathStep[] = [];
  let at = 1;
  while (at < text.length) {
    STEP.lastIndex = at;
    const match = STEP.exec(text);
    if (match === null) return `not understood from character ${at + 1} on: ${text.slice(at, at + 20)}`;
    steps.push(stepOf(match));
    at = STEP.lastIndex;
  }
  if (steps.length > MAX_STEPS) return `more than ${MAX_STEPS} steps`;
  const wildcards = steps.filter((step) => step === ANY).length;
  if (wildcards > 1) return 'more than one `*`';
  return { text, steps, many: wildcards === 1 };
}

function stepOf([, name, any, index, single, double]: RegExpExecArray): PathStep {
  if (name === '*' || any !== undefined) return ANY;
  if (name !== undefined) return name;
  if (index !== undefined) return Number(index);
  return (single ?? double ?? '').replaceAll(/\\(.)/g, '$1');
}

/** What stands at a path without `*`; undefined where nothing does. */
export function valueAt(root: Json, steps: readonly PathStep[]): Json | undefined {
  let at: Json | undefined = root;
  for (const step of steps) {
    if (at === undefined) return undefined;
    at = stepInto(at, step);
  }
  return at;
}

/** What stands at a path with `*`, with the name that `*` stood for. Members that lack what follows are left out. */
export function valuesAt(root: Json, steps: readonly PathStep[]): [key: string, value: Json][] {
  const any = steps.indexOf(ANY);
  const parent = valueAt(root, steps.slice(0, any));
  if (typeof parent !== 'object' || parent === null) return [];
  const rest = steps.slice(any + 1);
  return Object.entries(parent).flatMap(([key, member]: [string, Json]): [string, Json][] => {
    const value = valueAt(member, rest);
    return value === undefined ? [] : [[key, value]];
  });
}

function stepInto(at: Json, step: PathStep): Json | undefined {
  // An index does not reach into an object, a name not into an array; what is inherited (`constructor`) is no member.
  if (typeof step === 'number') return isArray(at) ? at[step] : undefined;
  return typeof step === 'string' && isObject(at) && Object.hasOwn(at, step) ? at[step] : undefined;
}

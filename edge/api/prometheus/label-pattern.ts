/** A pattern of label values: alternatives, each of which must fit the whole value. */
export interface LabelPattern {
  readonly alternatives: readonly (readonly Token[])[];
}

/** A character, `.` (any character), `.*` or `.+`. */
type Token = { readonly char: string } | { readonly any: 'one' | 'many' | 'some' };

/** Patterns are bounded: they are tried on every tag. */
const MAX_PATTERN = 64 * 1024;

/**
 * Reads what Prometheus takes for a regular expression, as far as Grafana writes it: texts with `\` before special characters, `.`, `.*`, `.+`, alternatives with `|`, in one pair of brackets or none. No other
 * expression is read, so that none can take long. Throws a RangeError that says what is not read.
 */
export function compilePattern(text: string): LabelPattern {
  if (text.length > MAX_PATTERN) throw new RangeError(`the pattern is longer than ${MAX_PATTERN} characters`);
  let body = text.replace(/^\^/, '').replace(/(?<!\\)\$$/, '');
  const group = /^\((?:\?:)?(.*)\)$/s.exec(body);
  if (group?.[1] !== undefined && !/(?<!\\)[()]/.test(group[1])) [, body = ''] = group;
  return { alternatives: alternativesOf(body) };
}

function alternativesOf(text: string): Token[][] {
  const alternatives: Token[][] = [[]];
  let current = alternatives[0] ?? [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === '|') alternatives.push((current = []));
    else if (char === '\\') {
      const escaped = text[++at];
      if (escaped === undefined || /[a-zA-Z0-9]/.test(escaped))
        throw new RangeError(`\\${escaped ?? ''} is not read in a pattern`);
      current.push({ char: escaped });
    } else if (char === '.') {
      const next = text[at + 1];
      if (next === '*' || next === '+') at++;
      current.push({ any: next === '*' ? 'many' : next === '+' ? 'some' : 'one' });
    } else if (/[*+?()[\]{}^$]/.test(char))
      throw new RangeError(`${char} is not read in a pattern; \`.*\`, \`.+\`, \`.\` and \`|\` are`);
    else current.push({ char });
  }
  return alternatives;
}

/** Whether the whole value fits one of the alternatives. */
export function fitsPattern({ alternatives }: LabelPattern, value: string): boolean {
  return alternatives.some((tokens) => fits(tokens, value));
}

/** Goes back to the last `.*` alone: never more than the length of the one times that of the other. */
function fits(tokens: readonly Token[], value: string): boolean {
  let token = 0;
  let at = 0;
  let back: { readonly token: number; at: number } | undefined;
  while (at < value.length || token < tokens.length) {
    const wanted = tokens[token];
    if (
      wanted !== undefined &&
      'any' in wanted &&
      wanted.any !== 'one' &&
      (wanted.any === 'many' || at < value.length)
    ) {
      if (wanted.any === 'some') at++;
      back = { token: ++token, at };
    } else if (
      wanted !== undefined &&
      at < value.length &&
      ('any' in wanted ? wanted.any === 'one' : wanted.char === value[at])
    ) {
      token++;
      at++;
    } else {
      if (back === undefined || back.at >= value.length) return false;
      token = back.token;
      at = ++back.at;
    }
  }
  return true;
}

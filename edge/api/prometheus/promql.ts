import { compilePattern, type LabelPattern } from './label-pattern.ts';

/** Name of the one metric: the value of a tag. */
export const METRIC = 'millrace';

/** What may be asked of the samples of a window. */
export const RANGE_FUNCTIONS = {
  avg_over_time: 'mean',
  min_over_time: 'min',
  max_over_time: 'max',
  sum_over_time: 'sum',
  count_over_time: 'count',
  last_over_time: 'last',
  first_over_time: 'first',
} as const;
export type RangeFunction = keyof typeof RANGE_FUNCTIONS;

const AGGREGATIONS = ['sum', 'avg', 'min', 'max', 'count'] as const;
type Aggregation = (typeof AGGREGATIONS)[number];
const OPERATORS = ['+', '-', '*', '/'] as const;
export type Operator = (typeof OPERATORS)[number];

/** A condition on a label. */
export interface Matcher {
  readonly label: string;
  readonly negated: boolean;
  readonly value: string | LabelPattern;
}

/** What is asked: a part of Prometheus' language. */
export type Expression =
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'selector'; readonly matchers: readonly Matcher[]; readonly offsetMs: number }
  | {
      readonly type: 'range';
      readonly function: RangeFunction;
      readonly matchers: readonly Matcher[];
      readonly windowMs: number;
      readonly offsetMs: number;
    }
  | {
      readonly type: 'aggregation';
      readonly aggregation: Aggregation;
      readonly by: readonly string[];
      readonly of: Expression;
    }
  | { readonly type: 'operation'; readonly operator: Operator; readonly left: Expression; readonly right: Expression };

/** Brackets within brackets. */
const MAX_DEPTH = 32;
const TOKEN =
  /\s+|#[^\n]*|(?<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)|(?<duration>(?:\d+(?:ms|[smhdwy]))+(?![a-zA-Z_0-9]))|(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?<sign>=~|!~|!=|[-+*/(){}[\],=])/gy;
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

interface Token {
  readonly kind: 'text' | 'duration' | 'number' | 'name' | 'sign' | 'end';
  readonly text: string;
}

/** Reads an expression. Throws a RangeError that says what is wrong, or what of Prometheus' language is not answered. */
export function parseExpression(text: string): Expression {
  const parser = new Parser(tokensOf(text));
  const expression = parser.expression(0);
  parser.expectEnd();
  return expression;
}

/** Reads a selector such as `millrace{tag="a/b"}`. Throws a RangeError. */
export function parseSelector(text: string): readonly Matcher[] {
  const expression = parseExpression(text);
  if (expression.type === 'selector') return expression.matchers;
  throw new RangeError(`${text} is no selector such as ${METRIC}{tag="site/line/pressure"}`);
}

/** A time such as `5m` or `1h30m`, or a number of seconds, in ms; undefined: it is none. */
export function parseStep(text: string): number | undefined {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  return /^(?:\d+(?:ms|[smhdwy]))+$/.test(text) ? durationMs(text) : undefined;
}

function durationMs(text: string): number {
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhdwy])/g)) ms += Number(count) * (UNITS[unit ?? ''] ?? 0);
  return ms;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    at = match.index + match[0].length;
    for (const [kind, found] of Object.entries(match.groups ?? {}))
      if (found !== undefined) tokens.push({ kind: kind as Token['kind'], text: found });
  }
  if (at < text.length) throw new RangeError(`unexpected ${JSON.stringify(text.slice(at, at + 20))}`);
  return [...tokens, { kind: 'end', text: 'the end' }];
}

class Parser {
  private readonly tokens: readonly Token[];
  private at = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  /** Sums of products. */
  expression(depth: number): Expression {
    if (depth > MAX_DEPTH) throw new RangeError('too many brackets');
    let left = this.product(depth);
    while (this.isSign('+') || this.isSign('-')) {
      const operator = this.take().text as Operator;
      left = { type: 'operation', operator, left, right: this.product(depth) };
    }
    return left;
  }

  expectEnd(): void {
    if (this.next.kind !== 'end') throw this.unexpected();
  }

  private product(depth: number): Expression {
    let left = this.unary(depth);
    while (this.isSign('*') || this.isSign('/')) {
      const operator = this.take().text as Operator;
      left = { type: 'operation', operator, left, right: this.unary(depth) };
    }
    return left;
  }

  private unary(depth: number): Expression {
    let negative = false;
    while (this.isSign('-') || this.isSign('+')) negative = this.take().text === '-' ? !negative : negative;
    const operand = this.operand(depth);
    return negative
      ? { type: 'operation', operator: '*', left: { type: 'number', value: -1 }, right: operand }
      : operand;
  }

  private operand(depth: number): Expression {
    const { kind, text } = this.next;
    if (kind === 'number') return { type: 'number', value: Number(this.take().text) };
    if (this.isSign('(')) {
      this.take();
      const inner = this.expression(depth + 1);
      this.expect(')');
      return inner;
    }
    if (this.isSign('{')) return this.selector([]);
    if (kind !== 'name') throw this.unexpected();
    this.take();
    if (isOneOf(AGGREGATIONS, text) && (this.isSign('(') || this.isWord('by'))) return this.aggregation(text, depth);
    if (!this.isSign('(')) return this.selector([{ label: '__name__', negated: false, value: text }]);
    if (!Object.hasOwn(RANGE_FUNCTIONS, text))
      throw new RangeError(
        `the function ${text} is not answered; ${Object.keys(RANGE_FUNCTIONS).join(', ')} and ${AGGREGATIONS.join(', ')} are`,
      );
    this.take();
    const range = this.range(text as RangeFunction);
    this.expect(')');
    return range;
  }

  private selector(named: readonly Matcher[]): Expression {
    const matchers = [...named, ...this.matchers()];
    if (this.isSign('[')) throw new RangeError('a window such as [5m] stands within a function such as avg_over_time');
    return { type: 'selector', matchers, offsetMs: this.offset() };
  }

  private range(name: RangeFunction): Expression {
    const named = this.next.kind === 'name' ? [{ label: '__name__', negated: false, value: this.take().text }] : [];
    const matchers = [...named, ...this.matchers()];
    this.expect('[');
    if (this.next.kind !== 'duration') throw new RangeError(`${this.next.text} is no time such as 5m`);
    const windowMs = durationMs(this.take().text);
    this.expect(']');
    if (windowMs === 0) throw new RangeError('a window is longer than 0');
    return { type: 'range', function: name, matchers, windowMs, offsetMs: this.offset() };
  }

  private matchers(): Matcher[] {
    if (!this.isSign('{')) return [];
    this.take();
    const matchers: Matcher[] = [];
    while (!this.isSign('}')) {
      const label = this.next.kind === 'text' ? unquoted(this.take().text) : this.name();
      const operator = this.take().text;
      if (!['=', '!=', '=~', '!~'].includes(operator)) throw new RangeError(`${operator} is none of =, !=, =~, !~`);
      if (this.next.kind !== 'text') throw new RangeError(`${this.next.text} is no text in quotes`);
      const value = unquoted(this.take().text);
      matchers.push({
        label,
        negated: operator.startsWith('!'),
        value: operator.endsWith('~') ? compilePattern(value) : value,
      });
      if (!this.isSign(',')) break;
      this.take();
    }
    this.expect('}');
    return matchers;
  }

  private offset(): number {
    if (!this.isWord('offset')) return 0;
    this.take();
    if (this.next.kind !== 'duration') throw new RangeError(`${this.next.text} is no time such as 1d`);
    return durationMs(this.take().text);
  }

  private aggregation(aggregation: Aggregation, depth: number): Expression {
    let by = this.labels();
    this.expect('(');
    const of = this.expression(depth + 1);
    this.expect(')');
    by ??= this.labels();
    return { type: 'aggregation', aggregation, by: by ?? [], of };
  }

  private labels(): string[] | undefined {
    if (!this.isWord('by')) return undefined;
    this.take();
    this.expect('(');
    const labels: string[] = [];
    while (!this.isSign(')')) {
      labels.push(this.name());
      if (!this.isSign(',')) break;
      this.take();
    }
    this.expect(')');
    return labels;
  }

  private name(): string {
    if (this.next.kind !== 'name') throw this.unexpected();
    return this.take().text;
  }

  private get next(): Token {
    return this.tokens[this.at] ?? { kind: 'end', text: 'the end' };
  }

  private take(): Token {
    const { next } = this;
    this.at++;
    return next;
  }

  private isSign(sign: string): boolean {
    return this.next.kind === 'sign' && this.next.text === sign;
  }

  private isWord(word: string): boolean {
    return this.next.kind === 'name' && this.next.text === word;
  }

  private expect(sign: string): void {
    if (!this.isSign(sign)) throw new RangeError(`expected ${sign} and not ${this.next.text}`);
    this.take();
  }

  private unexpected(): RangeError {
    return new RangeError(`unexpected ${this.next.text}`);
  }
}

function isOneOf<T extends string>(list: readonly T[], text: string): text is T {
  return (list as readonly string[]).includes(text);
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

function unquoted(text: string): string {
  const inner = text.slice(1, -1);
  return text.startsWith('`') ? inner : inner.replaceAll(/\\(.)/gs, (_, char: string) => ESCAPES[char] ?? char);
}

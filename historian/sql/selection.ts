/** What a scan of `samples` can be asked for at most: an empty list of conditions is everything. */
export interface Selection {
  /** Null: any tag. */
  readonly tags: ReadonlySet<string> | null;
  /** What the path begins with. */
  readonly prefix: string;
  /** Literals of DuckDB for `time`, as it prints them; of each list all hold, bounds included. */
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** Nothing is known: any tag, any time. */
export const EVERYTHING: Selection = { tags: null, prefix: '', from: [], to: [] };

type Item = string | readonly Item[];

const TOKEN = /\s+|'(?:[^']|'')*'|"(?:[^"]|"")*"|::|<=|>=|[()<>=,]|[^\s()<>=,'":]+/y;

/**
 * What DuckDB's printed form of a filter over `samples` says about tag and time. What is not understood counts as no condition: the filter itself stays in the plan, so that a
 * selection may be too wide, never too narrow.
 */
export function selectionOf(filter: string): Selection {
  const items = parse(filter);
  return items === undefined ? EVERYTHING : selectionOfItems(items);
}

/** Both hold. */
export function both(a: Selection, b: Selection): Selection {
  const others = b.tags ?? a.tags;
  const tags = a.tags === null || others === null ? others : new Set([...a.tags].filter((tag) => others.has(tag)));
  const prefix = a.prefix.length > b.prefix.length ? a.prefix : b.prefix;
  return { tags, prefix, from: [...a.from, ...b.from], to: [...a.to, ...b.to] };
}

/** Nested lists of tokens by parentheses; undefined: it cannot be read. */
function parse(text: string): Item[] | undefined {
  const stack: Item[][] = [[]];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) return undefined;
    const top = stack.at(-1);
    if (token === '(') stack.push([]);
    else if (token === ')') {
      const group = stack.pop();
      if (group === undefined || stack.length === 0) return undefined;
      stack.at(-1)?.push(group);
    } else if (token.trim() !== '') top?.push(token);
  }
  return stack.length === 1 ? stack[0] : undefined;
}

function selectionOfItems(items: readonly Item[]): Selection {
  const [first] = items;
  if (items.length === 1 && Array.isArray(first)) return selectionOfItems(first as readonly Item[]);
  const between = betweenOf(items);
  if (between !== undefined) return between;
  const alternatives = split(items, 'OR');
  if (alternatives.length > 1) return eitherOf(alternatives.map(selectionOfItems));
  const parts = split(items, 'AND');
  if (parts.length > 1) return parts.map(selectionOfItems).reduce(both);
  return comparisonOf(items);
}

/** One of them holds: only where all of them name tags something is known. */
function eitherOf(alternatives: readonly Selection[]): Selection {
  const tags = new Set<string>();
  for (const { tags: some } of alternatives) {
    if (some === null) return EVERYTHING;
    for (const tag of some) tags.add(tag);
  }
  return { ...EVERYTHING, tags };
}

function split(items: readonly Item[], word: string): Item[][] {
  const parts: Item[][] = [[]];
  for (const item of items) {
    if (item === word) parts.push([]);
    else parts.at(-1)?.push(item);
  }
  return parts;
}

/** `time BETWEEN a AND b`. */
function betweenOf(items: readonly Item[]): Selection | undefined {
  const [column, word, ...rest] = items;
  if (column !== 'time' || word !== 'BETWEEN') return undefined;
  const [from = [], to = [], ...more] = split(rest, 'AND').map(timeLiteral);
  if (more.length > 0) return EVERYTHING;
  return { ...EVERYTHING, from, to };
}

function comparisonOf(items: readonly Item[]): Selection {
  const [left, operator, ...rest] = items;
  if (left === 'prefix' && Array.isArray(operator) && rest.length === 0) return prefixOf(operator as readonly Item[]);
  if (left === 'tag' && operator === 'IN' && rest.length === 1) return listOf(rest[0]);
  if (left === 'tag' && operator === '=' && rest.length === 1) return listOf(rest);
  if (left !== 'time') return EVERYTHING;
  const literal = timeLiteral(rest);
  if (operator === '=') return { ...EVERYTHING, from: literal, to: literal };
  if (operator === '>' || operator === '>=') return { ...EVERYTHING, from: literal };
  return operator === '<' || operator === '<=' ? { ...EVERYTHING, to: literal } : EVERYTHING;
}

function prefixOf(items: readonly Item[]): Selection {
  const [column, comma, text] = items;
  const prefix = textOf(text);
  if (items.length !== 3 || column !== 'tag' || comma !== ',' || prefix === undefined) return EVERYTHING;
  return { ...EVERYTHING, prefix };
}

/** Texts with commas between; anything else may be any tag. */
function listOf(list: Item | undefined): Selection {
  if (!Array.isArray(list)) return EVERYTHING;
  const tags = new Set<string>();
  for (const part of split(list as readonly Item[], ',')) {
    const tag = part.length === 1 ? textOf(part[0]) : undefined;
    if (tag === undefined) return EVERYTHING;
    tags.add(tag);
  }
  return { ...EVERYTHING, tags };
}

/** `'…'::TIMESTAMP WITH TIME ZONE` as a list of one; anything else as an empty one. */
function timeLiteral(items: readonly Item[]): string[] {
  const [text, ...type] = items;
  const literal = textOf(text);
  return literal !== undefined && type.join(' ') === ':: TIMESTAMP WITH TIME ZONE' ? [literal] : [];
}

function textOf(item: Item | undefined): string | undefined {
  if (typeof item !== 'string' || !item.startsWith("'")) return undefined;
  return item.slice(1, -1).replaceAll("''", "'");
}

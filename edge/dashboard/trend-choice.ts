/* What the trend shows, kept in the browser from one visit to the next. */

/** Lines at most: more cannot be told apart. */
export const MAX_LINES = 6;
export const RANGES = [
  { name: '5 min', ms: 300_000 },
  { name: '1 h', ms: 3_600_000 },
  { name: '8 h', ms: 28_800_000 },
  { name: '1 d', ms: 86_400_000 },
  { name: '7 d', ms: 7 * 86_400_000 },
  { name: '30 d', ms: 30 * 86_400_000 },
  { name: '1 y', ms: 365 * 86_400_000 },
] as const;
const FIRST_RANGE_MS = 300_000;
const KEY = 'millrace.trend';

export interface TrendChoice {
  readonly tags: readonly string[];
  readonly rangeMs: number;
}

/** What was chosen last time; nothing where that cannot be read. */
export function readChoice(storage: Pick<Storage, 'getItem'>): TrendChoice {
  const none = { tags: [], rangeMs: FIRST_RANGE_MS };
  try {
    const { tags, rangeMs } = JSON.parse(storage.getItem(KEY) ?? '{}') as { tags?: unknown; rangeMs?: unknown };
    const range = RANGES.find(({ ms }) => ms === rangeMs)?.ms ?? FIRST_RANGE_MS;
    const paths = Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string').slice(0, MAX_LINES) : [];
    return { tags: paths, rangeMs: range };
  } catch {
    // A browser that keeps nothing, or something that was not ours.
    return none;
  }
}

/** Keeps it, where the browser keeps anything. */
export function keepChoice(storage: Pick<Storage, 'setItem'>, choice: TrendChoice): void {
  try {
    storage.setItem(KEY, JSON.stringify(choice));
  } catch {
    // Private windows may refuse; the choice is then good for this visit only.
  }
}

/** Adds a tag or takes it away; a seventh takes the place of the oldest. */
export function toggled(tags: readonly string[], path: string): string[] {
  if (tags.includes(path)) return tags.filter((tag) => tag !== path);
  return [...tags, path].slice(-MAX_LINES);
}

/** Adds tags, those already there stay where they are. */
export function joined(tags: readonly string[], paths: readonly string[]): string[] {
  return [...new Set([...tags, ...paths])].slice(-MAX_LINES);
}

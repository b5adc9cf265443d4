import type { EraseRequest } from '../../historian/files/erasures.ts';
import { MAX_ERASED_PATHS } from '../../historian/limits.ts';
import { Fault } from '../core/fault.ts';
import { tagPathKey } from '../core/tag-path.ts';
import type { TagDictionary } from '../tags/dictionary.ts';

/** What somebody wants to have removed for ever. */
export interface EraseOrder {
  readonly by: string;
  readonly reason: string;
  /** Absolute paths, in any case. */
  readonly tags: readonly string[];
  /** All tags at and below these paths. */
  readonly prefix: boolean;
  /** `fromUs` ≤ effective time < `toUs`, µs. */
  readonly fromUs: number;
  readonly toUs: number;
}

/** Tags as they are written, each once, and how the historian is asked for them. */
export interface ChosenTags {
  readonly paths: readonly string[];
  readonly choices: readonly EraseRequest['tags'][];
}

/** The tags that an order is about. Throws `tag-unknown` for a path that is none, or below which there is none. */
export function chosenTags(
  dictionary: Pick<TagDictionary, 'all' | 'find'>,
  order: Pick<EraseOrder, 'tags' | 'prefix'>,
): ChosenTags {
  return order.prefix ? tagsBelow(dictionary, order.tags) : namedTags(dictionary, order.tags);
}

function namedTags(dictionary: Pick<TagDictionary, 'find'>, tags: readonly string[]): ChosenTags {
  const paths = [...new Set(tags.map((tag) => known(dictionary.find(tag)?.path, tag)))];
  return { paths, choices: inParts(paths) };
}

function inParts(paths: readonly string[]): EraseRequest['tags'][] {
  const parts: EraseRequest['tags'][] = [];
  for (let at = 0; at < paths.length; at += MAX_ERASED_PATHS)
    parts.push({ paths: paths.slice(at, at + MAX_ERASED_PATHS) });
  return parts;
}

/** A path ends at a level: what is below `line1` is not below `line10`. The historian knows tags as they are written, so each way to write the levels is a choice of its own. */
function tagsBelow(dictionary: Pick<TagDictionary, 'all'>, tops: readonly string[]): ChosenTags {
  const keys = tops.map((top) => tagPathKey(top.replace(/\/+$/, '')));
  const found = new Set<string>();
  const paths = new Set<string>();
  const named = new Set<string>();
  const prefixes = new Set<string>();
  for (const { path } of dictionary.all()) {
    const levels = path.split('/');
    for (const key of keys) {
      const depth = key.split('/').length;
      const top = levels.slice(0, depth).join('/');
      if (tagPathKey(top) !== key) continue;
      found.add(key);
      paths.add(path);
      if (levels.length === depth) named.add(path);
      else prefixes.add(`${top}/`);
    }
  }
  for (const [i, key] of keys.entries()) known(found.has(key) ? key : undefined, tops[i] ?? '');
  return { paths: [...paths], choices: [...inParts([...named]), ...Array.from(prefixes, (prefix) => ({ prefix }))] };
}

function known(path: string | undefined, asked: string): string {
  if (path === undefined) throw new Fault('tag-unknown', asked.slice(0, 300));
  return path;
}

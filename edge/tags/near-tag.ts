import { editDistance } from '../config/nearest.ts';
import { Fault } from '../core/fault.ts';
import { tagPathKey } from '../core/tag-path.ts';
import type { TagDictionary, TagEntry } from './dictionary.ts';

/** What those who ask by a path need of the dictionary. */
export type KnownTags = Pick<TagDictionary, 'all' | 'find'>;

/** Names of one level that are compared with what was typed; of more only the first. */
const MAX_COMPARED = 10_000;
/** Characters of a path that are looked at and shown: more than any has. */
const MAX_SHOWN = 300;

/** The tag of this path, in whatever case. Throws `tag-unknown`, with the tag that may have been meant. */
export function tagAt(tags: KnownTags, path: string): TagEntry {
  const entry = tags.find(path);
  if (entry === undefined) throw unknownTag(tags, path);
  return entry;
}

/** The fault of a path that no tag has: the path, and the tag that may have been meant. */
export function unknownTag(tags: Pick<KnownTags, 'all'>, path: string): Fault {
  const asked = path.slice(0, MAX_SHOWN);
  const near = nearTag(tags.all(), asked);
  return new Fault('tag-unknown', near === undefined ? asked : `${asked}; did you mean ${near}?`);
}

/** A path, and what it has in common with those that differ only in case. */
interface Keyed {
  readonly path: string;
  readonly key: string;
}

/** The first tag that ends with what was asked for (the site was left out), else the one that differs by a few letters of a level, else the only one of that name; undefined: none is near. */
function nearTag(entries: readonly TagEntry[], asked: string): string | undefined {
  const key = tagPathKey(asked);
  const tags = entries.map(({ path }): Keyed => ({ path, key: tagPathKey(path) }));
  const named = (ending: string): Keyed[] => tags.filter((tag) => tag.key.endsWith(`/${ending}`));
  const [whole] = named(key);
  if (whole !== undefined) return whole.path;
  const levels = key.split('/');
  // All tags begin with the same site.
  const site = tags[0]?.key.split('/', 1) ?? [];
  const near = alike(tags, levels) ?? alike(tags, [...site, ...levels]);
  if (near !== undefined) return near;
  const [only, ...more] = named(levels.at(-1) ?? '');
  return more.length === 0 ? only?.path : undefined;
}

/** Goes down level by level, each time to the name that is nearest. */
function alike(tags: readonly Keyed[], levels: readonly string[]): string | undefined {
  let left = tags;
  let from = 0;
  for (const [depth, level] of levels.entries()) {
    const isLast = depth === levels.length - 1;
    const end = ({ key }: Keyed): number => (isLast ? key.length : key.indexOf('/', from));
    // What ends here is too short, and a slash in the last name is a level too many.
    left = left.filter((tag) => end(tag) >= 0 && !(isLast && tag.key.includes('/', from)));
    const name = nearestName(level, new Set(left.map((tag) => tag.key.slice(from, end(tag)))));
    if (name === undefined) return undefined;
    left = left.filter((tag) => end(tag) === from + name.length && tag.key.startsWith(name, from));
    from += name.length + 1;
  }
  return left[0]?.path;
}

/** The name itself if it is there, else the one that is at most a third of its letters away. */
function nearestName(wanted: string, names: ReadonlySet<string>): string | undefined {
  if (names.has(wanted)) return wanted;
  let fewest = Math.floor(wanted.length / 3) + 1;
  let nearest: string | undefined;
  for (const name of Iterator.from(names).take(MAX_COMPARED)) {
    if (Math.abs(name.length - wanted.length) >= fewest) continue;
    const edits = editDistance(wanted, name);
    if (edits >= fewest) continue;
    fewest = edits;
    nearest = name;
  }
  return nearest;
}

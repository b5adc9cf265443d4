import { Fault } from '../../edge/core/fault.ts';
import { MAX_ERASED_PATHS, MAX_ERASURES } from '../limits.ts';

/** What is to be removed for ever: the samples of these tags, or of all tags whose path begins so, with `fromUs` ≤ effective time < `toUs`, µs. */
export interface EraseRequest {
  /** At most 1,000 paths. */
  readonly tags: { readonly paths: readonly string[] } | { readonly prefix: string };
  readonly fromUs: number;
  readonly toUs: number;
  /** By topic: only records below this log offset, also those that the historian has still to apply; what came later is kept, also what it has applied by now. A topic that is left out: all that it has applied. */
  readonly upTo?: Readonly<Record<string, number>>;
  /** Names the request: where an erasure of this name is on record, asking again changes nothing. Left out or empty: each is a new one. */
  readonly key?: string;
}

/** An erasure on record (FORMAT.md, "MANIFEST"). It stays there as long as the log may hold what it erases, so that nothing comes back out of the log. */
export interface Erasure extends Required<EraseRequest> {
  /** Numbered from 1, in order. */
  readonly id: number;
}

/** Paths of a request, to be looked up: one that is on record is asked for every tag of every file. */
const pathSets = new WeakMap<EraseRequest['tags'], ReadonlySet<string>>();

/** Whether an erasure is about this tag. */
export function isAbout({ tags }: EraseRequest, tag: string): boolean {
  if ('prefix' in tags) return tag.startsWith(tags.prefix);
  let paths = pathSets.get(tags);
  if (paths === undefined) pathSets.set(tags, (paths = new Set(tags.paths)));
  return paths.has(tag);
}

/** The erasure of this name that is on record. */
export function erasureOf(erasures: readonly Erasure[], { key = '' }: EraseRequest): Erasure | undefined {
  return key === '' ? undefined : erasures.find((erasure) => erasure.key === key);
}

/** The erasures with the next one; `applied`: what the historian has taken of each topic. Throws `erase-refused`, also beyond 1,000 of them. */
export function withErasure(
  erasures: readonly Erasure[],
  lastId: number,
  request: EraseRequest,
  applied: Readonly<Record<string, number>>,
): readonly Erasure[] {
  const { tags, fromUs, toUs, upTo = {}, key = '' } = request;
  if (erasures.length >= MAX_ERASURES)
    throw new Fault('erase-refused', `${MAX_ERASURES} erasures are on record whose samples the log may still hold.`);
  if (!(fromUs < toUs)) throw new Fault('erase-refused', `There is nothing from ${fromUs} to ${toUs} µs.`);
  if ('paths' in tags && tags.paths.length > MAX_ERASED_PATHS)
    throw new Fault('erase-refused', `${tags.paths.length} tags at once are more than ${MAX_ERASED_PATHS}.`);
  const times = { fromUs: finite(fromUs), toUs: finite(toUs) };
  const erasure = { id: lastId + 1, tags, ...times, upTo: { ...applied, ...upTo }, key };
  return [...erasures, erasure];
}

/** Times are within ±2^53. */
function finite(timeUs: number): number {
  return Math.min(Math.max(timeUs, -(2 ** 53)), 2 ** 53);
}

/** The erasures that the log may still hold something of: `start` is its first offset. */
export function stillInLog(erasures: readonly Erasure[], start: (topic: string) => number): readonly Erasure[] {
  const left = erasures.filter(({ upTo }) => Object.entries(upTo).some(([topic, position]) => position > start(topic)));
  return left.length === erasures.length ? erasures : left;
}

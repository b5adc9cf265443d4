import type { TagSummary } from './history.ts';
import { Latest, type LatestColumns } from './latest.ts';
import { MAX_PAGE_TAGS } from '../limits.ts';
import { Points, type PointsMessage } from '../points/points.ts';
import type { NamesMessage, SeriesNames } from './series-names.ts';

/** Questions about many tags as they cross to the historian's thread and back: 100,000 objects would take a second, columns take none. */

/** For last samples: of these tags, or of all (null). */
export interface LatestQuestion {
  readonly ask: 'latest';
  readonly tags: readonly string[] | null;
  /** `next` of the page before. */
  readonly after: number | null;
  /** So many tags of series the asker knows by number. */
  readonly names: number;
  /** From this time on, µs, what has expired is to be had elsewhere; undefined: nothing is. */
  readonly elsewhereFromUs?: number | undefined;
}

/** A page of them. */
export interface LatestMessage extends Omit<LatestColumns, 'points'> {
  readonly points: PointsMessage;
  readonly next: number | null;
  readonly names: NamesMessage | null;
}

/** What there is of all tags. */
export interface TagsQuestion {
  readonly ask: 'tags';
  readonly names: number;
}

/** Columns with an entry for each tag of which there is or was something, in the order of the tags' bytes. */
export interface TagColumns {
  /** Number of a series of the tag. */
  readonly ids: Uint32Array<ArrayBuffer>;
  readonly samples: Float64Array<ArrayBuffer>;
  readonly firsts: Float64Array<ArrayBuffer>;
  readonly lasts: Float64Array<ArrayBuffer>;
}

/** All of them. */
export interface TagsMessage extends TagColumns {
  readonly names: NamesMessage | null;
}

/** Last samples, page by page. `names`: what is known so far, which grows. */
export async function* askLatest(
  ask: (question: LatestQuestion) => Promise<LatestMessage>,
  names: SeriesNames,
  tags: readonly string[] | null,
  elsewhereFromUs?: number,
): AsyncGenerator<Latest> {
  const tagAt = (place: number): string => (tags === null ? names.tag(place) : (tags[place] ?? ''));
  for (let after: number | null = null; ;) {
    const {
      points,
      names: added,
      next,
      ...rest
    } = await ask({ ask: 'latest', tags, after, names: names.count, elsewhereFromUs });
    if (added !== null) names.add(added);
    yield new Latest({ ...rest, points: Points.fromMessage(points) }, tagAt);
    if (next === null) return;
    after = next;
  }
}

/** What there is of all tags, in parts of 5,000. */
export async function* askTags(
  ask: (question: TagsQuestion) => Promise<TagsMessage>,
  names: SeriesNames,
): AsyncGenerator<readonly TagSummary[]> {
  const { ids, samples, firsts, lasts, names: added } = await ask({ ask: 'tags', names: names.count });
  if (added !== null) names.add(added);
  for (let at = 0; at < ids.length; at += MAX_PAGE_TAGS) {
    const part = ids.subarray(at, at + MAX_PAGE_TAGS);
    yield Array.from(part, (id, i): TagSummary => {
      const row = at + i;
      return {
        tag: names.tag(id),
        samples: samples[row] ?? 0,
        firstUs: firsts[row] ?? 0,
        lastUs: lasts[row] ?? 0,
      };
    });
  }
}

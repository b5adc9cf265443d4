import { latestPage } from './latest-page.ts';
import { buffersOf } from '../points/points.ts';
import { namesFrom } from './series-names.ts';
import type { LatestMessage, LatestQuestion, TagsMessage } from './tag-questions.ts';
import { tagColumns } from './query.ts';
import type { View } from '../reading/view.ts';

/** Answers about many tags as the historian's thread sends them: columns of memory that goes over, and the tags' names once. */

/** An answer, and the memory that goes with it. */
interface Sent<T> {
  readonly answer: T;
  readonly transfer: readonly ArrayBuffer[];
}

/** A page of last samples. */
export function latestAnswer(
  view: View,
  { tags, after, names, elsewhereFromUs }: LatestQuestion,
  isOver: () => boolean,
): Sent<LatestMessage> {
  const { points, places, without, expired, ...rest } = latestPage(view, tags, after, isOver, elsewhereFromUs);
  const message = points.give();
  const named = tags === null ? namesFrom(view.parts.series, names) : null;
  return {
    answer: { ...rest, points: message, places, without, expired, names: named },
    transfer: [...buffersOf(message), places.buffer, without.buffer, expired.buffer],
  };
}

/** What there is of every tag. */
export function tagsAnswer(view: View, names: number): Sent<TagsMessage> {
  const columns = tagColumns(view);
  const transfer = Object.values(columns).map(
    ({ buffer }: Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>) => buffer,
  );
  return { answer: { ...columns, names: namesFrom(view.parts.series, names) }, transfer };
}

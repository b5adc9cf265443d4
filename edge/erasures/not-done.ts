import type { PendingErasure } from '../../historian/parquet/cold-rows.ts';
import { Fault } from '../core/fault.ts';
import type { TagDictionary } from '../tags/dictionary.ts';
import type { ErasureRecord } from './book.ts';
import { chosenTags } from './order.ts';

/** What is to be out of a place and is not yet: it is left out of every answer until then. Tags that nobody knows any more have nothing there. */
export function notDoneIn(
  place: string,
  orders: readonly ErasureRecord[],
  dictionary: Pick<TagDictionary, 'all' | 'find'>,
): PendingErasure[] {
  return orders.flatMap((order) => {
    if (!order.places.some(({ name, doneUs }) => name === place && doneUs === null)) return [];
    const { fromUs, toUs, upTo } = order;
    try {
      return [{ tags: chosenTags(dictionary, order).paths, fromUs, toUs, upTo }];
    } catch (error) {
      if (error instanceof Fault && error.code === 'tag-unknown') return [];
      throw error;
    }
  });
}

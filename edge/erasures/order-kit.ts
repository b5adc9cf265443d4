import { T0 } from '../../historian/kit/history-kit.ts';
import type { ErasureRecord } from './book.ts';
import type { EraseOrder } from './order.ts';

/** For tests: an order about three seconds of a tag, in another case than it is written. */
export const ORDER: EraseOrder = {
  by: 'eve',
  reason: 'a test run',
  tags: ['PLANT/line1/A'],
  prefix: false,
  fromUs: T0 + 2e6,
  toUs: T0 + 5e6,
};

/** The same as it stands in the book. */
export function orderOnRecord(id: string, done: boolean): ErasureRecord {
  const { by, reason, prefix, fromUs, toUs } = ORDER;
  const places = [{ name: 'historian', doneUs: done ? T0 : null }];
  const what = { by, reason, tags: ['a/b'], prefix, fromUs, toUs, tagCount: 1, samples: 0, upTo: {} };
  return { id, atUs: T0, ...what, event: 0, doneEvent: done ? 1 : null, places, unopened: [], unread: [] };
}

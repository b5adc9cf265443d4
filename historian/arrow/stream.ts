import { assert } from '../../edge/core/fault.ts';
import type { HistoryPage } from '../queries/history.ts';
import { HistoryBatches } from './batches.ts';
import { ArrowPieces } from './pieces.ts';

/** Media type of an Arrow IPC stream (IANA). */
export const ARROW_MEDIA_TYPE = 'application/vnd.apache.arrow.stream';

/** What the stream must know before its first byte, and what it tells at its end. */
export interface ArrowOptions {
  /** Every tag that a page can be of: they are written once, at the beginning, since not every reader (polars) takes a dictionary that grows. */
  readonly tags: readonly string[];
  /** Told, before the last piece, in how many spans samples may be missing. */
  readonly onEnd?: (gaps: number) => void;
}

/**
 * Pages of history as an Arrow IPC stream, one record batch a page; see `README.md` for the columns. A piece is given before the next page is asked for, so that memory is bounded by one page.
 * The library is loaded by the first answer that needs it.
 */
export async function* arrowStream(
  pages: AsyncIterable<HistoryPage>,
  { tags, onEnd }: ArrowOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const arrow = await import('apache-arrow');
  const batches = new HistoryBatches(arrow, tags);
  const known = new Set(tags);
  const pieces = new ArrowPieces(arrow, batches.schema);
  let gaps = 0;
  for await (const page of pages) {
    assert(known.has(page.tag), `${page.tag} is among the tags of the stream`);
    gaps += page.gaps.length;
    yield pieces.add(batches.of(page));
  }
  onEnd?.(gaps);
  yield pieces.end();
}

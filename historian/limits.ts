/** Bounds of the historian. What happens at each is said where it is used. */

/** Samples of a block at most. */
export const BLOCK_POINTS = 1000;
/** Unless the block is the last one, it ends at a round instant behind so many samples, if there is one: charts of round intervals need no look into it then. */
export const LEAST_BLOCK_POINTS = 700;
/** Blocks of a piece of a block index: what is read of it at least. */
export const INDEX_PIECE_BLOCKS = 256;
/** Pieces of block indexes that a thread keeps for the next question, bytes; beyond it those go that were not asked for the longest. */
export const INDEX_CACHE_BYTES = 16 * 1024 * 1024;
/** A block ends early when its strings, bytes and arrays take more than this. */
export const BLOCK_HEAP_BYTES = 1024 * 1024;
/** A block unpacked at most: more is damage. 1,000 samples take up to 70 bytes each beside their heap. */
export const MAX_BLOCK_BYTES = 2 * 1024 * 1024;
/** Samples of one answer at most. */
export const MAX_PAGE_POINTS = 10_000;
/** How many samples a page may have of which so many were asked for. */
export function pageLimit(wanted = MAX_PAGE_POINTS): number {
  return Math.max(1, Math.min(wanted, MAX_PAGE_POINTS));
}
/** An answer ends early when its strings, bytes and arrays take more than this. */
export const PAGE_HEAP_BYTES = 4 * 1024 * 1024;
/** Gaps of one answer at most, and lost ranges that the manifest remembers: beyond it neighbours are joined or the oldest forgotten, the counters stay. */
export const MAX_GAPS = 1000;
/** Tags of one answer at most. */
export const MAX_PAGE_TAGS = 5000;
/** Last samples of one answer at most. */
export const MAX_LATEST_ROWS = 32_768;
/** The memtable's memory. */
export const MEMTABLE_BYTES = 64 * 1024 * 1024;
/** What is in the memtable is written after this time at the latest. */
export const FLUSH_AFTER_MS = 5 * 60 * 1000;
/** Buckets of one tag at most. More are refused. */
export const MAX_BUCKETS = 100_000;
/** Buckets of one answer at most; the rest comes with the next. */
export const MAX_PAGE_BUCKETS = 10_000;
/** Buckets or samples of a chart at most. */
export const MAX_CHART_POINTS = 10_000;
/** After this long, ms, questions, a write-out or a merge let others have the thread; an answer of buckets ends early. */
export const SLICE_MS = 10;
/** Erasures on record: more are refused until the log has let go what the oldest of them erase. */
export const MAX_ERASURES = 1000;
/** Tags of one erasure that are named one by one. */
export const MAX_ERASED_PATHS = 1000;

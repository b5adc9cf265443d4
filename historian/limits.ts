/** Bounds of the historian. What happens at each is said where it is used. */

/** Samples of a block at most. */
export const BLOCK_POINTS = 1000;
/** A block ends early when its strings, bytes and arrays take more than this. */
export const BLOCK_HEAP_BYTES = 1024 * 1024;
/** A block unpacked at most: more is damage. 1,000 samples take up to 70 bytes each beside their heap. */
export const MAX_BLOCK_BYTES = 2 * 1024 * 1024;
/** Samples of one answer at most. */
export const MAX_PAGE_POINTS = 10_000;
/** An answer ends early when its strings, bytes and arrays take more than this. */
export const PAGE_HEAP_BYTES = 4 * 1024 * 1024;
/** Gaps of one answer at most, and lost ranges that the manifest remembers: beyond it neighbours are joined or the oldest forgotten, the counters stay. */
export const MAX_GAPS = 1000;
/** Tags of one answer at most. */
export const MAX_PAGE_TAGS = 5000;
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

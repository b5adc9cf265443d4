/** Bounds of the way into QuestDB. What happens at each is said where it is used. */

/** Rows of one request. */
export const REQUEST_LINES = 50_000;
/** A request is sent when it has this many bytes, whatever its rows are. */
export const REQUEST_BYTES = 8 * 1024 * 1024;
/** Room behind that for one more row: a value of 512,000 bytes, each escaped, its tag likewise. */
export const LINE_BYTES = 1024 * 1024 + 64 * 1024;
/** Requests under way at once, each with rows of its own tags. */
export const LANES = 2;
/** Rows that wait for company. */
export const LINGER_MS = 250;
/** Between two looks at whether what was sent has been applied: the cursor moves no more often. */
export const CHECKPOINT_MS = 1000;
/** Between two looks at whether a server that nothing is sent to still lets us in, and at whether it can be asked. */
export const LOOK_MS = 10_000;
/** The same after one that found that it cannot. */
export const LOOK_AGAIN_MS = 2000;
/** Between two looks at a table that is still applying. */
export const APPLY_POLL_MS = 50;
/** Rows that are sent and not applied yet; beyond it nothing is sent, so that a server which cannot apply does not fill its disk. */
export const MAX_UNAPPLIED_ROWS = 5_000_000;
/** A table whose log does not show within this time what was acknowledged has lost it. */
export const GROWTH_LIMIT_MS = 10_000;
/** Rows that are taken out of one request because QuestDB cannot take them; one more and the request is refused as a whole. */
export const MAX_BAD_LINES = 10;
/** What is applied counts only after this time where the server does not sync its files: longer than a kernel keeps written data in memory alone. */
export const SETTLE_MS = 60_000;
/** Erasures on record that the log may still hold something of; more are refused. */
export const MAX_ERASURES = 1000;
/** One answer of the server. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** One request, ms. */
export const REQUEST_LIMIT_MS = 60_000;
/** The first request to a server: at an address that is another service's, nothing may ever answer. */
export const HELLO_LIMIT_MS = 15_000;
/** Times that the table can hold, µs: from 1970 on. Those of samples end in 2255, those of QuestDB in 9999. */
export const FIRST_TIME_US = 0;
export const END_TIME_US = 2 ** 53;

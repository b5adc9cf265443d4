/** What both sides of the crash test agree on. The third topic is synced lazily. */
export const CRASH_TOPICS = ['samples', 'samples.critical', 'derived'];

/** Small, so that rolls are as frequent as commits of a second in real life. */
export const CRASH_SEGMENT_BYTES = 1024 * 1024;

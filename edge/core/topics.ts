/** Classes of tags: which data goes last, and which goes first, when there is not room for all. */
export const TAG_CLASSES = ['critical', 'standard', 'bulk'] as const;
export type TagClass = (typeof TAG_CLASSES)[number];

/** Topics of samples, by the class of their tag; a tag lives in one of them for ever. */
export const SAMPLE_TOPICS = ['samples', 'samples.critical', 'samples.bulk'] as const;
export type SampleTopic = (typeof SAMPLE_TOPICS)[number];

/** Topics whose records are samples: those that came in, and those that were made out of them. */
export const HISTORY_TOPICS = [...SAMPLE_TOPICS, 'derived'] as const;

/** Where the samples of a tag of this class lie. */
export function sampleTopic(tagClass: TagClass): SampleTopic {
  return tagClass === 'standard' ? 'samples' : `samples.${tagClass}`;
}

/** Whether the records of a topic are samples. */
export function holdsSamples(topic: string): boolean {
  return (HISTORY_TOPICS as readonly string[]).includes(topic);
}

/** Topics of this version, one partition each. */
export const TOPICS = [...SAMPLE_TOPICS, 'derived', 'events', 'quarantine', 'tags', 'audit', '__state.alarms'] as const;

/**
 * Whether appends to a topic may wait for a common sync: what was made out of the log can be made again, and nobody outside waits for it. Ingested samples, events, audit and
 * quarantine are synced with each commit.
 */
export function isLazy(topic: string): boolean {
  return topic === 'derived' || topic.startsWith('curated.') || topic.startsWith('__state.');
}

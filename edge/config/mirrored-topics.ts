import { z } from 'zod';
import { HISTORY_TOPICS } from '../core/topics.ts';

/** Topics of the log that can be mirrored in this version (FORMAT.md, "Topics"). */
const MIRRORED_TOPICS = [...HISTORY_TOPICS, 'events', 'quarantine', 'tags', 'audit'] as const;
type MirroredTopic = (typeof MIRRORED_TOPICS)[number];

const PATTERN = /^[a-z.]*\*$/;
const MIRRORED = `one of ${MIRRORED_TOPICS.join(', ')}, or how some begin and a *, such as samples*`;

/** Topics that an entry of `topics` names: one, or with a `*` at its end all that begin like it. */
export function topicsNamed(entry: string): MirroredTopic[] {
  const isNamed = (topic: string): boolean =>
    PATTERN.test(entry) ? topic.startsWith(entry.slice(0, -1)) : topic === entry;
  return MIRRORED_TOPICS.filter(isNamed);
}

const several = z
  .string(MIRRORED)
  .regex(PATTERN, { error: MIRRORED, abort: true })
  .refine((entry) => topicsNamed(entry).length > 0, MIRRORED);

/** The topics of a link, each once, in the order in which they are named. */
export const mirroredTopics = z
  .array(z.union([z.enum(MIRRORED_TOPICS), several], MIRRORED), 'a list of topics')
  .min(1, `at least ${MIRRORED}`)
  .transform((entries) => [...new Set(entries.flatMap(topicsNamed))])
  .prefault(['samples'])
  .describe('Topics of the log that are mirrored; `samples*` stands for all that begin with `samples`.');

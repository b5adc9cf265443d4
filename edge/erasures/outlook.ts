import type { Config } from '../config/schema.ts';
import type { DurableEnds } from '../core/durable-ends.ts';
import { HISTORY_TOPICS, holdsSamples } from '../core/topics.ts';
import type { ErasureRecord } from './book.ts';
import { LOG } from './keeper.ts';

/** What there still is of an erasure: told with its result. */
export interface ErasureOutlook {
  /** Topics whose segments may still hold such records: while it is not done there. */
  readonly log: readonly {
    readonly topic: string;
    /** First offset that is still there, and the first that the erasure does not mean any more. */
    readonly start: number;
    readonly upTo: number;
    /** How long the log keeps records of the topic at most; null: until its budget needs the room. */
    readonly retentionSeconds: number | null;
  }[];
  /** Messages that were refused, as they came: they are not erased, since what is in them cannot be told by tag. Null: there are none. */
  readonly quarantine: {
    readonly records: number;
    /** As above. */
    readonly retentionSeconds: number | null;
  } | null;
  /** Links that mirror such topics, and whether they carry the event `erased` too: what the other end has is for the other end to erase. */
  readonly links: readonly { readonly name: string; readonly told: boolean }[];
}

const QUARANTINE = 'quarantine';

/** What is left of an erasure in the log and behind links. */
export function outlookOf(
  { upTo, places }: Pick<ErasureRecord, 'upTo' | 'places'>,
  { log, links }: Pick<Config, 'log' | 'links'>,
  ends: Pick<DurableEnds, 'start' | 'end'>,
): ErasureOutlook {
  const isDone = places.some(({ name, doneUs }) => name === LOG && doneUs !== null);
  const held = HISTORY_TOPICS.filter((topic) => !isDone && ends.start(topic) < (upTo[topic] ?? 0));
  const retentionOf = (topic: string): number | null => {
    const keptMs = log.topics[topic]?.retention;
    return keptMs === undefined ? null : keptMs / 1000;
  };
  const refused = ends.end(QUARANTINE) - ends.start(QUARANTINE);
  return {
    log: held.map((topic) => {
      return { topic, start: ends.start(topic), upTo: upTo[topic] ?? 0, retentionSeconds: retentionOf(topic) };
    }),
    quarantine: refused === 0 ? null : { records: refused, retentionSeconds: retentionOf(QUARANTINE) },
    links: links
      .filter(({ to, topics }) => to !== undefined && topics.some(holdsSamples))
      .map(({ name, topics }) => ({ name, told: topics.includes('events') })),
  };
}

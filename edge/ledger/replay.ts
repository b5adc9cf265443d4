import { type Disk, realDisk } from '../core/disk.ts';
import type { DurableEnds } from '../core/durable-ends.ts';
import { eachRecord } from '../core/each-record.ts';
import { Flag } from '../core/flags.ts';
import { type Counts, type IntakeTerm, Term, UNMAPPED } from '../core/ledger.ts';
import type { RecordCursor } from '../core/record-cursor.ts';
import { SampleReader } from '../core/sample-codec.ts';
import { TagMap } from '../core/tag-keys.ts';
import { HISTORY_TOPICS } from '../core/topics.ts';
import type { Covered } from './covered.ts';

/** Topics out of which the ledger can be counted. */
export const LEDGER_TOPICS = [...HISTORY_TOPICS, 'quarantine', 'events'] as const;
export type LedgerTopic = (typeof LEDGER_TOPICS)[number];

/** The counts of a tag and connector (undefined: the connector that the tag came from first), to be added to. */
export type CountsOf = (tag: string, connector?: string) => Counts;

/** Counts the records of a topic that are not covered, up to its durable end; then exactly those below the end are covered. */
export function replayLedger(
  topic: LedgerTopic,
  logFolder: string,
  ends: DurableEnds,
  covered: Covered,
  countsOf: CountsOf,
  disk: Disk = realDisk,
): void {
  const end = ends.end(topic);
  covered.limit(end);
  if (covered.prefix >= end) return;
  const count = counters[topic];
  const byTag = new TagMap((tag) => countsOf(tag));
  const visit = (cursor: RecordCursor): void => {
    if (!covered.has(cursor.offset)) count(cursor, byTag, countsOf);
  };
  eachRecord(logFolder, topic, ends, covered.prefix, visit, disk);
  covered.add(covered.prefix, end - 1);
}

const sample = new SampleReader();
const text = new TextDecoder();

type Counter = (cursor: RecordCursor, byTag: TagMap<Counts>, countsOf: CountsOf) => void;

function add(counts: Counts, term: IntakeTerm): void {
  counts[Term[term]] = (counts[Term[term]] ?? 0) + 1;
}

const countSample: Counter = (cursor, byTag) => {
  if (cursor.keyStart < 0) return;
  const counts = byTag.get(cursor);
  // One that was erased since has no flags any more, and had come in, but for a few.
  if (cursor.valueStart >= 0) sample.read(cursor.data, cursor.valueStart, cursor.valueEnd);
  if (cursor.valueStart >= 0 && (sample.flags & (Flag.gap | Flag.substituted)) !== 0) return add(counts, 'generated');
  add(counts, 'received');
  add(counts, 'logged');
};

const counters: Record<LedgerTopic, Counter> = {
  samples: countSample,
  'samples.critical': countSample,
  'samples.bulk': countSample,
  derived(cursor, byTag) {
    if (cursor.keyStart >= 0) add(byTag.get(cursor), 'generated');
  },
  quarantine(cursor, _byTag, countsOf) {
    const headers = new Map(cursor.headers());
    if (headers.has('copy')) return;
    const counts = countsOf(cursor.keyText(), text.decode(headers.get('connector') ?? new Uint8Array(0)));
    add(counts, 'received');
    add(counts, 'quarantined');
  },
  events(cursor, _byTag, countsOf) {
    const value = cursor.value();
    if (value === null) return;
    const event: unknown = JSON.parse(text.decode(value));
    if (typeof event !== 'object' || event === null || !('type' in event) || event.type !== 'refused') return;
    if (!('connector' in event) || typeof event.connector !== 'string') return;
    const counts = countsOf(UNMAPPED, event.connector);
    add(counts, 'received');
    add(counts, 'refused');
  },
};

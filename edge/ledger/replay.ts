import type { DurableEnds } from '../core/durable-ends.ts';
import { eachRecord } from '../core/each-record.ts';
import { Flag } from '../core/flags.ts';
import { type IntakeTerm, UNMAPPED } from '../core/ledger.ts';
import type { RecordCursor } from '../core/record-cursor.ts';
import { SampleReader } from '../core/sample-codec.ts';
import type { Covered } from './covered.ts';

/** Topics out of which the ledger can be counted. */
export const LEDGER_TOPICS = ['samples', 'derived', 'quarantine', 'events'] as const;
export type LedgerTopic = (typeof LEDGER_TOPICS)[number];

/** Adds to the row of a tag and connector (undefined: the connector that the tag came from first). */
export type AddToLedger = (tag: string, connector: string | undefined, term: IntakeTerm) => void;

/** Counts the records of a topic that are not covered, up to its durable end; then exactly those below the end are covered. */
export function replayLedger(
  topic: LedgerTopic,
  logFolder: string,
  ends: DurableEnds,
  covered: Covered,
  add: AddToLedger,
): void {
  const end = ends.end(topic);
  covered.limit(end);
  if (covered.prefix >= end) return;
  const count = counters[topic];
  eachRecord(logFolder, topic, ends, covered.prefix, (cursor) => {
    if (!covered.has(cursor.offset)) count(cursor, add);
  });
  covered.add(covered.prefix, end - 1);
}

const sample = new SampleReader();
const text = new TextDecoder();

const counters: Record<LedgerTopic, (cursor: RecordCursor, add: AddToLedger) => void> = {
  samples(cursor, add) {
    if (cursor.keyStart < 0 || cursor.valueStart < 0) return;
    sample.read(cursor.data, cursor.valueStart, cursor.valueEnd);
    const tag = cursor.keyText();
    if ((sample.flags & (Flag.gap | Flag.substituted)) !== 0) return add(tag, undefined, 'generated');
    add(tag, undefined, 'received');
    add(tag, undefined, 'logged');
  },
  derived(cursor, add) {
    if (cursor.keyStart >= 0 && cursor.valueStart >= 0) add(cursor.keyText(), undefined, 'generated');
  },
  quarantine(cursor, add) {
    const headers = new Map(cursor.headers());
    if (headers.has('copy')) return;
    const connector = text.decode(headers.get('connector') ?? new Uint8Array(0));
    add(cursor.keyText(), connector, 'received');
    add(cursor.keyText(), connector, 'quarantined');
  },
  events(cursor, add) {
    const value = cursor.value();
    if (value === null) return;
    const event: unknown = JSON.parse(text.decode(value));
    if (typeof event !== 'object' || event === null || !('type' in event) || event.type !== 'refused') return;
    if (!('connector' in event) || typeof event.connector !== 'string') return;
    add(UNMAPPED, event.connector, 'received');
    add(UNMAPPED, event.connector, 'refused');
  },
};

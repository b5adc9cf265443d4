import type { Disk } from '../disk.ts';
import type { DurableEnds } from '../durable-ends.ts';
import { eachRecord } from '../each-record.ts';
import { messageOf } from '../fault.ts';
import { parseSnapshot, type Snapshot, SnapshotAssembler } from './snapshot.ts';

/** So many records are looked at first, in case the last ones are damaged; then eight times as many, up to all. */
const LAST_RECORDS = 10;

/** Where to look. */
export interface FindOptions {
  /** `__state.<consumer>` */
  readonly topic: string;
  readonly logFolder: string;
  readonly ends: DurableEnds;
  readonly disk?: Disk;
  readonly parse?: (value: unknown) => Snapshot;
  readonly onUnreadable: (topic: string, offset: number, why: string) => void;
}

/** A snapshot and the offset of its first record. */
export interface FoundSnapshot {
  readonly snapshot: Snapshot;
  readonly offset: number;
}

interface Unreadable {
  readonly offset: number;
  readonly why: string;
}

/**
 * The last snapshot of a consumer that can be read and that speaks of nothing that the log does not have (one that has lost records gives their offsets again); undefined if there is none.
 * Those of the last records that are passed over are told.
 */
export function findSnapshot(options: FindOptions): FoundSnapshot | undefined {
  const { topic, ends, onUnreadable } = options;
  const start = ends.start(topic);
  for (let records = LAST_RECORDS; ; records *= 8) {
    const from = Math.max(start, ends.end(topic) - records);
    const unreadable: Unreadable[] = [];
    const found = lastFrom(options, from, unreadable);
    if (found === undefined && from > start) continue;
    for (const { offset, why } of unreadable) onUnreadable(topic, offset, why);
    return found;
  }
}

function lastFrom(options: FindOptions, from: number, unreadable: Unreadable[]): FoundSnapshot | undefined {
  const { topic, logFolder, ends, disk, parse = parseSnapshot } = options;
  const assembler = new SnapshotAssembler();
  let last: FoundSnapshot | undefined;
  const visit = (offset: number, value: unknown): void => {
    const snapshot = parse(value);
    const beyond = firstBeyond(snapshot, ends);
    if (beyond !== undefined) throw new Error(`speaks of ${beyond}, which the log does not have`);
    last = { snapshot, offset };
  };
  eachRecord(
    logFolder,
    topic,
    ends,
    from,
    (cursor) => {
      try {
        const value = assembler.add(cursor);
        if (value !== undefined) visit(assembler.firstOffset, value);
      } catch (error) {
        unreadable.push({ offset: cursor.offset, why: messageOf(error) });
      }
    },
    disk,
  );
  return last;
}

/** A position behind the end of its topic. Topics that there are no more do not count. */
function firstBeyond({ inputs, outputs }: Snapshot, ends: DurableEnds): string | undefined {
  for (const [topic, offset] of [...Object.entries(inputs), ...Object.entries(outputs)])
    if (ends.topics.includes(topic) && offset > ends.end(topic)) return `${topic} up to ${offset}`;
  return undefined;
}

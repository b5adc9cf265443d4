import type { JournalEntry } from '../alarms/alarm.ts';
import { identityOf, journalText, parseJournal } from '../alarms/journal.ts';
import type { DerivedTopics } from '../core/progress/derived-topics.ts';
import type { Positions } from '../core/progress/snapshot.ts';
import type { RecordCursor } from '../core/record-cursor.ts';

const EVENTS = 'events';
const KEY = 'alarm/';

/** Whether a record of `events` is a line of the journal. */
export function isJournal(cursor: RecordCursor): boolean {
  return cursor.keyText().startsWith(KEY);
}

/** What the journal is written with. */
export interface JournalOptions {
  readonly progress: DerivedTopics;
  /** How far the samples have been seen. */
  readonly seen: () => Positions;
  /** Offset of a record of ours in `events` (for the ledger, which covers every record of that topic). */
  readonly onWritten: (topic: string, offset: number) => void;
}

/**
 * Puts what happens to alarms on record. Lines that a sample made have an identity, and are made again by a replay of the samples; the others (a person, a delay that ended, a shelf that is
 * over) say how far the samples had been seen, and a replay takes them over there.
 */
export class AlarmJournal {
  private readonly options: JournalOptions;
  private readonly text = new TextEncoder();
  private readonly decoder = new TextDecoder();
  /** Lines of an earlier life that a replay has not come to. */
  private toReplay: JournalEntry[] = [];
  /** The last line of each alarm that an earlier life left behind its snapshot. */
  private readonly before = new Map<string, JournalEntry>();

  constructor(options: JournalOptions) {
    this.options = options;
  }

  /** Takes a line in that an earlier life may have written; returns its identity. Throws if it cannot be read. */
  recovered(cursor: RecordCursor): string | undefined {
    const line = parseJournal(this.decoder.decode(cursor.value() ?? undefined));
    if (line === undefined) return undefined;
    this.before.set(line.definition.id, line);
    const identity = identityOf(line);
    if (identity === undefined) this.toReplay.push(line);
    return identity;
  }

  /** Whether all lines of an earlier life have been taken over. */
  get replayed(): boolean {
    return this.toReplay.length === 0;
  }

  /** Gives the lines, in their order, that were written when the samples had been seen up to where they are. `all`: those too that were written later. */
  replay(take: (line: JournalEntry) => void, all = false): void {
    const later = all ? -1 : this.toReplay.findIndex((line) => !this.isDue(line));
    for (const line of this.toReplay.splice(0, later < 0 ? this.toReplay.length : later)) take(line);
  }

  private isDue({ seen }: JournalEntry): boolean {
    const { progress } = this.options;
    return Object.entries(seen ?? {}).every(([topic, offset]) => progress.position(topic) >= offset);
  }

  /** Gives the last line of each alarm that an earlier life left behind its snapshot, once. */
  last(): readonly JournalEntry[] {
    const lines = [...this.before.values()];
    this.before.clear();
    this.toReplay = [];
    return lines;
  }

  /** Appends a line, unless a sample made it and it is there from before a crash. */
  write(line: JournalEntry, bySample: boolean): void {
    const { progress, seen, onWritten } = this.options;
    const entry = bySample ? line : { ...line, seen: seen() };
    const key = this.text.encode(`${KEY}${line.definition.id}`);
    const value = this.text.encode(journalText(entry));
    const isNew = progress.emit(
      EVENTS,
      identityOf(entry),
      (encoder) => encoder.addRecord(key, value),
      (offset) => onWritten(EVENTS, offset),
    );
    // Then what an earlier life said last is out of date.
    if (isNew) this.before.delete(line.definition.id);
  }

  /** Calls `then` in a moment in which every line is durable, so that book and log say the same. Rejects with why something never will be. */
  async written<T>(then: () => T): Promise<T> {
    await this.options.progress.durable(EVENTS);
    return then();
  }
}

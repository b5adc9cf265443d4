import type { JournalEntry } from '../alarms/alarm.ts';
import type { AlarmBook } from '../alarms/book.ts';
import { type AlarmSnapshot, journalText, parseJournal, parseSnapshot, snapshotText } from '../alarms/journal.ts';
import type { Clock } from '../core/clock.ts';
import type { DurableEnds } from '../core/durable-ends.ts';
import { eachRecord } from '../core/each-record.ts';
import { messageOf } from '../core/fault.ts';
import type { Producer } from '../core/producer.ts';
import { BatchEncoder } from '../core/record-batch.ts';
import type { RecordCursor } from '../core/record-cursor.ts';

const STATE = '__state.alarms';
const EVENTS = 'events';
const STATE_KEY = 'alarms';
/** More than one is read, in case the last ones are damaged. */
const LAST_SNAPSHOTS = 10;

/** What the journal is written with. */
export interface JournalOptions {
  readonly book: AlarmBook;
  readonly producer: Producer;
  readonly clock: Clock;
  readonly logFolder: string;
  readonly ends: DurableEnds;
  /** Offset of a record of ours in `events` (for the ledger, which covers every record of that topic). */
  readonly onWritten: (topic: string, offset: number) => void;
  /** A record will not be durable: what the book says is not on record any more, and the run must end. */
  readonly onFailed: (error: unknown) => void;
  /** A record was passed over. */
  readonly onUnreadable: (topic: string, offset: number, why: string) => void;
}

/** Puts what happens to alarms on record, and finds it again at the next start (DESIGN, "Consumers", form b). */
export class AlarmJournal {
  private readonly options: JournalOptions;
  private readonly text = new TextEncoder();
  private readonly decoder = new TextDecoder();
  /** Offset behind the last record of `events` that the book has seen. */
  private eventsOffset = 0;
  private unsaved = false;
  private appended: Promise<void> = Promise.resolve();

  constructor(options: JournalOptions) {
    this.options = options;
  }

  /** Brings the book to where the log says that it was: the last snapshot, and the lines behind it. What cannot be read is passed over and told. */
  restore(): void {
    const { book, ends } = this.options;
    let snapshot: AlarmSnapshot = { eventsOffset: ends.start(EVENTS), alarms: [] };
    this.each(STATE, Math.max(ends.start(STATE), ends.end(STATE) - LAST_SNAPSHOTS), (cursor) => {
      snapshot = parseSnapshot(this.valueOf(cursor));
    });
    for (const alarm of snapshot.alarms) book.restore(alarm.id, alarm);
    this.each(EVENTS, Math.max(snapshot.eventsOffset, ends.start(EVENTS)), (cursor) => {
      if (!cursor.keyText().startsWith('alarm/')) return;
      const line = parseJournal(this.valueOf(cursor));
      if (line === undefined) return;
      book.apply(line);
      this.unsaved = true;
    });
    this.eventsOffset = ends.end(EVENTS);
  }

  private each(topic: string, from: number, visit: (cursor: RecordCursor) => void): void {
    const { logFolder, ends, onUnreadable } = this.options;
    eachRecord(logFolder, topic, ends, from, (cursor) => {
      try {
        visit(cursor);
      } catch (error) {
        onUnreadable(topic, cursor.offset, messageOf(error));
      }
    });
  }

  private valueOf(cursor: RecordCursor): string {
    return this.decoder.decode(cursor.value() ?? undefined);
  }

  /** Appends a line. */
  write(line: JournalEntry): void {
    this.unsaved = true;
    this.append(EVENTS, `alarm/${line.definition.id}`, journalText(line), (offset) => {
      this.eventsOffset = Math.max(this.eventsOffset, offset + 1);
      this.options.onWritten(EVENTS, offset);
    });
  }

  /** Appends a snapshot if anything changed and all of it is durable. Rejects as `written` does. */
  async save(): Promise<void> {
    if (!this.unsaved) return;
    await this.written(() => {
      const { book, clock } = this.options;
      const text = snapshotText({ eventsOffset: this.eventsOffset, alarms: book.standing() }, clock.nowUs());
      this.unsaved = false;
      this.append(STATE, STATE_KEY, text, () => undefined);
    });
    await this.written(() => undefined);
  }

  /** Calls `then` in a moment in which everything that was written is durable, so that book and log say the same. Rejects with why something never will be. */
  async written<T>(then: () => T): Promise<T> {
    let waited: Promise<void>;
    do {
      waited = this.appended;
      await waited;
    } while (waited !== this.appended);
    return then();
  }

  private append(topic: string, key: string, value: string, onDurable: (offset: number) => void): void {
    const { clock, producer, onFailed } = this.options;
    const encoder = new BatchEncoder();
    encoder.addRecord(this.text.encode(key), this.text.encode(value));
    const before = this.appended;
    const appended = producer.append(topic, encoder.finish(clock.nowMs()), 1);
    this.appended = this.settle(before, appended, onDurable);
    this.appended.catch(onFailed);
  }

  private async settle(before: Promise<void>, appended: Promise<number>, onDurable: (offset: number) => void) {
    onDurable(await appended);
    await before;
  }
}

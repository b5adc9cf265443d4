import { type Disk, realDisk } from './disk.ts';
import type { DurableEnds } from './durable-ends.ts';
import { LogReader } from './reader.ts';
import { RecordCursor } from './record-cursor.ts';

/** Between two steps the thread's other work has its turn: about 20,000 samples of each topic. */
const READ_BYTES = 256 * 1024;

/** What is read, and who is told. */
export interface ArrivalOrderOptions {
  readonly logFolder: string;
  readonly ends: DurableEnds;
  readonly disk?: Disk;
  /** Offset of the first record that is wanted, by topic. */
  readonly from: Readonly<Record<string, number>>;
  /** Called for each record, in the order of its topic. The cursor is the same one at each call; nothing of it may be kept. */
  readonly visit: (topic: string, cursor: RecordCursor) => void;
  /** Records `first` to `last` are not to be had. */
  readonly onGap: (topic: string, first: number, last: number, reason: 'damage' | 'retention') => void;
  /** Read at once of each topic; 256 KiB if left out. */
  readonly readBytes?: number;
}

interface Feed {
  readonly topic: string;
  /** Records before it were visited, or are not wanted. */
  first: number;
  readonly reader: LogReader;
  /** Stands at the record that comes next. */
  readonly cursor: RecordCursor;
  /** Batches that have been read; from `at` on they have not been opened. */
  bytes: Uint8Array;
  at: number;
  /** When the record that comes next arrived, ms; Infinity: there is none. */
  arrivalMs: number;
}

/**
 * Reads topics side by side: of what is durable, first what arrived first. Offsets order the records of one topic, and nothing but their arrival orders those of two;
 * what arrived at nearly the same time may become durable in another order. Goes record by record: batches that were merged hold hours.
 */
export class ArrivalOrder {
  private readonly options: ArrivalOrderOptions;
  private readonly feeds: readonly Feed[];

  constructor(options: ArrivalOrderOptions) {
    const { logFolder, ends, from, disk = realDisk } = options;
    this.options = options;
    this.feeds = Object.entries(from).map(([topic, first]) => {
      const reader = new LogReader({ logFolder, topic, ends, disk });
      reader.seek(first);
      return { topic, first, reader, cursor: new RecordCursor(), bytes: new Uint8Array(0), at: 0, arrivalMs: Infinity };
    });
  }

  /** Visits some of what is durable. False: there was nothing new. Throws what `visit` throws, and what keeps the log from being read. */
  step(): boolean {
    let moved = false;
    for (const feed of this.feeds) moved = this.fill(feed) || moved;
    for (let feed = this.oldest(); feed !== undefined; feed = this.oldest()) {
      moved = true;
      this.visit(feed);
      // What follows in this topic may be older than what the others have.
      if (feed.arrivalMs === Infinity && feed.reader.position < this.options.ends.end(feed.topic)) break;
    }
    return moved;
  }

  close(): void {
    for (const { reader } of this.feeds) reader.close();
  }

  /** Reads on in a topic of which everything was visited. True: a gap was told. */
  private fill(feed: Feed): boolean {
    let told = false;
    while (feed.arrivalMs === Infinity) {
      feed.first = feed.reader.position;
      const result = feed.reader.read(this.options.readBytes ?? READ_BYTES);
      if (result.kind === 'end') break;
      if (result.kind === 'data') this.turnTo(feed, result.bytes);
      else {
        this.options.onGap(feed.topic, result.first, result.last, result.reason);
        told = true;
      }
    }
    return told;
  }

  private turnTo(feed: Feed, bytes: Uint8Array): void {
    feed.bytes = bytes;
    feed.at = 0;
    advance(feed);
  }

  private oldest(): Feed | undefined {
    let oldest: Feed | undefined;
    for (const feed of this.feeds) if (feed.arrivalMs < (oldest?.arrivalMs ?? Infinity)) oldest = feed;
    return oldest;
  }

  /** Visits records of a topic until it has no more at hand, or another topic has an older one. */
  private visit(feed: Feed): void {
    let untilMs = Infinity;
    for (const other of this.feeds) if (other !== feed) untilMs = Math.min(untilMs, other.arrivalMs);
    do {
      this.options.visit(feed.topic, feed.cursor);
      advance(feed);
    } while (feed.arrivalMs <= untilMs && feed.arrivalMs !== Infinity);
  }
}

/** Moves to the next record that is wanted. A batch that holds it may begin before it. */
function advance(feed: Feed): void {
  const { cursor, bytes, first } = feed;
  for (;;) {
    while (cursor.next()) {
      if (cursor.offset < first) continue;
      feed.arrivalMs = cursor.timestampMs;
      return;
    }
    if (feed.at >= bytes.length) {
      feed.arrivalMs = Infinity;
      return;
    }
    feed.at = cursor.open(bytes, feed.at);
  }
}

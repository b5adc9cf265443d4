import { hash } from 'node:crypto';
import { batchMaxTimestampMs, placeBatch } from '../../edge/core/record-batch.ts';
import { recordsOf } from './records.ts';

/** Where something that must hold does not. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** What a recovery may find of a topic: an end that is not before what was acknowledged and not behind what was staged, and a start that retention has given. */
export interface Bounds {
  readonly leastEnd: number;
  readonly mostEnd: number;
  readonly leastStart: number;
  readonly mostStart: number;
}

/** How far a topic goes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What the log was given of one topic, from offset 0 on, and how much of it is promised: once an end was published, all before it is there for ever, but for what retention releases. */
export class TopicPromises {
  readonly name: string;
  private bytes = new Uint8Array(64 * 1024);
  /** Where in `bytes` the batch lies that begins with an offset; the last is where the next one will. */
  private readonly places = new Map<number, number>([[0, 0]]);
  private given = 0;
  private span: Span = { start: 0, end: 0 };
  /** Below it everything is deleted for certain. */
  private deleted = 0;
  /** Hashes of other batches with the same records. */
  private readonly repacked = new Set<string>();

  constructor(name: string) {
    this.name = name;
  }

  /** Notes a batch that is about to be staged. Returns the offset that it must get. */
  stage(batch: Uint8Array, records: number): number {
    const offset = this.given;
    const at = this.place(offset);
    while (at + batch.length > this.bytes.length) {
      const grown = new Uint8Array(this.bytes.length * 2);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes.set(batch, at);
    placeBatch(this.bytes, at, offset, 0);
    this.given += records;
    this.places.set(this.given, at + batch.length);
    return offset;
  }

  private place(offset: number): number {
    const place = this.places.get(offset);
    if (place === undefined) throw new Violation(`${this.name}: no batch begins or ends at ${offset}`);
    return place;
  }

  /** The log says how far the topic goes. */
  publish(span: Span): void {
    this.check(span, { ...this.bounds, leastEnd: this.span.end, leastStart: this.deleted, mostStart: this.given });
    this.span = span;
  }

  /** A log that was opened again says so: what was staged behind it is gone. */
  adopt(span: Span): void {
    this.check(span, this.bounds);
    this.span = span;
    this.repacked.clear();
    for (const offset of this.places.keys()) if (offset > span.end) this.places.delete(offset);
    this.given = span.end;
  }

  /** The files below the start are deleted. */
  startIsFinal(): void {
    this.deleted = this.span.start;
  }

  /** What a recovery may find now. */
  get bounds(): Bounds {
    const { start, end } = this.span;
    return { leastEnd: end, mostEnd: this.given, leastStart: this.deleted, mostStart: start };
  }

  /** Throws unless this is what a recovery may find. */
  check({ start, end }: Span, { leastEnd, mostEnd, leastStart, mostStart }: Bounds): void {
    const { name } = this;
    if (end < leastEnd) throw new Violation(`${name} ends at ${end}: ${leastEnd} were acknowledged`);
    if (end > mostEnd) throw new Violation(`${name} ends at ${end}: only ${mostEnd} were written`);
    if (start < leastStart || start > mostStart)
      throw new Violation(`${name} starts at ${start}, not from ${leastStart} to ${mostStart}`);
    this.place(start);
    this.place(end);
  }

  /** Offset and time of the batches of a span, as they were staged. */
  times({ start, end }: Span): { readonly offset: number; readonly ms: number }[] {
    const view = new DataView(this.bytes.buffer);
    return [...this.places]
      .filter(([offset]) => offset >= start && offset < end)
      .map(([offset, at]) => ({ offset, ms: batchMaxTimestampMs(view, at) }));
  }

  /** Throws unless these batches have the records of this span: the same batches, or others with the same records. */
  checkBatches(found: Uint8Array, { start, end }: Span): void {
    const right = this.bytes.subarray(this.place(start), this.place(end));
    if (Buffer.compare(found, right) === 0) return;
    const key = `${start} ${end} ${hash('sha1', found, 'base64')}`;
    if (this.repacked.has(key)) return;
    if (Buffer.compare(recordsOf(found), recordsOf(right)) !== 0)
      throw new Violation(`${this.name} from ${start} to ${end} is not what was written`);
    this.repacked.add(key);
  }
}

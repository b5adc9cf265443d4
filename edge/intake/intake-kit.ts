import path from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Message, RawValue, Reading } from '../../connectors/contract.ts';
import type { Clock } from '../core/clock.ts';
import { type Disk, realDisk } from '../core/disk.ts';
import type { DurableEnds } from '../core/durable-ends.ts';
import { fromFaultMessage } from '../core/fault.ts';
import { INTAKE_TERMS, type IntakeTerm, Tally, Term } from '../core/ledger.ts';
import { type AppendRequest, LogFolder, type TestLogWriter } from '../core/kit/log-kit.ts';
import { Log } from '../core/log.ts';
import { SAMPLE_TOPICS, TOPICS } from '../core/topics.ts';
import type { Producer } from '../core/producer.ts';
import { LogReader } from '../core/reader.ts';
import { RecordCursor } from '../core/record-cursor.ts';
import { SampleReader } from '../core/sample-codec.ts';
import { type Sample, ValueKind } from '../core/sample.ts';
import { TagDictionary } from '../tags/dictionary.ts';
import { TAG_LIMITS, type TagLimits, TagRegistrar } from '../tags/registrar.ts';
import type { OffsetRange } from './batches.ts';
import { DuplicateFilter } from './duplicate-filter.ts';
import { Intake, type IntakeOptions } from './intake.ts';
import { TagTable } from './tag-table.ts';

/** For tests: a clock that stands until it is moved. */
class TestClock implements Clock {
  /** 2026-03-01T12:00:00Z. */
  ms = Date.UTC(2026, 2, 1, 12);

  nowMs(): number {
    return this.ms;
  }

  nowUs(): number {
    return this.ms * 1000;
  }

  monotonicMs(): number {
    return this.ms;
  }
}

/** A double of `loop/pressure`, Good, with the device's time. */
export function raw(members: Partial<RawValue> = {}): RawValue {
  return {
    tag: 'loop/pressure',
    kind: ValueKind.double,
    value: 1.5,
    declared: null,
    timeUs: Date.UTC(2026, 2, 1, 12) * 1000,
    quality: 0,
    flags: 0,
    ...members,
  };
}

/** A message of `pump-7`. */
export function message(values: readonly RawValue[], members: Partial<Message> = {}): Message {
  return {
    type: 'message',
    source: 'pump-7',
    address: 'plant/pump-7',
    original: new TextEncoder().encode('{"pressure":1.5}'),
    values,
    problems: [],
    ...members,
  };
}

/** A producer over the real writer, in this thread, that commits when the test says so. */
export class HeldProducer implements Producer {
  readonly ends: DurableEnds;
  private readonly writer: TestLogWriter;
  private held: (AppendRequest & { resolve: (offset: number) => void; reject: (error: Error) => void })[] = [];

  constructor(folder: LogFolder, disk: Disk) {
    this.ends = folder.ends(TOPICS);
    this.writer = folder.writer({ disk }, this.ends);
  }

  open(): void {
    this.writer.open();
  }

  get pending(): number {
    return this.held.length;
  }

  append(topic: string, batch: Uint8Array<ArrayBuffer>, records: number): Promise<number> {
    // The encoder uses its memory again.
    const copy = batch.slice();
    return new Promise((resolve, reject) => this.held.push({ topic, batch: copy, records, resolve, reject }));
  }

  writable(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.held = [];
  }

  /** Commits what was appended, or the first so many batches; the answers have been handled when this resolves. */
  async commit(batches = Infinity): Promise<void> {
    const held = this.held.splice(0, batches);
    for (const [i, answer] of this.writer.append(held).entries())
      if (typeof answer === 'number') held[i]?.resolve(answer);
      else held[i]?.reject(fromFaultMessage(answer));
    await settled();
  }
}

/** Resolves when everything that is ready to go on has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A record as a test compares it. */
export interface ReadRecord {
  readonly offset: number;
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** An intake with what it told. */
export interface TestIntake {
  readonly intake: Intake;
  readonly tally: Tally;
  readonly ranges: OffsetRange[];
  readonly failures: unknown[];
  readonly reasons: string[];
  readonly problems: string[];
  /** Takes readings in; resolves with the topics' ends as they were when the batch was acknowledged. */
  readonly take: (...readings: Reading[]) => Promise<Ends>;
  /** Takes readings in without waiting; `acknowledged` gets the name then. */
  readonly begin: (name: string, ...readings: Reading[]) => Promise<void>;
  readonly acknowledged: string[];
}

/** Durable end of each topic. */
export type Ends = Readonly<Record<string, number>>;

export interface KitOptions {
  readonly limits?: Partial<TagLimits>;
  /** Left out: the real log with its worker. Given: the writer in this thread, on this disk; it commits when told to. */
  readonly disk?: Disk;
  /** Where the dictionary lies, else the real disk. */
  readonly dictionaryDisk?: Disk;
  readonly maxGeneration?: number;
}

/** For tests: everything that an intake works with, real, in a folder of its own. */
export class IntakeKit implements AsyncDisposable {
  readonly clock = new TestClock();
  readonly folder = new LogFolder();
  readonly dictionary: TagDictionary;
  readonly registrar: TagRegistrar;
  readonly tags: TagTable;
  readonly duplicates: DuplicateFilter;
  readonly log: Log;
  readonly held: HeldProducer | undefined;
  private readonly lines: MessagePort[] = [];
  private readonly producers: Producer[] = [];

  private constructor(options: KitOptions) {
    const { clock, folder } = this;
    this.dictionary = new TagDictionary(options.dictionaryDisk ?? realDisk, path.join(folder.data, 'tags'));
    const limits = { ...TAG_LIMITS, ...options.limits };
    // Topic `tags` has tests of its own.
    this.registrar = new TagRegistrar(this.dictionary, clock, () => undefined, limits);
    this.tags = this.newTags();
    this.duplicates = new DuplicateFilter(options.maxGeneration);
    this.log = new Log({ dataFolder: folder.data, budgetBytes: 1e12, nowMs: clock.nowMs() });
    this.held = options.disk === undefined ? undefined : new HeldProducer(folder, options.disk);
  }

  /** The tags as a restarted worker has them: none is known. */
  newTags(): TagTable {
    const { port1, port2 } = new MessageChannel();
    this.registrar.serve(port1);
    this.lines.push(port1);
    return new TagTable('northmill', port2).start();
  }

  static async open(options: KitOptions = {}): Promise<IntakeKit> {
    const kit = new IntakeKit(options);
    kit.dictionary.open();
    kit.registrar.start(undefined);
    if (kit.held === undefined)
      await kit.log.open((fault) => {
        throw fault;
      });
    else kit.held.open();
    return kit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const line of this.lines) line.close();
    await this.log.close();
    for (const producer of this.producers) producer.close();
    this.dictionary.close();
    this.folder[Symbol.dispose]();
  }

  get ends(): DurableEnds {
    return this.held?.ends ?? this.log.ends;
  }

  /** The intake of a connector. */
  intake(connector = 'floor', members: Partial<IntakeOptions> = {}): TestIntake {
    const producer = this.held ?? this.log.producer();
    this.producers.push(producer);
    const { clock, tags, duplicates } = this;
    const tally = new Tally(connector);
    const ranges: OffsetRange[] = [];
    const failures: unknown[] = [];
    const reasons: string[] = [];
    const problems: string[] = [];
    const acknowledged: string[] = [];
    const intake = new Intake({
      connector,
      clock,
      producer,
      tags,
      duplicates,
      tally,
      aheadMs: 300_000,
      ignoreDeviceTime: false,
      onDurable: (durable) => ranges.push(...durable),
      onFailed: (error) => failures.push(error),
      onQuarantined: (reason) => reasons.push(reason),
      onProblem: (reason) => problems.push(reason),
      ...members,
    });
    const take = (...readings: Reading[]): Promise<Ends> =>
      new Promise((resolve, reject) => {
        intake.process({ readings, acknowledge: () => resolve(this.topicEnds()) }).catch(reject);
      });
    const begin = (name: string, ...readings: Reading[]): Promise<void> =>
      intake.process({ readings, acknowledge: () => acknowledged.push(name) });
    return { intake, tally, ranges, failures, reasons, problems, take, begin, acknowledged };
  }

  topicEnds(): Ends {
    return Object.fromEntries(TOPICS.map((topic) => [topic, this.ends.end(topic)]));
  }

  /** All records of a topic. */
  records(topic: string): ReadRecord[] {
    const records: ReadRecord[] = [];
    const text = new TextDecoder();
    this.walk(topic, (cursor) => {
      const headers = cursor.headers().map(([name, value]) => [name, text.decode(value ?? new Uint8Array(0))]);
      const value = cursor.value();
      records.push({
        offset: cursor.offset,
        key: cursor.keyText(),
        value: value === null ? null : Uint8Array.from(value),
        headers: Object.fromEntries(headers) as Record<string, string>,
      });
    });
    return records;
  }

  /** All samples that came in, with their tags, topic by topic. */
  samples(topics: readonly string[] = SAMPLE_TOPICS): ({ readonly tag: string } & Sample)[] {
    const samples: ({ readonly tag: string } & Sample)[] = [];
    const reader = new SampleReader();
    for (const topic of topics)
      this.walk(topic, (cursor) => {
        reader.read(cursor.data, cursor.valueStart, cursor.valueEnd);
        samples.push({ tag: cursor.keyText(), ...reader.copy() });
      });
    return samples;
  }

  /** All events of topic `events`. */
  events(): Record<string, unknown>[] {
    return this.records('events').map(
      ({ value }) => JSON.parse(new TextDecoder().decode(value ?? undefined)) as Record<string, unknown>,
    );
  }

  private walk(topic: string, take: (cursor: RecordCursor) => void): void {
    const reader = new LogReader({ logFolder: this.folder.log, topic, ends: this.ends });
    const cursor = new RecordCursor();
    for (let result = reader.read(); result.kind !== 'end'; result = reader.read()) {
      if (result.kind === 'gap') throw new Error(`a gap in ${topic}: ${JSON.stringify(result)}`);
      for (let at = 0; at < result.bytes.length;) {
        at = cursor.open(result.bytes, at);
        while (cursor.next()) take(cursor);
      }
    }
    reader.close();
  }
}

/** Terms that are not 0, by tag. */
export function countsOf(tally: Tally): Record<string, Partial<Record<IntakeTerm, number>>> {
  const rows: Record<string, Partial<Record<IntakeTerm, number>>> = {};
  for (const { tag, counts } of tally.take()) {
    const row: Partial<Record<IntakeTerm, number>> = {};
    for (const term of INTAKE_TERMS) if (counts[Term[term]] !== 0) row[term] = counts[Term[term]] ?? 0;
    rows[tag] = row;
  }
  return rows;
}

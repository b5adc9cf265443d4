import type { Batch, Message, QuarantineReason, RawValue, Reading, SourceEvent } from '../../connectors/contract.ts';
import type { Clock } from '../core/clock.ts';
import { Flag } from '../core/flags.ts';
import { type Tally, UNMAPPED } from '../core/ledger.ts';
import type { Producer } from '../core/producer.ts';
import type { RecordHeader } from '../core/record-batch.ts';
import { type Sample, ValueKind } from '../core/sample.ts';
import { StatusCode } from '../core/status-code.ts';
import type { TagQuestion } from '../tags/registrar.ts';
import { Batches, type OffsetRange } from './batches.ts';
import { ClockOffsets } from './clock-offsets.ts';
import type { DuplicateFilter } from './duplicate-filter.ts';
import { Fingerprint } from './fingerprint.ts';
import { KeptClasses } from './kept-classes.ts';
import { MessageQuarantine } from './quarantine.ts';
import { hasDeviceTime, hasPossibleTimes, type SamplingTime, toSample } from './sampling.ts';
import type { KnownTag, TagRefusal, TagTable } from './tag-table.ts';

const QUARANTINE = 'quarantine';
const EVENTS = 'events';
/** Texts from outside are cut to this length in events. */
const MAX_EVENT_TEXT = 4096;
const NO_REFUSALS: ReadonlyMap<string, TagRefusal> = new Map();

/** Terms of the ledger that a sample reaches when it is durable. */
const OUTCOMES = ['logged', 'quarantined', 'refused'] as const;
type Outcome = (typeof OUTCOMES)[number];

/** What the intake of one connector works with. */
export interface IntakeOptions {
  readonly connector: string;
  readonly clock: Clock;
  readonly producer: Producer;
  readonly tags: TagTable;
  readonly duplicates: DuplicateFilter;
  readonly tally: Tally;
  /** `clock.ahead`, ms. */
  readonly aheadMs: number;
  /** `time: ingest`. */
  readonly ignoreDeviceTime: boolean;
  /** Told when something is durable: offsets, and for a batch how long it took from reading, ms. What was counted for these offsets stands in the tally by then. */
  readonly onDurable: (ranges: readonly OffsetRange[], elapsedMs: number | undefined) => void;
  /** Told once if the log writes no more: nothing is acknowledged from then on. */
  readonly onFailed: (error: unknown) => void;
  readonly onQuarantined: (reason: QuarantineReason) => void;
  /** Told of what is not as the configuration says, and stands in `events` too. */
  readonly onProblem: (reason: string) => void;
}

/** Takes a connector's batches in: makes samples of them, appends them, and acknowledges each batch when all of it is durable. */
export class Intake {
  private readonly options: IntakeOptions;
  private readonly batches: Batches;
  private readonly print = new Fingerprint();
  private readonly text = new TextEncoder();
  private client = { source: '', bytes: new Uint8Array(0) };
  /** Sources that are connected now. */
  readonly connected = new Set<string>();
  readonly clockOffsets = new ClockOffsets();
  private readonly keptClasses = new KeptClasses();
  /** Set once: the log writes no more. */
  private failure: unknown;
  /** The connector could not take an acknowledgement: the next `process` says so. */
  private refusedAcknowledgement: unknown;
  /** Where the samples that were taken in since the last commit end, by tag. */
  private readonly outcomes: Record<Outcome, Map<string, number>> = {
    logged: new Map(),
    quarantined: new Map(),
    refused: new Map(),
  };
  private readonly generated = new Map<string, number>();

  constructor(options: IntakeOptions) {
    this.options = options;
    this.batches = new Batches(options.producer, options.clock);
  }

  /**
   * Takes a batch in. Resolves when the next may be read; the acknowledgement follows by itself, in the order of the batches. Rejects when the log writes no more, when the
   * tag dictionary cannot be written, or when the connector could not take an acknowledgement.
   */
  async process(batch: Batch): Promise<void> {
    const { clock, producer } = this.options;
    if (this.failure !== undefined) throw this.failure;
    if (this.refusedAcknowledgement !== undefined) {
      const error = this.refusedAcknowledgement;
      this.refusedAcknowledgement = undefined;
      throw error;
    }
    const startMs = clock.monotonicMs();
    await producer.writable();
    const refused = await this.learnTags(batch.readings);
    for (const reading of batch.readings) this.take(reading, refused);
    this.commit((ranges) => {
      this.options.onDurable(ranges, clock.monotonicMs() - startMs);
      this.acknowledge(batch);
    });
  }

  private acknowledge(batch: Batch): void {
    try {
      batch.acknowledge();
    } catch (error) {
      // Everything is durable; it is the connector that does not work.
      this.refusedAcknowledgement = error;
    }
  }

  /** Appends what was taken in. `done` is called when all of it, and all before it, is durable. */
  private commit(done: (ranges: readonly OffsetRange[]) => void): void {
    const { duplicates } = this.options;
    const committed = this.settle(this.batches.flush(), this.settlement(), done);
    duplicates.durable = committed;
    committed.catch((error: unknown) => {
      if (this.failure !== undefined) return;
      this.failure = error;
      this.options.onFailed(error);
    });
  }

  private async settle(
    flushed: Promise<OffsetRange[]>,
    settleCounts: () => void,
    done: (ranges: readonly OffsetRange[]) => void,
  ): Promise<void> {
    // Also of other connectors: what one of them has under way may be what a duplicate of this batch repeats.
    const before = this.options.duplicates.durable;
    const ranges = await flushed;
    await before;
    settleCounts();
    done(ranges);
  }

  /** Resolves when everything that was taken in is durable and acknowledged; rejects when the log writes no more. */
  async drained(): Promise<void> {
    await this.options.duplicates.durable;
  }

  /** Puts a heartbeat of the connector on record, and what was noted since the last one. Not awaited: it is durable before anything that is taken in later. */
  heartbeat(members: Record<string, unknown>): void {
    this.addEvent('heartbeat', members);
    for (const reason of this.keptClasses.take()) {
      this.addEvent('problem', { reason });
      this.options.onProblem(reason);
    }
    this.commit((ranges) => this.options.onDurable(ranges, undefined));
  }

  /** The connection of the connector itself has ended: with it, those of all its sources. */
  connectionLost(): void {
    const { connector, tags } = this.options;
    const sources = new Set([...this.connected, ...tags.sources(connector)]);
    if (sources.size === 0) return;
    for (const source of sources) this.sourceLost(source);
    this.commit((ranges) => this.options.onDurable(ranges, undefined));
  }

  /** Asks for tags that are not known here, or whose type is not known and can be learned. */
  private learnTags(readings: readonly Reading[]): Promise<Map<string, TagRefusal>> | ReadonlyMap<string, TagRefusal> {
    let wanted: Map<string, Omit<TagQuestion, 'path'>> | undefined;
    const { tags, connector, clock, ignoreDeviceTime } = this.options;
    for (const reading of readings) {
      if (reading.type !== 'message') continue;
      for (const raw of reading.values) {
        const tag = tags.known(raw.tag);
        const teaches = raw.kind !== ValueKind.null;
        const tellsUnit = raw.unit !== undefined && tag?.unit === undefined;
        if (tag !== undefined && (tag.type !== null || !teaches) && !tellsUnit) continue;
        if (!hasPossibleTimes(raw, ignoreDeviceTime)) continue;
        wanted ??= new Map();
        const already = wanted.get(raw.tag);
        if (already !== undefined && (already.kind !== ValueKind.null || !teaches)) continue;
        const kind = raw.declared === null || !teaches ? raw.kind : ValueKind[raw.declared];
        wanted.set(raw.tag, { kind, unit: raw.unit, class: raw.class, connector, source: reading.source });
      }
    }
    return wanted === undefined ? NO_REFUSALS : tags.learn(wanted, clock.monotonicMs());
  }

  private take(reading: Reading, refused: ReadonlyMap<string, TagRefusal>): void {
    if (reading.type === 'message') this.takeMessage(reading, refused);
    else if (reading.type === 'lost') this.sourceLost(reading.source);
    else this.sourceEvent(reading);
  }

  private takeMessage(message: Message, refused: ReadonlyMap<string, TagRefusal>): void {
    const { clock, aheadMs, ignoreDeviceTime, connector } = this.options;
    const ingestUs = clock.nowUs();
    const time: SamplingTime = { ingestUs, aheadUs: aheadMs * 1000, ignoreDevice: ignoreDeviceTime };
    const quarantine = new MessageQuarantine(connector, message);
    for (const raw of message.values) {
      const refusal = refused.get(raw.tag);
      const tag = refusal === undefined ? this.options.tags.known(raw.tag) : undefined;
      if (tag !== undefined) this.takeValue(message, raw, tag, time, quarantine);
      // Only a value without a possible time was not asked for.
      else if (refusal === undefined) this.quarantine(quarantine, UNMAPPED, 'bad-time', describeValue(raw));
      else this.quarantine(quarantine, UNMAPPED, refusal.problem, refusal.detail);
    }
    for (const { reason, detail, tag } of message.problems) {
      const known = tag === undefined ? undefined : this.options.tags.known(tag);
      this.quarantine(quarantine, known?.path ?? UNMAPPED, reason, detail);
    }
    if (message.values.length > 0 || message.problems.length > 0) return;
    // The configuration does not want it (a retained message, say).
    this.options.tally.add(UNMAPPED, 'received');
    this.options.tally.add(UNMAPPED, 'filtered');
  }

  private takeValue(
    message: Message,
    raw: RawValue,
    tag: KnownTag,
    time: SamplingTime,
    quarantine: MessageQuarantine,
  ): void {
    const { tally } = this.options;
    const sample = toSample(raw, tag.type, time);
    if (typeof sample === 'string')
      return this.quarantine(
        quarantine,
        tag.path,
        sample,
        `${describeValue(raw)} for ${tag.path}, type ${tag.type ?? 'unknown'}.`,
      );
    tally.add(tag.path, 'received');
    const { class: configured = 'standard' } = raw;
    if (configured !== tag.class) this.keptClasses.note(tag, configured);
    const byTime = hasDeviceTime(raw, time);
    if (this.isDuplicate(message, tag, sample, byTime)) tally.add(tag.path, 'duplicate');
    else {
      if (byTime && (sample.flags & Flag.backfilled) === 0)
        this.clockOffsets.note(message.source, sample.timeUs, time.ingestUs);
      this.log(message, raw, tag, sample, byTime ? undefined : this.deliveryHeaders(message), quarantine);
      if ((sample.flags & Flag.clockSuspect) === 0) tag.lastUs = Math.max(tag.lastUs, sample.timeUs);
    }
    this.endGap(message, raw, tag, sample, time.ingestUs);
  }

  private log(
    message: Message,
    raw: RawValue,
    tag: KnownTag,
    sample: Sample,
    headers: RecordHeader[] | undefined,
    quarantine: MessageQuarantine,
  ): void {
    const { connector, tags, tally } = this.options;
    tags.attribute(tag, connector, message.source);
    tally.add(tag.path, 'inFlight');
    if (!this.batches.addSample(tag.topic, tag.key, sample, headers)) {
      const record = quarantine.record('too-large', `A sample of ${tag.path} does not fit a record.`, false);
      this.options.onQuarantined('too-large');
      this.batches.addRecord(QUARANTINE, tag.key.bytes, record.value, record.headers);
      return count(this.outcomes.quarantined, tag.path);
    }
    count(this.outcomes.logged, tag.path);
    if (sample.kind === ValueKind.null && raw.kind !== ValueKind.null) {
      const record = quarantine.record('not-finite', `${describeValue(raw)} for ${tag.path}.`, true);
      this.batches.addRecord(QUARANTINE, tag.key.bytes, record.value, record.headers);
    }
  }

  /**
   * A value that has not changed since before its connection was lost lies before the null sample of that, and would never end the gap: what the source says to stand is
   * stated once more, as of now.
   */
  private endGap(message: Message, raw: RawValue, tag: KnownTag, sample: Sample, ingestUs: number): void {
    if (tag.gapUs === -Infinity) return;
    if (sample.timeUs <= tag.gapUs) {
      if (raw.standing === undefined) return;
      const restated: Sample = { ...sample, timeUs: ingestUs, flags: sample.flags | Flag.substituted };
      if (this.batches.addSample(tag.topic, tag.key, restated)) count(this.generated, tag.path);
      this.options.tags.attribute(tag, this.options.connector, message.source);
    }
    tag.gapUs = -Infinity;
  }

  /** Remembers the sample; true if it was logged before. Without a device time only a resent delivery can be a duplicate. */
  private isDuplicate(message: Message, tag: KnownTag, sample: Sample, byTime: boolean): boolean {
    const { duplicates, clock } = this.options;
    const { delivery } = message;
    if (!byTime && delivery === undefined) return false;
    this.print.begin(tag.key.bytes);
    this.print.addSample(sample, byTime);
    if (!byTime && delivery !== undefined) this.print.addDelivery(this.clientOf(message.source), delivery.packetId);
    const seen = duplicates.seen(this.print, clock.nowMs());
    return seen && (byTime || delivery?.resent === true);
  }

  private deliveryHeaders({ source, delivery }: Message): RecordHeader[] | undefined {
    if (delivery === undefined) return undefined;
    const { packetId } = delivery;
    return [
      ['c', this.clientOf(source)],
      ['p', Uint8Array.of(packetId >> 8, packetId)],
    ];
  }

  /** The source's name as bytes: encoded once for all values of a message, a fifth of the cost of a value without device time. */
  private clientOf(source: string): Uint8Array {
    if (source !== this.client.source) this.client = { source, bytes: this.text.encode(source) };
    return this.client.bytes;
  }

  private quarantine(message: MessageQuarantine, row: string, reason: QuarantineReason, detail: string): void {
    const { tally, onQuarantined } = this.options;
    const record = message.record(reason, detail, false);
    this.batches.addRecord(QUARANTINE, this.text.encode(row), record.value, record.headers);
    tally.add(row, 'received');
    tally.add(row, 'inFlight');
    count(this.outcomes.quarantined, row);
    onQuarantined(reason);
  }

  /** Each tag of the source gets a null sample: the gap begins now, or behind the last sample of a device whose clock is ahead. */
  private sourceLost(source: string): void {
    const { clock, connector, tags } = this.options;
    const nowUs = clock.nowUs();
    for (const tag of tags.detach(connector, source)) {
      const timeUs = Math.max(nowUs, tag.lastUs + 1);
      const sample: Sample = {
        timeUs,
        kind: ValueKind.null,
        value: null,
        quality: StatusCode.BadNoCommunication,
        flags: Flag.gap,
        serverTimeUs: null,
      };
      this.batches.addSample(tag.topic, tag.key, sample);
      count(this.generated, tag.path);
      tag.gapUs = timeUs;
    }
    this.connected.delete(source);
    this.addEvent('disconnected', { source, reason: 'lost' });
  }

  private sourceEvent({ event, source, address, bytes, reason }: SourceEvent): void {
    if (event === 'connected') this.connected.add(source);
    else if (event === 'disconnected') this.connected.delete(source);
    this.addEvent(event, { source, address, bytes, reason });
    if (event !== 'refused') return;
    this.options.tally.add(UNMAPPED, 'received');
    this.options.tally.add(UNMAPPED, 'inFlight');
    count(this.outcomes.refused, UNMAPPED);
  }

  private addEvent(type: string, members: Record<string, unknown>): void {
    const { connector, clock } = this.options;
    const value = { v: 1, at: clock.nowUs(), type, connector, ...members };
    this.batches.addRecord(
      EVENTS,
      this.text.encode(`connector/${connector}`),
      this.text.encode(JSON.stringify(value, (_, member: unknown) => shorten(member))),
    );
  }

  /** What to count when everything that was taken in since the last commit is durable. */
  private settlement(): () => void {
    const { tally } = this.options;
    const outcomes = OUTCOMES.map((term) => [term, takeAll(this.outcomes[term])] as const);
    const generated = takeAll(this.generated);
    return () => {
      for (const [term, counts] of outcomes) for (const [tag, n] of counts) tally.settle(tag, term, n);
      for (const [tag, n] of generated) tally.add(tag, 'generated', n);
    };
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function takeAll(counts: Map<string, number>): [string, number][] {
  const all = [...counts];
  counts.clear();
  return all;
}

function shorten(member: unknown): unknown {
  return typeof member === 'string' ? member.slice(0, MAX_EVENT_TEXT) : member;
}

function describeValue({ value, timeUs }: RawValue): string {
  const shown = typeof value === 'object' && value !== null ? 'an array' : String(value).slice(0, 100);
  return timeUs === null ? shown : `${shown} at ${timeUs} µs`;
}

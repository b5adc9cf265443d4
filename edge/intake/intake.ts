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
import type { DuplicateFilter } from './duplicate-filter.ts';
import { Fingerprint } from './fingerprint.ts';
import { MessageQuarantine } from './quarantine.ts';
import { hasDeviceTime, type SamplingTime, toSample } from './sampling.ts';
import type { KnownTag, TagRefusal, TagTable } from './tag-table.ts';

const SAMPLES = 'samples';
const QUARANTINE = 'quarantine';
const EVENTS = 'events';
const NO_REFUSALS: ReadonlyMap<string, TagRefusal> = new Map();

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
  /** Told once per batch when it is durable: offsets, and how long it took from reading, ms. */
  readonly onDurable: (ranges: readonly OffsetRange[], elapsedMs: number) => void;
  /** Told once if the log writes no more: nothing is acknowledged from then on. */
  readonly onFailed: (error: unknown) => void;
  readonly onQuarantined: (reason: QuarantineReason) => void;
}

/** Takes a connector's batches in: makes samples of them, appends them, and acknowledges each batch when all of it is durable. */
export class Intake {
  private readonly options: IntakeOptions;
  private readonly batches: Batches;
  private readonly print = new Fingerprint();
  private readonly text = new TextEncoder();
  /** Settles when everything that was taken in before is durable; a batch of nothing but duplicates waits for it too. */
  private durable: Promise<unknown> = Promise.resolve();
  private failure: unknown;
  private readonly logged = new Map<string, number>();
  private readonly generated = new Map<string, number>();
  private readonly quarantined = new Map<string, number>();

  constructor(options: IntakeOptions) {
    this.options = options;
    this.batches = new Batches(options.producer, options.clock);
  }

  /** Takes a batch in. Resolves when the next may be read; the acknowledgement follows by itself. Rejects when the log writes no more. */
  async process(batch: Batch): Promise<void> {
    const { clock, producer } = this.options;
    if (this.failure !== undefined) throw this.failure;
    await producer.writable();
    const startMs = clock.monotonicMs();
    const refused = await this.learnTags(batch.readings);
    for (const reading of batch.readings) this.take(reading, refused);
    this.after(this.finish(batch, this.settlement(), startMs));
  }

  private async finish(batch: Batch, settle: () => void, startMs: number): Promise<void> {
    const before = this.durable;
    const ranges = await this.batches.flush();
    await before;
    settle();
    this.options.onDurable(ranges, this.options.clock.monotonicMs() - startMs);
    batch.acknowledge();
  }

  /** `done` is now what everything later waits for. */
  private after(done: Promise<unknown>): void {
    this.durable = done;
    done.catch((error: unknown) => {
      if (this.failure !== undefined) return;
      this.failure = error;
      this.options.onFailed(error);
    });
  }

  /** Resolves when everything that was taken in is durable and acknowledged; rejects when the log writes no more. */
  async drained(): Promise<void> {
    await this.durable;
  }

  /** Puts an event of the connector itself on record (heartbeat, connected …). Not awaited: it is durable before anything that is taken in later. */
  event(type: string, members: Record<string, unknown>): void {
    this.addEvent(type, members);
    this.after(Promise.all([this.durable, this.batches.flush()]));
  }

  /** Asks for tags that are not known here, or whose type is not known and can be learned. */
  private learnTags(readings: readonly Reading[]): Promise<Map<string, TagRefusal>> | ReadonlyMap<string, TagRefusal> {
    let wanted: Map<string, Omit<TagQuestion, 'path'>> | undefined;
    const { tags, connector, clock } = this.options;
    for (const reading of readings) {
      if (reading.type !== 'message') continue;
      for (const raw of reading.values) {
        const tag = tags.known(raw.tag);
        const teaches = raw.kind !== ValueKind.null;
        if (tag !== undefined && (tag.type !== null || !teaches)) continue;
        wanted ??= new Map();
        const already = wanted.get(raw.tag);
        if (already !== undefined && (already.kind !== ValueKind.null || !teaches)) continue;
        const kind = raw.declared === null || !teaches ? raw.kind : ValueKind[raw.declared];
        wanted.set(raw.tag, { kind, connector, source: reading.source });
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
      if (tag === undefined) {
        const { problem, detail } = refusal ?? { problem: 'bad-tag', detail: raw.tag };
        this.quarantine(quarantine, UNMAPPED, problem, detail);
      } else this.takeValue(message, raw, tag, time, quarantine);
    }
    for (const { reason, detail, tag } of message.problems) {
      const known = tag === undefined ? undefined : this.options.tags.known(tag);
      this.quarantine(quarantine, known?.path ?? UNMAPPED, reason, detail);
    }
  }

  private takeValue(
    message: Message,
    raw: RawValue,
    tag: KnownTag,
    time: SamplingTime,
    quarantine: MessageQuarantine,
  ): void {
    const { tags, tally } = this.options;
    const sample = toSample(raw, tag.type, time);
    if (typeof sample === 'string')
      return this.quarantine(
        quarantine,
        tag.path,
        sample,
        `${describeValue(raw)} for ${tag.path}, type ${tag.type ?? 'unknown'}.`,
      );
    tally.add(tag.path, 'received');
    const byTime = hasDeviceTime(raw, time);
    if (this.isDuplicate(message, tag, sample, byTime)) return tally.add(tag.path, 'duplicate');
    tags.attribute(tag, message.source);
    const headers = byTime ? undefined : this.deliveryHeaders(message);
    tally.add(tag.path, 'inFlight');
    if (!this.batches.addSample(SAMPLES, tag.key, sample, headers)) {
      const record = quarantine.record('too-large', `A sample of ${tag.path} does not fit a record.`, false);
      this.options.onQuarantined('too-large');
      this.batches.addRecord(QUARANTINE, tag.key, record.value, record.headers);
      return count(this.quarantined, tag.path);
    }
    count(this.logged, tag.path);
    if (sample.kind === ValueKind.null && raw.kind !== ValueKind.null) {
      const record = quarantine.record('not-finite', `${describeValue(raw)} for ${tag.path}.`, true);
      this.batches.addRecord(QUARANTINE, tag.key, record.value, record.headers);
    }
  }

  /** Remembers the sample; true if it was logged before. Without a device time only a resent delivery can be a duplicate. */
  private isDuplicate(message: Message, tag: KnownTag, sample: Sample, byTime: boolean): boolean {
    const { duplicates, clock } = this.options;
    const { delivery } = message;
    if (!byTime && delivery === undefined) return false;
    this.print.begin(tag.key);
    this.print.addSample(sample, byTime);
    if (!byTime && delivery !== undefined) this.print.addDelivery(this.text.encode(message.source), delivery.packetId);
    const seen = duplicates.seen(this.print, clock.nowMs());
    return seen && (byTime || delivery?.resent === true);
  }

  private deliveryHeaders({ source, delivery }: Message): RecordHeader[] | undefined {
    if (delivery === undefined) return undefined;
    const { packetId } = delivery;
    return [
      ['c', this.text.encode(source)],
      ['p', Uint8Array.of(packetId >> 8, packetId)],
    ];
  }

  private quarantine(message: MessageQuarantine, row: string, reason: QuarantineReason, detail: string): void {
    const { tally, onQuarantined } = this.options;
    const record = message.record(reason, detail, false);
    this.batches.addRecord(QUARANTINE, this.text.encode(row), record.value, record.headers);
    tally.add(row, 'received');
    tally.add(row, 'inFlight');
    count(this.quarantined, row);
    onQuarantined(reason);
  }

  /** Each tag of the source gets a null sample: the gap begins now. */
  private sourceLost(source: string): void {
    const timeUs = this.options.clock.nowUs();
    for (const tag of this.options.tags.detach(source)) {
      const sample: Sample = {
        timeUs,
        kind: ValueKind.null,
        value: null,
        quality: StatusCode.BadNoCommunication,
        flags: Flag.gap,
        serverTimeUs: null,
      };
      this.batches.addSample(SAMPLES, tag.key, sample);
      count(this.generated, tag.path);
    }
    this.addEvent('disconnected', { source, reason: 'lost' });
  }

  private sourceEvent({ event, source, address, bytes, reason }: SourceEvent): void {
    this.addEvent(event, { source, address, bytes, reason });
    if (event !== 'refused') return;
    this.options.tally.add(UNMAPPED, 'received');
    this.options.tally.add(UNMAPPED, 'refused');
  }

  private addEvent(type: string, members: Record<string, unknown>): void {
    const { connector, clock } = this.options;
    const value = { v: 1, at: clock.nowUs(), type, connector, ...members };
    this.batches.addRecord(EVENTS, this.text.encode(`connector/${connector}`), this.text.encode(JSON.stringify(value)));
  }

  /** What to count when the batch is durable. */
  private settlement(): () => void {
    const logged = [...this.logged];
    const generated = [...this.generated];
    const quarantined = [...this.quarantined];
    this.logged.clear();
    this.generated.clear();
    this.quarantined.clear();
    const { tally } = this.options;
    return () => {
      for (const [tag, n] of logged) tally.settle(tag, 'logged', n);
      for (const [tag, n] of quarantined) tally.settle(tag, 'quarantined', n);
      for (const [tag, n] of generated) tally.add(tag, 'generated', n);
    };
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function describeValue({ value, timeUs }: RawValue): string {
  const shown = typeof value === 'object' && value !== null ? 'an array' : String(value).slice(0, 100);
  return timeUs === null ? shown : `${shown} at ${timeUs} µs`;
}

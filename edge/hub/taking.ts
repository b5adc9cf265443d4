import { setTimeout as pause } from 'node:timers/promises';
import type { Delivery } from '../../historian/questdb/delivery.ts';
import { Fault } from '../core/fault.ts';
import { Flag } from '../core/flags.ts';
import { SampleReader } from '../core/sample-codec.ts';
import type { Erasing } from './erasing.ts';
import type { GroupBatch, GroupPosition, GroupRecord, GroupRest, GroupTaker } from './group.ts';
import type { SiteTopics } from './site-topics.ts';

/** While a batch waits for room the group is told so often that the member is alive. */
const ALIVE_MS = 2000;
const SLASH = 0x2f;

/**
 * Why a record is not stored: its tag is not of the site whose topic it stands in; it is no sample; Kafka had deleted it before it was taken; it was erased before it came (it has no value any
 * more, or an order of the site means it).
 */
export type Untaken = 'foreign' | 'malformed' | 'lost' | 'erased';

/** What one life of a hub takes out of its partitions. */
export class Taking implements GroupTaker {
  readonly delivery: Delivery;
  readonly erasing: Erasing;
  private readonly topics: SiteTopics;
  private readonly checkMark: (mark: string | null) => Promise<void>;
  private readonly count: (why: Untaken, records: number) => void;
  private readonly sample = new SampleReader();
  private readonly positions = new Map<string, GroupPosition>();
  private readonly told = new Map<string, number>();
  /** By partition: offsets behind what the table has, and behind the last record that there was. */
  private readonly known = new Map<string, { next: number; end: number }>();
  /** It is a member of the group, and these are its partitions. */
  joined = false;
  partitions = 0;

  constructor(
    delivery: Delivery,
    topics: SiteTopics,
    erasing: Erasing,
    checkMark: (mark: string | null) => Promise<void>,
    count: (why: Untaken, records: number) => void,
  ) {
    this.delivery = delivery;
    this.erasing = erasing;
    this.topics = topics;
    this.checkMark = checkMark;
    this.count = count;
  }

  get lagRecords(): number {
    return [...this.known.values()].reduce((sum, { next, end }) => sum + Math.max(0, end - next), 0);
  }

  async take(batch: GroupBatch, alive: () => Promise<void>): Promise<GroupRest | undefined> {
    const { topic, partition, records, committed, mark, end } = batch;
    const name = `${topic} ${partition}`;
    const first = records[0]?.offset ?? end;
    const before = this.positions.get(name)?.next;
    if (this.topics.isEvents(topic)) {
      this.know(name, first, end);
      return this.takeEvents(batch, before ?? committed ?? first);
    }
    if (before === undefined) await this.checkMark(mark);
    // After the group was divided anew it begins again where it has committed.
    if (before === undefined || first < before) await this.erasing.meet(topic, first);
    this.know(name, first, end);
    const site = Buffer.from(this.topics.siteOf(topic) ?? '');
    const number = this.delivery.topic(topic);
    let next = before ?? committed ?? first;
    for (const record of records) {
      while (this.delivery.full) {
        await Promise.race([this.delivery.room(), pause(ALIVE_MS)]);
        await alive();
      }
      if (this.delivery.failed !== undefined) throw this.delivery.failed;
      if (record.offset > next) this.lose(topic, next, record);
      next = record.offset + 1;
      this.takeRecord(topic, number, site, record);
      this.positions.set(name, { topic, partition, next });
    }
    await alive();
    return undefined;
  }

  /** Orders to erase among the events of a site. */
  private takeEvents({ topic, partition, records }: GroupBatch, from: number): GroupRest | undefined {
    const { erasing } = this;
    let next = from;
    for (const record of records) {
      const { offset, value, isGap } = record;
      if (erasing.full) return { next: offset, room: erasing.room() };
      if (offset > next) this.loseEvents(topic, next, offset - 1);
      if (value === null && isGap) this.loseEvents(topic, offset, offset);
      erasing.take(topic, record);
      next = offset + 1;
      this.positions.set(`${topic} ${partition}`, { topic, partition, next });
    }
    return undefined;
  }

  private know(name: string, first: number, end: number): void {
    this.known.set(name, { next: this.known.get(name)?.next ?? first, end });
  }

  assigned(partitions: readonly { readonly topic: string; readonly partition: number }[]): void {
    const own = new Set(partitions.map(({ topic, partition }) => `${topic} ${partition}`));
    this.joined = true;
    this.partitions = own.size;
    for (const name of [...this.known.keys()].filter((each) => !own.has(each))) {
      this.positions.delete(name);
      this.told.delete(name);
      this.known.delete(name);
    }
    this.erasing.assigned(new Set(partitions.map(({ topic }) => topic)));
  }

  /** Positions that are behind those that have passed. */
  moved(): readonly GroupPosition[] {
    const moved = [...this.positions].filter(([name, { next }]) => next > (this.told.get(name) ?? -1));
    return moved.map(([, position]) => position);
  }

  /** These are on their way to the group. */
  passed(positions: readonly GroupPosition[]): void {
    for (const { topic, partition, next } of positions) this.told.set(`${topic} ${partition}`, next);
  }

  /** By topic, behind the last record that was taken. */
  get next(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.positions.values(), ({ topic, next }) => [topic, next]));
  }

  /** Those of partitions that are still this member's. */
  ownOf(positions: readonly GroupPosition[]): readonly GroupPosition[] {
    return positions.filter(({ topic, partition }) => this.positions.has(`${topic} ${partition}`));
  }

  /** Positions that the group has. */
  committed(positions: readonly GroupPosition[]): void {
    for (const { topic, partition, next } of positions) {
      const known = this.known.get(`${topic} ${partition}`);
      if (known !== undefined) known.next = next;
    }
  }

  private loseEvents(topic: string, first: number, last: number): void {
    this.count('lost', last - first + 1);
    this.erasing.lost(topic, first, last);
  }

  /** Records before this one that are there no more: whoever reads the table sees a gap. */
  private lose(topic: string, first: number, { offset, timestampMs }: GroupRecord): void {
    this.count('lost', offset - first);
    const times = { fromMs: timestampMs, toMs: timestampMs };
    this.delivery.lose({ topic, first, last: offset - 1, reason: 'retention', ...times });
  }

  private takeRecord(topic: string, number: number, site: Buffer, record: GroupRecord): void {
    const { key, value, offset, timestampMs } = record;
    if (value === null && record.isGap) {
      const times = { fromMs: timestampMs, toMs: timestampMs };
      return this.delivery.lose({ topic, first: offset, last: offset, reason: 'filler', ...times });
    }
    // What is erased before it is mirrored keeps its place.
    if (value === null) return this.count('erased', 1);
    if (key === null) return this.count('malformed', 1);
    if (!isOfSite(key, site)) return this.count('foreign', 1);
    if (!this.readSample(value)) return this.count('malformed', 1);
    const series = this.delivery.series.idOf(number, key, 0, key.length);
    if (series < 0) return this.count('malformed', 1);
    // The clock rule (FORMAT.md, "Flags"): a clock that is ahead does not say when something happened.
    const { sample } = this;
    const isSuspect = (sample.flags & Flag.clockSuspect) !== 0;
    const timeUs = isSuspect ? timestampMs * 1000 : sample.timeUs;
    if (this.erasing.isErased(series, topic, timeUs, offset)) return this.count('erased', 1);
    this.delivery.add(series, timeUs, offset, sample, isSuspect ? sample.timeUs : Number.NaN);
  }

  /** False: the record's value is not a sample. */
  private readSample(value: Uint8Array): boolean {
    try {
      this.sample.read(value, 0, value.length);
      return true;
    } catch (error) {
      if (error instanceof Fault && error.code === 'sample-malformed') return false;
      throw error;
    }
  }
}

/** Whether the tag's first level is the site. */
function isOfSite(key: Uint8Array, site: Uint8Array): boolean {
  return key[site.length] === SLASH && Buffer.compare(key.subarray(0, site.length), site) === 0;
}

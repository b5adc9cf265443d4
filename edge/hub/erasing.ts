import { Refusals } from '../../historian/questdb/refusals.ts';
import { Fault } from '../core/fault.ts';
import { ErasedTags, readErasure, type SiteErasure, topicsOf } from './erased-event.ts';
import { ErasureSweep, type OpenErasure, type SweepOptions } from './erasure-sweep.ts';
import type { TopicErasure } from './erasure-table.ts';
import type { GroupMember, GroupRecord } from './group.ts';
import type { SiteTopics } from './site-topics.ts';

/** Orders that were read and are not carried out, and their bytes; beyond it the `events` they come from wait. */
const MAX_CARRIED = 100;
const MAX_CARRIED_BYTES = 4 * 1024 * 1024;
/** Orders about one topic whose records are not all read, and their bytes; more are refused. They are in the memory of whoever reads the topic. */
const MAX_OPEN = 1000;
const MAX_OPEN_BYTES = 4 * 1024 * 1024;
/** So long behind the last record that an order means, what another member had sent before it was put out of the group is in the table. */
const LAST_LOOK_MS = 60_000;

/** What erasing has come to since the start of the hub. */
export interface ErasingCounts {
  /** Orders that were carried out, and that were refused. */
  erasures: number;
  erasuresRefused: number;
  /** Rows whose contents were removed. */
  erasedRows: number;
}

/** What it needs. */
export interface ErasingOptions extends Omit<SweepOptions, 'refused'> {
  readonly topics: SiteTopics;
  readonly counts: ErasingCounts;
  /** Told of orders that are not carried out. */
  readonly report: (fault: Fault) => void;
  /** Told of orders that were. */
  readonly note: (members: object, text: string) => void;
}

/** An order that this member has read in the `events` of a site. */
interface Carried {
  readonly site: string;
  readonly events: string;
  readonly offset: number;
  readonly bytes: number;
  readonly topics: readonly TopicErasure[];
  readonly erasure: SiteErasure;
  /** Undefined: it is not on record. */
  left: Set<OpenErasure> | undefined;
  rows: number;
}

const NONE: readonly OpenErasure[] = [];

/**
 * Erasures of the sites, for one life of a hub. An order is read in a site's `events` by one member of the group, while the samples that it means may be with another one, in the table, on their
 * way to it, or not read yet. So it goes into a table first (`ErasureTable`), which every member looks at before it commits, and then:
 *
 * - whoever has read the order erases the rows that are there, and commits its event when they are erased;
 * - whoever reads the topic sends none of the samples that it means any more;
 * - whoever has sent such samples before it knew erases them when they have been applied, before it commits their positions;
 * - whoever passes the last record that the order means erases once more before it commits that: others may have sent some and have ended.
 *
 * Each row that was sent is so either in the table when the order can be seen, and erased by whoever carries it out, or its sender sees the order before it commits; one that was never
 * committed is read again, by somebody who knows the order. To erase what is erased does nothing.
 */
export class Erasing {
  private readonly options: ErasingOptions;
  private readonly refusals: Refusals;
  private readonly sweeping: ErasureSweep;
  /** By topic, orders that matter here, by their event's offset. */
  private readonly open = new Map<string, Map<number, OpenErasure>>();
  /** By topic that was read in this life: the least offset, and the orders that were met. */
  private readonly read = new Map<string, { from: number; readonly met: Set<number> }>();
  /** Topics that were read and are another member's now; what was sent of them may not be in the table yet. */
  private readonly leaving = new Set<string>();
  private readonly carried = new Set<Carried>();
  private readonly waiting: (() => void)[] = [];
  /** By series. */
  private erased: (readonly OpenErasure[])[] = [];
  private seen = '';

  constructor(options: ErasingOptions) {
    this.options = options;
    this.refusals = new Refusals(options.clock, options.report, 'hub-erasure-refused', 'erasures');
    this.sweeping = new ErasureSweep({ ...options, refused: (what) => this.refusals.add(what) });
  }

  /** Orders that were read and are not carried out. */
  get carriedCount(): number {
    return this.carried.size;
  }

  /** True: no more orders are to be read before there is room. */
  get full(): boolean {
    if (this.carried.size >= MAX_CARRIED) return true;
    let bytes = 0;
    for (const each of this.carried) bytes += each.bytes;
    return bytes >= MAX_CARRIED_BYTES;
  }

  /** Resolves when more orders can be read. */
  room(): Promise<void> {
    return this.full ? new Promise((resolve) => this.waiting.push(resolve)) : Promise.resolve();
  }

  /** Takes a record of a site's `events`. What is no order is passed over; one that no gateway of the site writes is refused, counted and told. */
  take(events: string, { offset, timestampMs, value }: GroupRecord): void {
    const site = this.options.topics.siteOf(events);
    if (site === undefined || value === null) return;
    try {
      const erasure = readErasure(value, site);
      if (erasure === undefined) return;
      const topics = topicsOf(erasure).map(([topic, upTo]) => {
        return { topic: this.options.topics.sibling(events, topic), upTo, offset, timestampMs, erasure };
      });
      this.carried.add({ site, events, offset, bytes: value.length, topics, erasure, left: undefined, rows: 0 });
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'hub-erasure-refused') throw error;
      this.refuse(`${events}, offset ${offset}: ${error.detail}.`);
    }
  }

  /** Records of a site's `events` that are not to be had. */
  lost(events: string, first: number, last: number): void {
    this.refusals.add(
      `Records ${first} to ${last} of ${events} are not there: if there was an erasure among them, order it once more at the gateway.`,
    );
  }

  /** Before records of a topic are taken that this life has not taken from here on yet: what is to be erased of them is known then. */
  async meet(topic: string, offset: number): Promise<void> {
    const orders = await this.options.table.ofTopic(topic, offset);
    const known = this.read.get(topic);
    const read = { from: Math.min(offset, known?.from ?? offset), met: known?.met ?? new Set<number>() };
    this.read.set(topic, read);
    for (const order of orders) {
      const open = this.keep(order);
      read.met.add(order.offset);
      open.passed = false;
      open.lastMs = Number.POSITIVE_INFINITY;
    }
  }

  /** These topics are this member's, and no others. */
  assigned(topics: ReadonlySet<string>): void {
    for (const topic of this.read.keys())
      if (topics.has(topic)) this.leaving.delete(topic);
      else this.leaving.add(topic);
  }

  /** Whether a sample of a series of a topic was erased before it came. */
  isErased(series: number, topic: string, timeUs: number, offset: number): boolean {
    const orders = (this.erased[series] ??= this.ordersOf(series, topic));
    if (orders.length === 0) return false;
    return orders.some(({ upTo, erasure: { fromUs, toUs } }) => offset < upTo && timeUs >= fromUs && timeUs < toUs);
  }

  private ordersOf(series: number, topic: string): readonly OpenErasure[] {
    const orders = this.open.get(topic);
    if (orders === undefined) return NONE;
    const tag = this.options.delivery.series.tag(series);
    return [...orders.values()].filter(({ tags }) => tags.has(tag));
  }

  /**
   * Does what can be done. `next`: by topic, behind the last record whose row the table is known to have. Returns the topics of which nothing may be committed yet. Rejects with what ends the
   * life of the connections.
   */
  async carryOut(next: ReadonlyMap<string, number>, committed: GroupMember['committed']): Promise<ReadonlySet<string>> {
    const leaving = [...this.leaving];
    if (leaving.length > 0) await this.options.delivery.confirm();
    await this.record(committed);
    await this.look();
    for (const [topic, orders] of this.open)
      for (const order of orders.values())
        if (!order.passed && (next.get(topic) ?? -1) >= order.upTo) {
          order.passed = true;
          order.owed = true;
        }
    await this.sweep();
    for (const topic of leaving) if (this.leaving.has(topic)) this.forget(topic);
    this.refusals.tellIfDue();
    return this.withheld();
  }

  /** All that was sent of it was in the table before the orders were looked at. */
  private forget(topic: string): void {
    if ([...(this.open.get(topic)?.values() ?? [])].some(({ owed }) => owed)) return;
    this.leaving.delete(topic);
    this.read.delete(topic);
    this.open.delete(topic);
    this.erased = [];
  }

  /** Tells what was not told yet. */
  close(): void {
    this.refusals.tell();
  }

  /** Puts what was read on record, before anything is done about it. */
  private async record(committed: GroupMember['committed']): Promise<void> {
    const fresh = [...this.carried].filter(({ left }) => left === undefined);
    const taken: Carried[] = [];
    const fullTopics = await this.fullTopics(fresh, committed);
    for (const order of fresh) {
      const full = order.topics.find(({ topic }) => fullTopics.has(topic))?.topic;
      if (full === undefined) taken.push(order);
      else {
        this.carried.delete(order);
        this.refuse(
          `${order.events}, offset ${order.offset}: as many as can be kept are on record about records of ${full} that have not been read yet.`,
        );
      }
    }
    await this.options.table.put(taken.flatMap(({ topics }) => topics));
    for (const order of taken) {
      const left = order.topics.map((topic) => this.keep(topic));
      for (const open of left) open.owed = true;
      order.left = new Set(left);
      this.finish(order);
    }
  }

  /** Topics that have as many orders as they can have. */
  private async fullTopics(orders: readonly Carried[], committed: GroupMember['committed']): Promise<Set<string>> {
    const { table } = this.options;
    const full = new Set<string>();
    for (const topic of new Set(orders.flatMap(({ topics }) => topics.map((each) => each.topic)))) {
      if (!isFull(await table.load(topic, 0))) continue;
      const position = (await committed([topic])).get(`${topic} 0`) ?? 0;
      if (isFull(await table.load(topic, position))) full.add(topic);
    }
    return full;
  }

  /** Learns of orders that others have put on record. */
  private async look(): Promise<void> {
    const { table } = this.options;
    const { identity, applied } = await table.state();
    const seen = `${identity} ${applied}`;
    if (seen === this.seen || this.read.size === 0) return;
    const tops = await table.tops();
    for (const [topic, { from, met }] of this.read) {
      if ((tops.get(topic) ?? 0) <= from) continue;
      for (const order of await table.ofTopic(topic, from)) {
        if (met.has(order.offset)) continue;
        met.add(order.offset);
        // Some of it may have been sent since it was read.
        this.keep(order).owed = true;
      }
    }
    this.seen = seen;
  }

  /** From here on what it means is not sent. */
  private keep(order: TopicErasure): OpenErasure {
    const orders = this.open.get(order.topic) ?? new Map<number, OpenErasure>();
    const known = orders.get(order.offset);
    if (known !== undefined) return known;
    const tags = new ErasedTags(order.erasure);
    const open = { ...order, tags, owed: false, againMs: 0, passed: false, lastMs: Number.POSITIVE_INFINITY };
    this.open.set(order.topic, orders.set(order.offset, open));
    this.erased = [];
    return open;
  }

  private async sweep(): Promise<void> {
    const nowMs = this.options.clock.monotonicMs();
    const all = [...this.open.values()].flatMap((orders) => [...orders.values()]);
    const due = all.filter(({ owed, againMs, lastMs }) => againMs <= nowMs && (owed || lastMs <= nowMs));
    for (const { order, rows } of await this.sweeping.sweep(due)) this.settle(order, rows, nowMs);
  }

  private settle(order: OpenErasure, rows: number, nowMs: number): void {
    const { topic, offset, passed, lastMs } = order;
    this.options.counts.erasedRows += rows;
    order.owed = false;
    if (lastMs <= nowMs || !this.read.has(topic)) {
      // Nothing of it can come any more; or whoever reads the topic begins by asking for it.
      this.open.get(topic)?.delete(offset);
      this.erased = [];
    } else if (passed && lastMs === Number.POSITIVE_INFINITY) order.lastMs = nowMs + LAST_LOOK_MS;
    for (const carried of this.carried) {
      if (carried.left?.delete(order) !== true) continue;
      carried.rows += rows;
      this.finish(carried);
    }
  }

  private finish(carried: Carried): void {
    if (carried.left?.size !== 0) return;
    const { site, erasure, rows } = carried;
    this.carried.delete(carried);
    this.options.counts.erasures++;
    this.options.note({ site, erasure: erasure.id, rows }, 'an erasure was carried out');
    if (!this.full) for (const resolve of this.waiting.splice(0)) resolve();
  }

  private withheld(): Set<string> {
    const topics = new Set<string>();
    for (const { events } of this.carried) topics.add(events);
    for (const [topic, orders] of this.open) for (const { owed } of orders.values()) if (owed) topics.add(topic);
    return topics;
  }

  private refuse(what: string): void {
    this.options.counts.erasuresRefused++;
    this.refusals.add(what);
    if (!this.full) for (const resolve of this.waiting.splice(0)) resolve();
  }
}

function isFull({ orders, bytes }: { orders: number; bytes: number }): boolean {
  return orders >= MAX_OPEN || bytes >= MAX_OPEN_BYTES;
}

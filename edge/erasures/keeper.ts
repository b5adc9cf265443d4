import { setTimeout as delay } from 'node:timers/promises';
import type { EraseRequest } from '../../historian/files/erasures.ts';
import type { Eraser } from '../../historian/eraser.ts';
import type { HistorianClient } from '../../historian/client.ts';
import type { Clock } from '../core/clock.ts';
import type { DurableEnds } from '../core/durable-ends.ts';
import { assert, Fault, messageOf } from '../core/fault.ts';
import type { Repacking } from '../core/repack/repacking.ts';
import { HISTORY_TOPICS } from '../core/topics.ts';
import type { GatewayEvents } from '../gateway-events.ts';
import type { TagDictionary } from '../tags/dictionary.ts';
import { type ErasureBook, type ErasureRecord, isDone } from './book.ts';
import { type ChosenTags, chosenTags, type EraseOrder } from './order.ts';

/** The first places of every order. */
const HISTORIAN = 'historian';
export const LOG = 'log';
/** What is tried like a place: to tell of an order, and that it is done. */
const EVENT = 'event';
const DONE_EVENT = 'erasure-done';
/** Tags of a preview that are named one by one. */
const MAX_NAMED = 1000;
/** What failed is tried again after this, and after twice as long each time. */
const AGAIN_MS = 5000;
const AGAIN_AT_MOST_MS = 300_000;
const TAKEN_MS = 10_000;
const TAKEN_EVERY_MS = 50;

/** What the keeper stands on. */
export interface EraseKeeperOptions {
  readonly book: ErasureBook;
  readonly dictionary: Pick<TagDictionary, 'all' | 'find'>;
  readonly historian: Pick<HistorianClient, 'applied' | 'count' | 'erase' | 'erased' | 'flush' | 'holds'>;
  /** The log's own segments. */
  readonly log: Pick<Repacking, 'erase'>;
  /** Other places that have copies. */
  readonly erasers: readonly Eraser[];
  readonly ends: Pick<DurableEnds, 'start' | 'end'>;
  readonly events: Pick<GatewayEvents, 'record'>;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly logger: { warn(members: object, text: string): void };
  /** The historian gets so much time to take what has come in just before; 10 s if left out. */
  readonly takenMs?: number;
}

/** How far an erasure is, for people. */
export interface EraseProgress {
  readonly place: string;
  readonly done: number;
  readonly total: number;
  /** What is counted. */
  readonly unit: string;
}

/** What an order would erase. */
export interface ErasePreview {
  readonly tagCount: number;
  /** Samples that the historian has of it, in files and memory. */
  readonly samples: number;
  /** Other places that have copies: erased too, and not counted. */
  readonly uncounted: readonly string[];
  /** Of them in files that are damaged. */
  readonly unreadable: number;
  /** Tags that have such samples, at most 1,000. */
  readonly tags: readonly { readonly tag: string; readonly samples: number }[];
}

/** State of an order. */
export interface ErasureState extends ErasureRecord {
  readonly done: boolean;
  /** By place, why it is not done there yet. */
  readonly problems: Readonly<Record<string, string>>;
}

interface Attempt {
  failures: number;
  nextMs: number;
  problem: string | undefined;
}

/**
 * Sees to it that what was ordered to be erased is erased everywhere: on record first, then out of every answer of the historian, then told in the log (which the links carry), then out of the
 * files, then in each other place. What cannot be done now is tried again until it is, also in the next life of the gateway.
 */
export class EraseKeeper {
  private readonly options: EraseKeeperOptions;
  private readonly underWay = new Map<string, Promise<void>>();
  /** By order and place. */
  private readonly attempts = new Map<string, Attempt>();
  /** Orders that the historian has on record in this life: it gives nothing of them to other places any more. */
  private readonly hidden = new Set<string>();
  private readonly listeners = new Map<string, Set<(progress: EraseProgress) => void>>();
  private readonly stopping = new AbortController();

  constructor(options: EraseKeeperOptions) {
    this.options = options;
  }

  /** Takes over what earlier lives have not finished. A place that has come since gets what the log may still bring it. */
  open(): void {
    const { book, ends } = this.options;
    for (const { id, places, upTo } of book.orders) {
      const isInLog = Object.entries(upTo).some(([topic, below]) => ends.start(topic) < below);
      const added = this.names.filter((name) => isInLog && !places.some((place) => place.name === name));
      const more = added.map((name) => ({ name, doneUs: null }));
      if (more.length > 0) book.change(id, { places: [...places, ...more], doneEvent: null });
    }
  }

  /** All places, the historian's first. */
  private get names(): string[] {
    return [HISTORIAN, LOG, ...this.options.erasers.map(({ name }) => name)];
  }

  /** Counts what an order is about. Throws `tag-unknown`, `erase-refused`, `not-ready`. */
  async preview(order: EraseOrder, onProgress: (progress: EraseProgress) => void): Promise<ErasePreview> {
    return this.count(order, chosenTags(this.options.dictionary, order), onProgress);
  }

  /**
   * Takes an order on record and does it. Resolves when it is done, or when it is clear what is not done now: that is tried again. Throws `tag-unknown`, `erase-refused`, `not-ready`,
   * `file-unwritable`: then nothing was begun.
   */
  async erase(order: EraseOrder, onProgress: (progress: EraseProgress) => void): Promise<ErasureState> {
    const { book, clock, dictionary, ends, newId } = this.options;
    const chosen = chosenTags(dictionary, order);
    const { samples, tagCount } = await this.count(order, chosen, onProgress);
    const { by, reason, tags, prefix, fromUs, toUs } = order;
    const id = newId();
    const upTo = Object.fromEntries(HISTORY_TOPICS.map((topic) => [topic, ends.end(topic)]));
    const places = this.names.map((name) => ({ name, doneUs: null }));
    const what = { id, by, reason, tags: [...tags], prefix, fromUs, toUs, tagCount, samples, upTo };
    book.add({ ...what, atUs: clock.nowUs(), event: null, doneEvent: null, places, unopened: [], unread: [] });
    const listeners = new Set([onProgress]);
    this.listeners.set(id, listeners);
    try {
      await this.work(id);
    } finally {
      this.listeners.delete(id);
    }
    return this.stateOf(id);
  }

  /** The orders on record, the newest first. */
  list(): ErasureState[] {
    return this.options.book.orders.toReversed().map(({ id }) => this.stateOf(id));
  }

  /** To be called now and then: goes on with what is not done. */
  look(): void {
    const nowMs = this.options.clock.monotonicMs();
    for (const record of this.options.book.orders) {
      if (this.underWay.has(record.id)) continue;
      const isDue = (place: string): boolean => (this.attemptOf(record.id, place)?.nextMs ?? 0) <= nowMs;
      if (this.openParts(record).some((place) => this.missing(place) === undefined && isDue(place)))
        void this.work(record.id);
    }
  }

  /** Begins nothing more: it is gone on with in the next life. What is under way ends with the historian and the other places. */
  stop(): void {
    this.stopping.abort();
  }

  private async count(
    order: EraseOrder,
    { paths }: ChosenTags,
    onProgress: (progress: EraseProgress) => void,
  ): Promise<ErasePreview> {
    const { fromUs, toUs } = order;
    if (!(fromUs < toUs)) throw new Fault('erase-refused', 'The span is empty.');
    const tags: { tag: string; samples: number }[] = [];
    let samples = 0;
    let unreadable = 0;
    let done = 0;
    for await (const count of this.options.historian.count({ tags: paths, fromUs, toUs })) {
      samples += count.samples;
      unreadable += count.unreadable;
      if (count.samples > 0 && tags.length < MAX_NAMED) tags.push({ tag: count.tag, samples: count.samples });
      onProgress({ place: 'counting', done: ++done, total: paths.length, unit: 'tags' });
    }
    const uncounted = this.names.filter((name) => name !== HISTORIAN);
    return { tagCount: paths.length, samples, uncounted, unreadable, tags };
  }

  private stateOf(id: string): ErasureState {
    const record = this.options.book.find(id);
    if (record === undefined) throw new Fault('erase-refused', `There is no erasure ${id}.`);
    const problems = this.openParts(record).flatMap((place) => {
      const problem = this.attemptOf(id, place)?.problem ?? this.missing(place);
      return problem === undefined ? [] : [[place, problem] as const];
    });
    return { ...record, done: isDone(record), problems: Object.fromEntries(problems) };
  }

  /** Places where it is not done. */
  private openPlaces({ places }: ErasureRecord): string[] {
    return places.filter(({ doneUs }) => doneUs === null).map(({ name }) => name);
  }

  /** The same, and the events while they are not in the log. */
  private openParts(record: ErasureRecord): string[] {
    if (isDone(record)) return record.doneEvent === null ? [DONE_EVENT] : [];
    return [...(record.event === null ? [EVENT] : []), ...this.openPlaces(record)];
  }

  private attemptOf(id: string, place: string): Attempt | undefined {
    return this.attempts.get(`${id} ${place}`);
  }

  private missing(place: string): string | undefined {
    if (place === EVENT || place === DONE_EVENT || this.names.includes(place)) return undefined;
    return 'It is not configured any more: what it holds is not reached.';
  }

  /** One round of an order: everything that can be done of it now. */
  private work(id: string): Promise<void> {
    const known = this.underWay.get(id);
    if (known !== undefined) return known;
    const working = this.round(id).finally(() => this.underWay.delete(id));
    this.underWay.set(id, working);
    return working;
  }

  private async round(id: string): Promise<void> {
    const record = this.options.book.find(id);
    if (record === undefined) return;
    // The links are to carry it, whatever becomes of the rest.
    if (record.event === null) await this.attempt(record, EVENT);
    const open = this.openPlaces(record);
    const { promise: historianAsked, resolve: goOn } = Promise.withResolvers<void>();
    const firstTwo = async (): Promise<void> => {
      if (open.includes(HISTORIAN)) await this.attempt(record, HISTORIAN, goOn);
      goOn();
      if (open.includes(LOG)) await this.attempt(record, LOG);
    };
    const others = open.filter((place) => place !== HISTORIAN && place !== LOG);
    const other = async (place: string): Promise<void> => {
      await historianAsked;
      await this.attempt(record, place);
    };
    await Promise.all([firstTwo(), ...others.map(other)]);
    const after = this.options.book.find(id);
    if (after !== undefined && this.openParts(after).includes(DONE_EVENT)) await this.attempt(after, DONE_EVENT);
  }

  private async tell(record: ErasureRecord): Promise<void> {
    const { events, book } = this.options;
    const { id, by, reason, tags, prefix, fromUs, toUs, upTo, samples } = record;
    const what = { id, by, reason, tags, prefix, fromUs, toUs, upTo, samples };
    const audited = await events.record('audit', by, { action: 'erase', ...what });
    const offset = await events.record('events', `erasure/${id}`, { type: 'erased', ...what });
    if (audited === undefined || offset === undefined)
      throw new Fault('not-ready', 'The log does not take the event of it.');
    book.change(id, { event: offset });
  }

  private async tellDone({ id, places, unread }: ErasureRecord): Promise<void> {
    const done = { type: 'erasure-done', id, places: places.map(({ name }) => name) };
    const members = unread.length === 0 ? done : { ...done, unread };
    const offset = await this.options.events.record('events', `erasure/${id}`, members);
    if (offset === undefined) throw new Fault('not-ready', 'The log does not take the event that it is done.');
    this.options.book.change(id, { doneEvent: offset });
  }

  /** `onHidden`: told when the historian has it on record. */
  private async attempt(record: ErasureRecord, place: string, onHidden?: () => void): Promise<void> {
    const { clock, book } = this.options;
    const key = `${record.id} ${place}`;
    const before = this.attempts.get(key);
    if (this.stopping.signal.aborted || this.missing(place) !== undefined) return;
    if ((before?.nextMs ?? 0) > clock.monotonicMs()) return;
    try {
      if (place === EVENT) await this.tell(record);
      else if (place === DONE_EVENT) await this.tellDone(record);
      else {
        await this.eraseIn(place, record, onHidden);
        book.done(record.id, place, clock.nowUs());
        if (place === HISTORIAN) this.hidden.delete(record.id);
      }
      this.attempts.delete(key);
    } catch (error) {
      const failures = (before?.failures ?? 0) + 1;
      const nextMs = clock.monotonicMs() + Math.min(AGAIN_MS * 2 ** (failures - 1), AGAIN_AT_MOST_MS);
      const problem = error instanceof Fault ? error.message : messageOf(error);
      this.attempts.set(key, { failures, nextMs, problem });
      if (!this.stopping.signal.aborted)
        this.options.logger.warn({ erasure: record.id, place }, `tried again: ${problem}`);
    }
  }

  private async eraseIn(place: string, record: ErasureRecord, onHidden?: () => void): Promise<void> {
    const { dictionary, erasers } = this.options;
    const { tags, fromUs, toUs, upTo } = record;
    const chosen = chosenTags(dictionary, record);
    if (place === HISTORIAN) return this.eraseInHistorian(record, chosen.choices, onHidden);
    if (place === LOG) return this.eraseInLog(record, chosen.paths);
    const eraser = erasers.find(({ name }) => name === place);
    assert(eraser !== undefined, `the place ${place} is there`);
    const isHidden = this.isHidden(record);
    this.progress(record.id, { place, done: 0, total: tags.length, unit: 'tags' });
    await eraser.erase(chosen.paths, fromUs, toUs, upTo, this.stopping.signal);
    // What the place takes out of the historian would bring it back.
    if (!isHidden) throw new Fault('not-ready', 'The historian has still to take it on record; then it is done again.');
  }

  /** Whether the historian gives nothing of it to other places any more. */
  private isHidden({ id }: ErasureRecord): boolean {
    const { places = [] } = this.options.book.find(id) ?? {};
    return this.hidden.has(id) || places.some(({ name, doneUs }) => name === HISTORIAN && doneUs !== null);
  }

  private async eraseInHistorian(
    record: ErasureRecord,
    choices: readonly EraseRequest['tags'][],
    onHidden?: () => void,
  ): Promise<void> {
    const { historian } = this.options;
    const { id, fromUs, toUs, upTo } = record;
    const numbers: number[] = [];
    for (const [i, tags] of choices.entries())
      numbers.push(await historian.erase({ tags, fromUs, toUs, upTo, key: `${id}/${i}` }));
    this.hidden.add(id);
    onHidden?.();
    const unopened = new Set<string>();
    for (const number of numbers) {
      const files = await historian.erased(number, (progress) => this.progress(id, { place: HISTORIAN, ...progress }));
      for (const file of files) unopened.add(file);
    }
    if (unopened.size > 0) this.options.book.change(id, { unopened: [...unopened] });
  }

  /** Behind the historian: what that has not taken yet would be missing in the ledger. */
  private async eraseInLog({ id, fromUs, toUs, upTo }: ErasureRecord, tags: readonly string[]): Promise<void> {
    const { historian, log, takenMs = TAKEN_MS } = this.options;
    const isBehind = (positions: Readonly<Record<string, number>>): boolean =>
      Object.entries(upTo).some(([topic, below]) => (positions[topic] ?? below) < below);
    for (let i = 0; i * TAKEN_EVERY_MS < takenMs && isBehind(historian.applied()); i++)
      await delay(TAKEN_EVERY_MS, undefined, { signal: this.stopping.signal });
    if (isBehind(historian.holds())) await historian.flush();
    if (isBehind(historian.holds()))
      throw new Fault('not-ready', 'The historian has still to take some of these records from the log.');
    const onProgress = (done: number, total: number): void =>
      this.progress(id, { place: LOG, done, total, unit: 'segments' });
    const { unread } = await log.erase({ tags, fromUs, toUs, upTo }, onProgress);
    if (unread.length > 0) this.options.book.change(id, { unread: [...unread] });
  }

  private progress(id: string, progress: EraseProgress): void {
    for (const listener of this.listeners.get(id) ?? []) listener(progress);
  }
}

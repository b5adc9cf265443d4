import type { Score } from '../../models/model.ts';
import { type AlarmAction, AlarmBook } from '../alarms/book.ts';
import type { Clock } from '../core/clock.ts';
import type { Disk } from '../core/disk.ts';
import type { DurableEnds } from '../core/durable-ends.ts';
import { Fault, messageOf, toFaultMessage } from '../core/fault.ts';
import { effectiveTimeUs } from '../core/flags.ts';
import { follow } from '../core/follow.ts';
import type { Producer } from '../core/producer.ts';
import { DerivedTopics } from '../core/progress/derived-topics.ts';
import { LogReader, type TopicGap } from '../core/reader.ts';
import type { RecordCursor } from '../core/record-cursor.ts';
import { SampleReader } from '../core/sample-codec.ts';
import { TagMap } from '../core/tag-keys.ts';
import { HISTORY_TOPICS, SAMPLE_TOPICS } from '../core/topics.ts';
import type { TagTable } from '../intake/tag-table.ts';
import { AlarmWatch } from './alarm-watch.ts';
import { AlarmJournal, isJournal } from './journal-writer.ts';
import type { WatchNotice, WatchWorkerData } from './messages.ts';
import { ModelWatch } from './model-watch.ts';
import { ScoreWriter, scoreIdentity } from './score-writer.ts';
import { parseWatchSnapshot, restoreWatch, watchState } from './watch-state.ts';

/** What the watch works with. */
export interface WatchOptions extends Omit<WatchWorkerData, 'ends' | 'producer' | 'tags'> {
  readonly ends: DurableEnds;
  readonly clock: Clock;
  readonly producer: Producer;
  readonly tags: TagTable;
  readonly notify: (notice: WatchNotice) => void;
  /** Where the log is read from. */
  readonly disk?: Disk;
}

const DERIVED = 'derived';
const EVENTS = 'events';
const TICK_MS = 500;
/** Models see so much of what came before a start: more than any window holds. */
const WARM_UP_MS = 600_000;

/**
 * Follows samples and scores, and brings them to limits and models; what comes of it goes on record before anybody is told. After a crash it goes on as if there had been none: alarms and
 * scores are derived topics (DESIGN, "Consumers", form b).
 */
export class Watch {
  private readonly options: WatchOptions;
  private readonly book = new AlarmBook();
  private readonly sample = new SampleReader();
  private readonly alarms: AlarmWatch;
  private readonly progress: DerivedTopics;
  private readonly journal: AlarmJournal;
  private readonly models = new Map<string, ModelWatch>();
  private readonly scores: ScoreWriter;
  /** Models that do not work, and have been told of. */
  private readonly failed = new Set<string>();
  /** Models by the tags that they look at. */
  private readonly byTag = new Map<string, ModelWatch[]>();
  /** What looks at each tag that comes by, models and limits. */
  private readonly watched = new TagMap((tag) => {
    return { tag, models: this.byTag.get(tag), limits: this.alarms.watches(tag) };
  });
  private changed = false;
  /** When the last sample arrived that was seen, by topic, µs: a tag lives in one of them, and offsets of two say nothing about their order. */
  private readonly arrivals = new Map<string, number>();
  private readonly caughtUp = Promise.withResolvers<void>();
  private following = false;
  private readonly failure = new AbortController();
  /** Ends the run. */
  private readonly fail = (error: unknown): void => this.failure.abort(error);

  constructor(options: WatchOptions) {
    this.options = options;
    const { clock, producer, logFolder, ends, tags, notify, disk } = options;
    const startUs = clock.nowUs();
    this.progress = new DerivedTopics({
      consumer: 'alarms',
      inputs: HISTORY_TOPICS,
      outputs: { [EVENTS]: 'start', [DERIVED]: 'end' },
      logFolder,
      ends,
      producer,
      clock,
      ...(disk === undefined ? {} : { disk }),
      capture: () => watchState(this.book, this.alarms, this.models),
      isReady: () => this.journal.replayed,
      identify: (topic, cursor) => this.identify(topic, cursor),
      parse: parseWatchSnapshot,
      onCaughtUp: () => this.takeOver(),
      onHolds: (holds) => notify({ type: 'holds', holds }),
      onFailed: this.fail,
      onUnreadable: (topic, offset, why) => notify({ type: 'unreadable', topic, offset, why }),
    });
    const { progress } = this;
    this.journal = new AlarmJournal({
      progress,
      seen: () => Object.fromEntries(HISTORY_TOPICS.map((topic) => [topic, progress.position(topic)])),
      onWritten: (topic, offset) => notify({ type: 'written', topic, first: offset, last: offset, tag: null }),
    });
    this.alarms = new AlarmWatch(this.book, startUs, (line, bySample) => {
      this.journal.write(line, bySample);
      this.changed = true;
    });
    this.scores = new ScoreWriter({ clock, progress, tags, notify });
    for (const alarm of options.alarms) this.alarms.add(alarm);
    for (const model of options.models) {
      this.alarms.addModel(model, options.site);
      this.addModel(new ModelWatch(model, startUs));
    }
  }

  private addModel(model: ModelWatch): void {
    const { spec } = model.model;
    this.models.set(spec.name, model);
    for (const tag of spec.signals) this.byTag.set(tag, [...(this.byTag.get(tag) ?? []), model]);
  }

  /** Runs until the signal ends it; what happened to alarms is then on record. Rejects with what keeps the log from being read or written. */
  async run(signal: AbortSignal): Promise<void> {
    const from = await this.recover();
    const visit = (topic: string, cursor: RecordCursor): void => this.visit(topic, cursor);
    const onGap = (topic: string, first: number, last: number, reason: TopicGap['reason']): void =>
      this.passOver({ topic, first, last, reason });
    const ticks = setInterval(() => this.tick(), TICK_MS);
    const { logFolder, ends, disk } = this.options;
    const log = { logFolder, ends, ...(disk === undefined ? {} : { disk }) };
    try {
      await follow({ ...log, from, visit, onGap }, AbortSignal.any([signal, this.failure.signal]));
    } finally {
      clearInterval(ticks);
      await this.save();
    }
    this.failure.signal.throwIfAborted();
  }

  /** Offset of the first record of a topic of samples that has not been seen. */
  position(topic: string): number {
    return this.progress.position(topic);
  }

  /** Resolves when everything is on record that was made, and where it came from. Rejects with why it never will be. */
  async save(): Promise<void> {
    for (const topic of [EVENTS, DERIVED]) await this.progress.durable(topic);
    await this.progress.save();
  }

  /** Goes back to where an earlier life was. Returns the offsets to read from: models see again what their windows hold. */
  private async recover(): Promise<Record<string, number>> {
    const { ends, active, restarted } = this.options;
    if (restarted) await this.progress.fence();
    const first = Object.fromEntries(HISTORY_TOPICS.map((topic) => [topic, ends.end(topic)]));
    const snapshot = this.progress.recover(first);
    const known = snapshot !== undefined && restoreWatch(snapshot.state, this.book, this.alarms, this.models);
    for (const [model, version] of active) await this.load(model, version);
    const sinceMs = (snapshot?.watermarkUs ?? this.options.clock.nowUs()) / 1000 - WARM_UP_MS;
    const from = HISTORY_TOPICS.map((topic) => [topic, this.firstOffset(topic, sinceMs)] as const);
    this.progress.begin();
    // Since when new alarms have been watched must be on record before anything comes of that.
    if (!known) await this.progress.save(true);
    this.following = true;
    return Object.fromEntries(from);
  }

  /** A record behind the last snapshot. One of ours is told: the life that wrote it may not have come to that. */
  private identify(topic: string, cursor: RecordCursor): string | undefined {
    const isEvent = topic === EVENTS;
    if (isEvent && !isJournal(cursor)) return undefined;
    const { offset } = cursor;
    const tag = isEvent ? null : cursor.keyText();
    this.options.notify({ type: 'written', topic, first: offset, last: offset, tag });
    return isEvent ? this.journal.recovered(cursor) : scoreIdentity(cursor, this.sample);
  }

  /** All that an earlier life had seen was seen again. */
  private takeOver(): void {
    const { active, clock } = this.options;
    this.journal.replay((line) => this.alarms.replay(line), true);
    // What people have been told counts, should the configuration be another one now.
    for (const line of this.journal.last()) this.book.settle(line);
    this.alarms.resume();
    for (const model of this.models.keys())
      if (!active.has(model)) this.alarms.silenced(model, 'no version of it is active', clock.nowUs());
    this.caughtUp.resolve();
    this.tellAlarms();
  }

  /** Where the samples begin that models need; without models, where they go on. */
  private firstOffset(topic: string, sinceMs: number): number {
    const position = this.progress.position(topic);
    if (this.models.size === 0 || topic === DERIVED) return position;
    const { logFolder, ends, disk } = this.options;
    const reader = new LogReader({ logFolder, topic, ends, ...(disk === undefined ? {} : { disk }) });
    try {
      return Math.min(position, reader.offsetAt(sinceMs));
    } finally {
      reader.close();
    }
  }

  private visit(topic: string, cursor: RecordCursor): void {
    const { progress, journal } = this;
    const { offset, keyStart, keyEnd, valueStart, valueEnd } = cursor;
    const isNew = offset >= progress.position(topic);
    if (isNew && !journal.replayed) journal.replay((line) => this.alarms.replay(line));
    if (keyStart >= 0 && valueStart >= 0) this.see(cursor, isNew);
    if (!isNew) return;
    if (topic !== DERIVED) this.arrivals.set(topic, cursor.timestampMs * 1000);
    progress.took(topic, offset, keyEnd - keyStart + valueEnd - valueStart, cursor.timestampMs);
  }

  /** Brings a sample to who looks at its tag; one that an earlier life had seen to models alone, whose windows it fills. */
  private see(cursor: RecordCursor, isNew: boolean): void {
    const { tag, models, limits } = this.watched.get(cursor);
    const watched = isNew && limits;
    if ((models === undefined && !watched) || !this.read(cursor)) return;
    const { sample } = this;
    const arrivalUs = cursor.timestampMs * 1000;
    const timeUs = effectiveTimeUs(sample, cursor.timestampMs);
    if (watched) this.alarms.sample(tag, timeUs, arrivalUs, sample.value, sample.quality);
    for (const model of models ?? []) this.judge(model, tag, timeUs);
  }

  /** A gap in the samples is a gap in what alarms and models see: told, unless an earlier life has been there. */
  private passOver(gap: TopicGap): void {
    const { topic, last } = gap;
    const first = Math.max(gap.first, this.progress.position(topic));
    if (first > last) return;
    this.options.notify({ type: 'gap', gap: { ...gap, first } });
    this.progress.skipped(topic, last + 1);
  }

  /** Up to when everything has been seen that arrived: what has not may end a delay before its time. */
  private seenUs(nowUs: number): number {
    const { ends } = this.options;
    const behind = SAMPLE_TOPICS.filter((topic) => this.progress.position(topic) < ends.end(topic));
    return Math.min(nowUs, ...behind.map((topic) => this.arrivals.get(topic) ?? 0));
  }

  /** A model that does not work keeps nothing else from working. */
  private judge(model: ModelWatch, tag: string, timeUs: number): void {
    const { value, quality } = this.sample;
    try {
      for (const score of model.sample(tag, timeUs, value, quality)) this.scored(model, score);
    } catch (error) {
      this.modelFailed(model.model.spec.name, error);
    }
  }

  private modelFailed(name: string, error: unknown): void {
    // Scores that were on their way fail for the same reason.
    if (this.failed.has(name)) return;
    this.failed.add(name);
    this.models.get(name)?.unload();
    this.alarms.silenced(name, messageOf(error), this.options.clock.nowUs());
    this.options.notify({ type: 'model-failed', model: name, fault: toFaultMessage(error) });
  }

  /** False: the record's value is not a sample; the historian says so. */
  private read(cursor: RecordCursor): boolean {
    try {
      this.sample.read(cursor.data, cursor.valueStart, cursor.valueEnd);
      return true;
    } catch (error) {
      if (error instanceof Fault && error.code === 'sample-malformed') return false;
      throw error;
    }
  }

  private tick(): void {
    const nowUs = this.options.clock.nowUs();
    this.progress.tick();
    // A replay goes by the ticks that are on record.
    if (this.progress.replaying) return;
    this.alarms.tick(this.seenUs(nowUs), nowUs);
    this.tellWaiting();
    if (this.changed) this.tellAlarms();
  }

  private tellWaiting(): void {
    for (const [model, watch] of this.models) {
      const signals = watch.waitsAnew();
      if (signals !== undefined) this.options.notify({ type: 'waiting', model, signals });
    }
  }

  private scored(model: ModelWatch, score: Score): void {
    const { spec, scoreTag } = model.model;
    this.scores.write(scoreTag, spec.name, score);
    this.alarms.scored(spec.name, score, this.options.clock.nowUs());
  }

  /** Tells what stands, when it is on record. */
  private tellAlarms(): void {
    this.changed = false;
    this.journal.written(() => this.options.notify({ type: 'alarms', items: this.book.standing() })).catch(this.fail);
  }

  /** Has a version of a model score from now on. */
  async activate(name: string, version: string): Promise<void> {
    try {
      await this.load(name, version);
      if (this.following) await this.progress.save(true);
    } catch (error) {
      this.fail(error);
    }
  }

  private async load(name: string, version: string): Promise<void> {
    const model = this.models.get(name);
    if (model === undefined) return;
    this.failed.delete(name);
    const refusal = await this.scores.prepare(model.model.scoreTag, name);
    if (refusal !== undefined) return this.modelFailed(name, refusal);
    try {
      await model.load(this.options.modelFolder, version);
    } catch (error) {
      this.modelFailed(name, error);
    }
  }

  /** An operator's action; the answer comes when it is durable, or will not be. */
  async act(request: number, alarm: string, action: AlarmAction): Promise<void> {
    const { clock, notify } = this.options;
    try {
      await this.caughtUp.promise;
      this.journal.write(this.book.act(alarm, action, clock.nowUs()), false);
      await this.journal.written(() => {
        const items = this.book.standing();
        notify({ type: 'alarms', items });
        notify({ type: 'acted', request, alarm: items.find(({ id }) => id === alarm) ?? null });
      });
    } catch (error) {
      notify({ type: 'refused', request, fault: toFaultMessage(error) });
    }
  }
}

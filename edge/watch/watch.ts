import type { Score } from '../../models/model.ts';
import { type AlarmAction, AlarmBook } from '../alarms/book.ts';
import type { Clock } from '../core/clock.ts';
import type { DurableEnds } from '../core/durable-ends.ts';
import { eachRecord } from '../core/each-record.ts';
import { Fault, messageOf, toFaultMessage } from '../core/fault.ts';
import { Flag } from '../core/flags.ts';
import { follow } from '../core/follow.ts';
import type { Producer } from '../core/producer.ts';
import { LogReader } from '../core/reader.ts';
import type { RecordCursor } from '../core/record-cursor.ts';
import { SampleReader } from '../core/sample-codec.ts';
import type { TagTable } from '../intake/tag-table.ts';
import { AlarmWatch } from './alarm-watch.ts';
import { AlarmJournal } from './journal-writer.ts';
import type { WatchNotice, WatchWorkerData } from './messages.ts';
import { ModelWatch } from './model-watch.ts';
import { ScoreWriter } from './score-writer.ts';

/** What the watch works with. */
export interface WatchOptions extends Omit<WatchWorkerData, 'ends' | 'producer' | 'tags'> {
  readonly ends: DurableEnds;
  readonly clock: Clock;
  readonly producer: Producer;
  readonly tags: TagTable;
  readonly notify: (notice: WatchNotice) => void;
}

const SAMPLES = 'samples';
const DERIVED = 'derived';
const TICK_MS = 500;
const SNAPSHOT_EVERY_MS = 30_000;
/** Models see so much of what came before a start: more than any window holds. */
const WARM_UP_MS = 600_000;
/** A gap in the samples is a gap in what alarms and models see; the historian puts it on record. */
const onGap = (): void => undefined;

/** Follows samples and scores, and brings them to limits and models; what comes of it goes on record before anybody is told. */
export class Watch {
  private readonly options: WatchOptions;
  private readonly book = new AlarmBook();
  private readonly sample = new SampleReader();
  private readonly alarms: AlarmWatch;
  private readonly journal: AlarmJournal;
  private readonly models = new Map<string, ModelWatch>();
  private readonly scores: ScoreWriter;
  /** Models that do not work, and have been told of. */
  private readonly failed = new Set<string>();
  /** Models by the tags that they look at. */
  private readonly byTag = new Map<string, ModelWatch[]>();
  private changed = false;
  /** Offset behind the last sample that was seen, and when that one arrived. */
  private position = 0;
  private arrivalUs = 0;
  private readonly failure = new AbortController();
  /** Ends the run. */
  private readonly fail = (error: unknown): void => this.failure.abort(error);

  constructor(options: WatchOptions) {
    this.options = options;
    const { clock, producer, logFolder, ends, tags, notify } = options;
    const startUs = clock.nowUs();
    this.journal = new AlarmJournal({
      book: this.book,
      producer,
      clock,
      logFolder,
      ends,
      onWritten: (topic, offset) => notify({ type: 'written', topic, first: offset, last: offset, tag: null }),
      onFailed: this.fail,
      onUnreadable: (topic, offset, why) => notify({ type: 'unreadable', topic, offset, why }),
    });
    this.alarms = new AlarmWatch(this.book, startUs, (line) => {
      this.journal.write(line);
      this.changed = true;
    });
    this.scores = new ScoreWriter({
      clock,
      producer,
      tags,
      notify,
      onRefused: (model, fault) => this.modelFailed(model, fault),
      onFailed: this.fail,
    });
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
    const { logFolder, ends, active } = this.options;
    this.journal.restore();
    this.alarms.resume();
    this.tellAlarms();
    this.position = this.firstOffset();
    const from = { [SAMPLES]: this.position, [DERIVED]: ends.end(DERIVED) };
    this.findScores();
    for (const model of this.models.keys())
      if (!active.has(model)) this.alarms.silenced(model, 'no version of it is active', this.options.clock.nowUs());
    for (const [model, version] of active) await this.activate(model, version);
    const visit = (topic: string, cursor: RecordCursor): void => this.visit(topic, cursor);
    const ticks = setInterval(() => this.tick(), TICK_MS);
    const snapshots = setInterval(() => void this.journal.save().catch(this.fail), SNAPSHOT_EVERY_MS);
    try {
      await follow({ logFolder, ends, from, visit, onGap }, AbortSignal.any([signal, this.failure.signal]));
    } finally {
      clearInterval(ticks);
      clearInterval(snapshots);
      await this.scores.written();
      await this.journal.save();
    }
    this.failure.signal.throwIfAborted();
  }

  /** Where the samples begin that models need; without models, where new ones begin. */
  private firstOffset(): number {
    const { logFolder, ends, clock } = this.options;
    if (this.models.size === 0) return ends.end(SAMPLES);
    const reader = new LogReader({ logFolder, topic: SAMPLES, ends });
    try {
      return reader.offsetAt(clock.nowMs() - WARM_UP_MS);
    } finally {
      reader.close();
    }
  }

  /** A device whose clock is ahead has windows that end behind the start and were scored before it. */
  private findScores(): void {
    const { logFolder, ends, clock, site } = this.options;
    const byScore = new Map([...this.models.values()].map((model) => [`${site}/${model.model.scoreTag}`, model]));
    const from = (reader: LogReader): number => reader.offsetAt(clock.nowMs() - WARM_UP_MS);
    eachRecord(logFolder, DERIVED, ends, from, (cursor) => {
      if (cursor.keyStart < 0 || cursor.valueStart < 0) return;
      const model = byScore.get(cursor.keyText());
      if (model !== undefined && this.read(cursor)) model.scoredUntil(this.sample.timeUs);
    });
  }

  private visit(topic: string, cursor: RecordCursor): void {
    const arrivalUs = cursor.timestampMs * 1000;
    if (topic === SAMPLES) {
      this.position = cursor.offset + 1;
      this.arrivalUs = arrivalUs;
    }
    if (cursor.keyStart < 0 || cursor.valueStart < 0) return;
    const tag = cursor.keyText();
    const models = this.byTag.get(tag);
    const watched = this.alarms.watches(tag);
    if ((models === undefined && !watched) || !this.read(cursor)) return;
    const { sample } = this;
    const timeUs = (sample.flags & Flag.clockSuspect) === 0 ? sample.timeUs : arrivalUs;
    if (watched) this.alarms.sample(tag, timeUs, arrivalUs, sample.value, sample.quality);
    for (const model of models ?? []) this.judge(model, tag, timeUs);
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
    const { ends, clock } = this.options;
    const nowUs = clock.nowUs();
    // What has not been seen yet may end a delay before its time.
    this.alarms.tick(this.position < ends.end(SAMPLES) ? this.arrivalUs : nowUs, nowUs);
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
    this.failed.delete(name);
    try {
      await this.models.get(name)?.load(this.options.modelFolder, version);
    } catch (error) {
      this.modelFailed(name, error);
    }
  }

  /** An operator's action; the answer comes when it is durable, or will not be. */
  async act(request: number, alarm: string, action: AlarmAction): Promise<void> {
    const { clock, notify } = this.options;
    try {
      this.journal.write(this.book.act(alarm, action, clock.nowUs()));
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

import path from 'node:path';
import { realDisk } from '../core/disk.ts';
import { Fault } from '../core/fault.ts';
import { newCounts, Term } from '../core/ledger.ts';
import { LogFolder } from '../core/kit/log-kit.ts';
import { eachRecord } from '../core/each-record.ts';
import { Log } from '../core/log.ts';
import { systemClock } from '../core/clock.ts';
import type { Producer } from '../core/producer.ts';
import type { TopicGap } from '../core/reader.ts';
import { BatchEncoder } from '../core/record-batch.ts';
import { SampleReader } from '../core/sample-codec.ts';
import { type Sample, ValueKind } from '../core/sample.ts';
import { LedgerBook } from '../ledger/book.ts';
import { TagDictionary } from '../tags/dictionary.ts';
import { TagRegistrar } from '../tags/registrar.ts';
import { WatchClient } from './client.ts';
import type {
  LimitAlarm,
  ScoreNotice,
  UnreadableNotice,
  WaitingNotice,
  WatchedModel,
  WrittenNotice,
} from './messages.ts';
import { MODELS_CONNECTOR } from './score-writer.ts';
import { SampleKey } from '../core/sample-key.ts';

const clock = systemClock();

/** For tests: an alarm of a pressure above 80. */
export const tooHigh: LimitAlarm = {
  name: 'too-high',
  tag: 'northmill/loop/pressure',
  high: 80,
  low: undefined,
  deadband: 0,
  onDelayMs: 0,
  priority: 'high',
  onReturn: 'latched',
};

/** For tests: everything that a watch works with, real: the log with its worker, the dictionary, the ledger; and the watch in its worker. */
export class WatchKit implements AsyncDisposable {
  readonly folder = new LogFolder();
  readonly dictionary = new TagDictionary(realDisk, path.join(this.folder.data, 'tags'));
  readonly log = new Log({ dataFolder: this.folder.data, budgetBytes: 1e12, nowMs: clock.nowMs() });
  readonly registrar = new TagRegistrar(this.dictionary, clock, () => undefined);
  readonly book: LedgerBook;
  readonly models = path.join(this.folder.data, 'models');
  readonly written: WrittenNotice[] = [];
  readonly scores: ScoreNotice[] = [];
  readonly waiting: WaitingNotice[] = [];
  readonly unreadable: UnreadableNotice[] = [];
  readonly gaps: TopicGap[] = [];
  readonly failed: string[] = [];
  private producer: Producer | undefined;
  private client: WatchClient | undefined;
  private running: Promise<void> = Promise.resolve();

  private constructor() {
    this.book = this.newBook();
  }

  static async open(): Promise<WatchKit> {
    const kit = new WatchKit();
    kit.dictionary.open();
    kit.registrar.start(undefined);
    await kit.log.open((fault) => {
      throw fault;
    });
    kit.producer = kit.log.producer();
    kit.book.open();
    return kit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.log.close();
    this.producer?.close();
    this.dictionary.close();
    this.folder[Symbol.dispose]();
  }

  /** A ledger as the gateway has it, not open yet: one that is opened later counts the log anew. */
  newBook(file = 'ledger.json'): LedgerBook {
    return new LedgerBook({
      disk: realDisk,
      file: path.join(this.folder.data, file),
      logFolder: this.log.folder,
      ends: this.log.ends,
      connectorOf: (tag) => this.dictionary.find(tag)?.connector ?? '',
    });
  }

  /** Starts a watch; version 1 of each model is active, or of those that are given. */
  start(
    alarms: readonly LimitAlarm[] = [tooHigh],
    models: readonly WatchedModel[] = [],
    active: readonly WatchedModel[] = models,
  ): WatchClient {
    const client = new WatchClient({
      site: 'northmill',
      log: this.log,
      registrar: this.registrar,
      alarms,
      models,
      modelFolder: this.models,
      onWritten: (notice) => {
        this.written.push(notice);
        const { tag, topic, first, last } = notice;
        if (this.book.covers(topic, first)) return;
        const counts = newCounts();
        counts[Term.generated] = 1;
        if (tag === null) this.book.cover(topic, first, last);
        else this.book.apply([{ tag, connector: MODELS_CONNECTOR, counts }], [{ topic, first, last }]);
      },
      onScore: (notice) => this.scores.push(notice),
      onWaiting: (notice) => this.waiting.push(notice),
      onUnreadable: (notice) => this.unreadable.push(notice),
      onGap: (gap) => this.gaps.push(gap),
      onModelFailed: (model, fault) => this.failed.push(`${model} ${fault.code}`),
    });
    this.client = client;
    for (const { spec } of active) client.activate(spec.name, '1');
    this.running = client.run();
    // `stop` says what comes of it.
    this.running.catch(() => undefined);
    return client;
  }

  /** Ends the watch; rejects with why it had ended by itself. */
  async stop(): Promise<void> {
    await this.client?.stop();
    this.client = undefined;
    await this.running;
  }

  /** Waits for the end of a watch that is to fail: why. */
  async failure(): Promise<Fault> {
    this.client = undefined;
    const { running } = this;
    this.running = Promise.resolve();
    return running.then(
      () => new Fault('internal', 'it did not fail'),
      (fault: Fault) => fault,
    );
  }

  /** Appends samples, durably. */
  async append(
    samples: readonly (Partial<Sample> & { readonly tag?: string })[],
    arrivalMs = clock.nowMs(),
    topic = 'samples',
  ): Promise<void> {
    const batch = new BatchEncoder();
    for (const { tag = tooHigh.tag, ...members } of samples) {
      const sample = { timeUs: clock.nowUs(), kind: ValueKind.double, value: 0, quality: 0, flags: 0 };
      batch.addSample(SampleKey.of(tag), { ...sample, serverTimeUs: null, ...members });
    }
    await this.producer?.append(topic, batch.finish(arrivalMs), samples.length);
  }

  /** Appends a record of any make. */
  async appendText(topic: string, key: string, value: string): Promise<void> {
    const text = new TextEncoder();
    const batch = new BatchEncoder();
    batch.addRecord(text.encode(key), text.encode(value));
    await this.producer?.append(topic, batch.finish(clock.nowMs()), 1);
  }

  /** Records of a topic as JSON; those without a value left out. */
  json(topic: string): Record<string, unknown>[] {
    const found: Record<string, unknown>[] = [];
    eachRecord(this.log.folder, topic, this.log.ends, 0, (cursor) => {
      const value = cursor.value();
      if (value !== null) found.push(JSON.parse(new TextDecoder().decode(value)) as Record<string, unknown>);
    });
    return found;
  }

  /** The journal so far: transition and state of each line. */
  journal(): string[] {
    return this.json('events').flatMap(({ type, transition, state }) =>
      type === 'alarm' ? [`${String(transition)} ${String(state)}`] : [],
    );
  }

  /** Samples of topic `derived`: tag, time in µs and value. */
  derived(): [tag: string, timeUs: number, value: unknown][] {
    const reader = new SampleReader();
    const found: [string, number, unknown][] = [];
    eachRecord(this.log.folder, 'derived', this.log.ends, 0, (cursor) => {
      reader.read(cursor.data, cursor.valueStart, cursor.valueEnd);
      found.push([cursor.keyText(), reader.timeUs, reader.value]);
    });
    return found;
  }
}

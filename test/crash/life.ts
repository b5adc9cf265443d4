import { type Random, seeded } from '../../edge/core/kit/choices.ts';
import { type Change, CrashDisk } from '../../edge/core/kit/crash-disk.ts';
import { Fault } from '../../edge/core/fault.ts';
import { numbered } from '../../edge/core/kit/log-kit.ts';
import { patientDisk } from '../../edge/core/patient-disk.ts';
import { repackLog, type Settled } from '../../edge/core/repack/log.ts';
import { systemError } from '../../edge/core/kit/traced-disk.ts';
import { LifeReader } from './life-reader.ts';
import { meddle } from './meddle.ts';
import { type Span, TopicPromises, Violation } from './promises.ts';
import { readSnapshot, SnapshotPromise } from './snapshot.ts';
import { LOG_FOLDER, openLog, same, type SmallLog, type Smallness, TOPICS } from './small-log.ts';

/** What can happen to a log, how often relative to each other. */
const STEPS = {
  commit: 22,
  read: 3,
  retain: 4,
  repack: 3,
  repair: 2,
  snapshot: 3,
  clock: 1,
  full: 2,
  stop: 3,
  kill: 2,
  fail: 2,
  powerCut: 2,
} as const;
type Step = keyof typeof STEPS;

const LOTTERY = (Object.keys(STEPS) as Step[]).flatMap((step) => Array.from({ length: STEPS[step] }, () => step));

/** Counts how often each thing happened. */
export type Counts = Record<string, number>;

export interface LifeOptions {
  readonly seed: number;
  /** Told before each call that changes the disk. */
  readonly watch?: () => void;
  /** Somebody loses and garbles indexes while the log is closed. */
  readonly meddling?: boolean;
}

/**
 * A life of a small log on a disk that sees to it that nothing is on it before it must be: commits, rolls, retention, repacking, snapshots of a consumer, readers, clean stops, kills, a full disk, failed writes
 * and syncs, power cuts; the same for the same seed. `promises` is what it has promised at any moment, and what is not so is a `Violation`.
 */
export class Life {
  readonly disk = new CrashDisk();
  readonly promises = TOPICS.map((topic) => new TopicPromises(topic));
  readonly snapshot = new SnapshotPromise();
  readonly smallness: Smallness;
  readonly counts: Counts = {};
  /** What happened last. */
  readonly trace: string[] = [];
  private readonly options: LifeOptions;
  private readonly random: Random;
  private log: SmallLog | undefined;
  private readers: LifeReader[] = [];
  private opening = false;
  /** Calls until one fails, and how. */
  private failIn = Infinity;
  private failure: 'EIO' | 'ENOSPC' = 'EIO';
  private nextNumber = 0;
  private timeMs = 1_600_000_000_000;
  /** By how much the wall clock is wrong. */
  private aheadMs = 0;
  /** What repacks the log beside its writer. */
  private repacking: Generator<Settled | undefined, void> | undefined;

  constructor(options: LifeOptions) {
    this.options = options;
    this.random = seeded(options.seed);
    const segmentBytes = [1500, 3000, 5000, 12_000][this.random(4)] ?? 0;
    const nowMs = (): number => this.timeMs + this.aheadMs;
    this.smallness = {
      segmentBytes,
      budgetBytes: segmentBytes * (3 + this.random(5)),
      recoveryPointBytes: 1000 + this.random(5000),
      disposalBytes: 500 + this.random(4000),
      tail: { fillBytes: 4096 * (1 + this.random(3)), smallBytes: 3000, busyBytes: 1000 },
      retentionMs: { derived: 1000 + this.random(2000) },
      clock: { nowMs, nowUs: () => nowMs() * 1000, monotonicMs: () => this.timeMs },
    };
    this.disk.before = (what, file) => this.called(what, file);
  }

  /** How often the log was opened. */
  get opens(): number {
    return this.counts['open'] ?? 0;
  }

  private called(what: Change, file: string): void {
    this.options.watch?.();
    this.note(`${what} ${file}`);
    if (what === 'create' && file.endsWith('.log')) this.count('roll');
    if (what === 'rename' && file.endsWith('.log.deleted')) this.count('delete');
    const canBeFull = what === 'create' || what === 'write' || what === 'rename';
    if (this.failIn-- > 0 || (this.failure === 'ENOSPC' && !canBeFull)) return;
    this.failIn = Infinity;
    this.note(`  ${this.failure}`);
    this.count(this.failure);
    throw systemError(this.failure);
  }

  private note(what: string): void {
    this.trace.push(what);
    if (this.trace.length > 400) this.trace.splice(0, 200);
  }

  private count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** Takes one step. Now and then the power fails in the middle of it. */
  step(): void {
    if (this.random(20) === 0) this.disk.callsLeft = this.random(60);
    try {
      this.go();
    } catch (error) {
      // Without power nothing can be expected of anybody.
      if (this.disk.callsLeft > 0) throw error;
    }
    if (this.disk.callsLeft <= 0) {
      this.count('no power');
      this.powerCut();
    }
    this.disk.callsLeft = Infinity;
    this.options.watch?.();
  }

  private go(): void {
    if (this.log === undefined) return this.open();
    const step = LOTTERY[this.random(LOTTERY.length)] ?? 'commit';
    this.count(step);
    this.note(`-- ${step}`);
    this.take(step, this.log);
  }

  /** Whatever state it is in: killed, opened, read, closed. */
  finish(): void {
    this.failIn = Infinity;
    this.end();
    while (this.log === undefined) this.open();
    for (const reader of this.readers) reader.readAll(this.random);
    this.stop(this.log);
  }

  private take(step: Step, log: SmallLog): void {
    if (step === 'commit') this.commit(log);
    else if (step === 'read') this.read();
    else if (step === 'retain') this.retain(log);
    else if (step === 'repack') this.repack(log);
    else if (step === 'repair') log.writer.repairIndex();
    else if (step === 'snapshot')
      this.snapshot.save(
        this.disk,
        TOPICS.map((topic) => log.ends.end(topic)),
      );
    else if (step === 'clock') this.aheadMs = this.aheadMs === 0 ? 2 * 3_600_000 : 0;
    else if (step === 'stop') this.stop(log);
    else if (step === 'kill') this.end();
    else if (step === 'full') this.full(log);
    else if (step === 'fail') this.fail(log);
    else this.powerCut();
  }

  private open(): void {
    this.note('-- open');
    const meddling = this.options.meddling === true && this.random(3) === 0;
    if (meddling) this.count(meddle(this.disk, this.random));
    // Sometimes the disk fails while the log is opened.
    if (this.random(8) === 0) this.failNext('EIO', 40);
    this.opening = true;
    try {
      const disk = patientDisk({
        disk: this.disk,
        onFull: (full) => (full ? this.log?.writer.makeRoom() : undefined),
        stop: new Int32Array(new SharedArrayBuffer(4)),
        retryMs: 0,
      });
      const log = openLog(disk, this.smallness, String(this.opens), {
        published: (topic, span) => this.published(topic, span),
        staged: (topic, batch, records) => this.promised(topic).stage(batch, records),
        hurried: () => this.random(3) === 0,
      });
      this.begin(log);
      if (meddling) for (const reader of this.readers) reader.readAround(this.random);
    } catch (error) {
      // Nothing else may keep it from being opened.
      if (!(error instanceof Fault) || this.failIn !== Infinity) throw error;
      if (this.random(2) === 0) this.powerCut();
    } finally {
      this.opening = false;
      this.failIn = Infinity;
    }
  }

  private begin(log: SmallLog): void {
    this.count('open');
    for (const report of Object.values(log.reports)) {
      same('damage', report.damage, []);
      if (report.cut !== undefined) this.count('cut');
      if (report.rewrittenBytes > 0) this.count('rewritten');
    }
    const spans = TOPICS.map((topic) => ({ start: log.ends.start(topic), end: log.ends.end(topic) }));
    this.snapshot.adopt(readSnapshot(this.disk), spans);
    this.log = log;
    this.readers = this.promises.map((topic) => new LifeReader(this.disk, log.ends, topic));
  }

  private failNext(failure: 'EIO' | 'ENOSPC', within: number): void {
    this.failure = failure;
    this.failIn = this.random(within);
  }

  private promised(topic: number): TopicPromises {
    const promised = this.promises[topic];
    if (promised === undefined) throw new Violation(`there is no topic ${topic}`);
    return promised;
  }

  private published(topic: number, span: Span): void {
    if (this.opening) this.promised(topic).adopt(span);
    else this.promised(topic).publish(span);
    this.note(`  ${TOPICS[topic]} goes from ${span.start} to ${span.end}`);
  }

  private commit({ writer, ends }: SmallLog): void {
    const requests = Array.from({ length: 1 + this.random(4) }, () => {
      const topic = TOPICS[this.random(TOPICS.length)] ?? 'samples';
      const records = 1 + this.random(this.random(8) === 0 ? 40 : 6);
      // Clocks are set back now and then.
      this.timeMs += this.random(10) === 0 ? -500 : this.random(50);
      const options = { size: 8 + this.random(80), compress: this.random(4) === 0, timestampMs: this.timeMs };
      const batch = numbered(this.nextNumber, records, options);
      this.nextNumber += records;
      return { topic, batch, records };
    });
    if (this.random(2) === 0) writer.dispose();
    const answers = writer.append(requests);
    if (writer.failed === undefined) return;
    if (answers.some((answer) => typeof answer === 'number')) throw new Violation('a failed commit is acknowledged');
    const before = TOPICS.map((topic) => ends.end(topic));
    const [answer] = writer.append([{ topic: 'samples', batch: numbered(0, 1), records: 1 }]);
    same('an answer behind a failure', typeof answer, 'object');
    const after = TOPICS.map((topic) => ends.end(topic));
    same('ends behind a failure', after, before);
  }

  private read(): void {
    const reader = this.readers[this.random(this.readers.length)];
    reader?.read(this.random);
  }

  private retain({ writer, ends }: SmallLog): void {
    const before = TOPICS.map((topic) => ends.start(topic));
    const held = TOPICS.map((topic) => this.random(ends.end(topic) + 1));
    writer.hold({ local: Object.fromEntries(TOPICS.map((topic, i) => [topic, held[i] ?? 0])) });
    writer.retain();
    for (let steps = this.random(6); steps > 0; steps--) writer.dispose();
    for (const [i, topic] of TOPICS.entries()) {
      const start = ends.start(topic);
      if (start !== before[i] && start > (held[i] ?? 0))
        throw new Violation(`${topic} starts at ${start}, and somebody needs ${held[i]}`);
    }
    if (writer.failed === undefined) for (const topic of this.promises) topic.startIsFinal();
  }

  /** Goes on with the repacking, beside the writer, and has a segment that is ready swapped in. */
  private repack({ writer }: SmallLog): void {
    this.repacking ??= repackLog(this.disk, LOG_FOLDER, {});
    for (let steps = 1 + this.random(8); steps > 0; steps--) {
      const { done, value } = this.repacking.next();
      if (done === true) this.repacking = undefined;
      if (this.repacking === undefined) return;
      if (value?.outcome !== 'ready') continue;
      if (writer.replaceSegment(value) !== undefined) this.count('swap');
    }
  }

  private stop({ writer }: SmallLog): void {
    writer.close();
    same('a failure', writer.failed, undefined);
    this.end();
  }

  /** The disk is full for a moment: the writer makes room in the middle of what it does. */
  private full(log: SmallLog): void {
    this.failNext('ENOSPC', 12);
    for (let i = 0; i < 6 && this.failIn !== Infinity; i++) {
      if (this.random(3) === 0) this.retain(log);
      else this.commit(log);
    }
    this.failIn = Infinity;
    same('a failure', log.writer.failed, undefined);
  }

  /** One call fails, of a commit, a deletion or a stop; the process ends. */
  private fail(log: SmallLog): void {
    this.failNext('EIO', 12);
    const what = this.random(8);
    if (what < 5) for (let i = 0; i < 6 && log.writer.failed === undefined; i++) this.commit(log);
    else if (what < 7) this.retain(log);
    else log.writer.close();
    this.failIn = Infinity;
    this.end();
    if (this.random(3) === 0) this.powerCut();
  }

  private powerCut(): void {
    this.failIn = Infinity;
    this.note('  power cut');
    this.disk.crash(this.random);
    this.end();
  }

  /** The process is gone. */
  private end(): void {
    this.log = undefined;
    this.readers = [];
    this.repacking = undefined;
  }
}

import path from 'node:path';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';
import { type Disk, readFile, replaceFile } from './disk.ts';
import type { DurableEnds } from './durable-ends.ts';
import { assert, errnoOf, Fault, type FaultMessage, messageOf, toFaultMessage } from './fault.ts';
import type { AppendRequest } from './producer.ts';
import type { RecoveryReport } from './recovery.ts';
import { REFUSED } from './ring.ts';
import { topicFolder } from './segment-files.ts';
import { TopicLog } from './topic-log.ts';

/** What identifies a log: `epoch` rises when acknowledged data was lost, restored or promoted. */
export interface LogIdentity {
  readonly v: 1;
  readonly logId: string;
  readonly epoch: number;
}

/** How a log is opened. */
export interface LogWriterOptions {
  readonly disk: Disk;
  readonly logFolder: string;
  /** Where recoveries put what they cut off. */
  readonly lostAndFound: string;
  readonly ends: DurableEnds;
  /** All topics together; the oldest complete segments go when there is more. */
  readonly budgetBytes: number;
  /** Id for a log that has none yet. */
  readonly newLogId: string;
  /** Makes names of cut tails unique, such as the time. */
  readonly stamp: string;
  readonly segmentBytes?: number;
}

/** Oldest offsets that consumers still need: nothing at or above them is deleted. A topic that is not named is held by nobody. */
export type Holds = Readonly<Record<string, number>>;

/** The log as its one writer owns it: all topics, their commits, recovery points and retention. Knows nothing of threads. */
export class LogWriter {
  private readonly options: LogWriterOptions;
  private readonly topics = new Map<string, TopicLog>();
  /** The same, by number. */
  private readonly logs: TopicLog[] = [];
  /** Topics with batches that are not durable yet. */
  private readonly touched = new Set<TopicLog>();
  private readonly recoveryPoints: string;
  private readonly logStarts: string;
  private holds: Holds | undefined;
  /** As the files had them; topics that are not open keep theirs. */
  private points = new Map<string, number>();
  private starts = new Map<string, number>();
  private failure: FaultMessage | undefined;
  identity: LogIdentity = { v: 1, logId: '', epoch: 0 };

  constructor(options: LogWriterOptions) {
    this.options = options;
    this.recoveryPoints = path.join(options.logFolder, 'recovery-point-offset-checkpoint');
    this.logStarts = path.join(options.logFolder, 'log-start-offset-checkpoint');
  }

  /** Opens all topics, recovers them, publishes their ends. Returns what was found, per topic. Throws a Fault; the writer then refuses everything. */
  open(): Record<string, RecoveryReport> {
    try {
      return this.openTopics();
    } catch (error) {
      const fault = asFault(error);
      this.failure = toFaultMessage(fault);
      throw fault;
    }
  }

  private openTopics(): Record<string, RecoveryReport> {
    const { disk, logFolder, lostAndFound, stamp, ends } = this.options;
    disk.makeFolder(logFolder);
    this.identity = this.readIdentity();
    this.points = readCheckpoint(disk, this.recoveryPoints);
    this.starts = readCheckpoint(disk, this.logStarts);
    const reports: Record<string, RecoveryReport> = {};
    for (const topic of ends.topics) {
      const folder = topicFolder(logFolder, topic);
      const log = new TopicLog(disk, folder, this.identity.epoch, this.options.segmentBytes);
      this.topics.set(topic, log);
      this.logs.push(log);
      const recoveryPoint = this.points.get(topic) ?? 0;
      const report = log.open({ recoveryPoint, start: this.starts.get(topic), lostAndFound, stamp });
      if (report !== undefined) reports[topic] = report;
    }
    this.saveRecoveryPoints();
    this.saveStarts();
    for (const [topic, log] of this.topics) ends.publish(topic, log.end, log.start);
    ends.notify();
    return reports;
  }

  private readIdentity(): LogIdentity {
    const { disk, logFolder, newLogId } = this.options;
    const file = path.join(logFolder, 'millrace.json');
    const bytes = readFile(disk, file);
    if (bytes !== undefined) return parseIdentity(file, bytes);
    const identity: LogIdentity = { v: 1, logId: newLogId, epoch: 0 };
    replaceFile(disk, file, `${JSON.stringify(identity)}\n`);
    return identity;
  }

  /** Bytes of all topics. */
  get bytes(): number {
    let sum = 0;
    for (const log of this.topics.values()) sum += log.bytes;
    return sum;
  }

  /** Why the writer writes no more, or undefined. */
  get failed(): FaultMessage | undefined {
    return this.failure;
  }

  /**
   * Takes the batch in `length` bytes of `memory` from `at` on into the group that the next `commit` makes durable; the memory stays as it is until then. Returns its base
   * offset, or `REFUSED`: then the whole group is. `topic` is its number among those of the ends.
   */
  stage(topic: number, memory: Uint8Array, view: DataView, at: number, length: number, records: number): number {
    const log = this.logs[topic];
    assert(log !== undefined, `there is a topic ${topic}`);
    if (this.failure !== undefined) return REFUSED;
    try {
      this.touched.add(log);
      return log.stage(memory, view, at, length, records);
    } catch (error) {
      this.fail(error);
      return REFUSED;
    }
  }

  /**
   * Makes everything that was staged durable and publishes the new ends. Returns why that was not possible: then all of it is refused. A failed write or sync is final:
   * nothing is ever acknowledged after it, since nobody knows what reached the disk.
   */
  commit(): FaultMessage | undefined {
    const { touched } = this;
    if (this.failure !== undefined) return this.failure;
    try {
      for (const log of touched) log.write();
      for (const log of touched) log.sync();
      this.saveRecoveryPoints();
    } catch (error) {
      return this.fail(error);
    }
    for (const log of touched) this.options.ends.publish(log.topic, log.end);
    this.options.ends.notify();
    touched.clear();
    return undefined;
  }

  /** Appends batches and makes all of them durable. Answers in the order of the requests: a base offset, or a fault. */
  append(requests: readonly AppendRequest[]): (number | FaultMessage)[] {
    const { topics } = this.options.ends;
    const staged = requests.map(({ topic, batch, records }) => {
      const number = topics.indexOf(topic);
      if (number < 0) return toFaultMessage(new Fault('log-topic-unknown', topic));
      const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
      return this.stage(number, batch, view, 0, batch.length, records);
    });
    const failure = this.commit();
    return failure === undefined ? staged : requests.map(() => failure);
  }

  private saveRecoveryPoints(): void {
    const logs = [...this.topics.values()];
    if (!logs.some((log) => log.recoveryPointDue)) return;
    for (const log of logs) this.points.set(log.topic, log.recoveryPoint);
    writeCheckpoint(this.options.disk, this.recoveryPoints, this.points);
    for (const log of logs) log.recoveryPointDue = false;
  }

  private saveStarts(): void {
    for (const log of this.topics.values()) this.starts.set(log.topic, log.start);
    writeCheckpoint(this.options.disk, this.logStarts, this.starts);
  }

  /** Notes what consumers still need. Before the first call nothing is deleted: a consumer that still starts may need it. */
  hold(holds: Holds): void {
    this.holds = holds;
  }

  /** Deletes the oldest complete segments that nobody needs until the log is within its budget. Returns whether it is. */
  retain(): boolean {
    try {
      while (this.failure === undefined && this.bytes > this.options.budgetBytes) {
        const victim = this.victim();
        const segment = victim?.releaseOldest();
        if (victim === undefined || segment === undefined) return false;
        // Readers first, then the record, then the files: nobody is sent to what is gone.
        this.options.ends.publish(victim.topic, victim.end, victim.start);
        this.options.ends.notify();
        this.saveStarts();
        victim.remove(segment);
      }
    } catch (error) {
      this.fail(error);
    }
    return this.bytes <= this.options.budgetBytes;
  }

  /** Builds a piece of an index that was found missing or not whole at start (see `IndexRepair`): to be called now and then. */
  repairIndex(): void {
    if (this.failure !== undefined) return;
    for (const log of this.topics.values()) if (log.repairIndex()) return;
  }

  private fail(error: unknown): FaultMessage {
    this.failure = { code: 'log-write-failed', detail: messageOf(error) };
    return this.failure;
  }

  /** The largest topic whose oldest segment nobody needs. */
  private victim(): TopicLog | undefined {
    const { holds } = this;
    if (holds === undefined) return undefined;
    let best: TopicLog | undefined;
    for (const log of this.topics.values()) {
      const { oldest } = log;
      if (oldest === undefined || oldest.endOffset > (holds[log.topic] ?? Infinity)) continue;
      if (best === undefined || log.bytes > best.bytes) best = log;
    }
    return best;
  }

  /** Clean stop: everything synced and trimmed, recovery points at the end. After a failure nothing is touched; one here is noted in `failed`. */
  close(): void {
    if (this.failure !== undefined) return;
    try {
      for (const log of this.topics.values()) log.close();
      this.saveRecoveryPoints();
    } catch (error) {
      this.fail(error);
    }
  }
}

function parseIdentity(file: string, bytes: Uint8Array): LogIdentity {
  const parsed = parseJson(new TextDecoder().decode(bytes));
  if (typeof parsed === 'object' && parsed !== null && 'v' in parsed && 'logId' in parsed && 'epoch' in parsed) {
    const { v, logId, epoch } = parsed;
    if (v !== 1)
      throw new Fault('data-unreadable', `${file} is of version ${String(v)}; this program knows version 1.`);
    const epochFits = typeof epoch === 'number' && Number.isInteger(epoch) && epoch >= 0 && epoch <= 0x7fffffff;
    if (typeof logId === 'string' && epochFits) return { v: 1, logId, epoch };
  }
  throw new Fault('data-unreadable', `${file} does not name a log.`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What went wrong while the log was opened: errors of the system become faults, those of the program stay what they are. */
function asFault(error: unknown): unknown {
  const code = errnoOf(error);
  if (error instanceof Fault || code === undefined) return error;
  const unreadable = ['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP'].includes(code);
  return new Fault(unreadable ? 'data-unreadable' : 'log-write-failed', messageOf(error), { cause: error });
}

import path from 'node:path';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';
import { type Disk, readFile, replaceFile } from './disk.ts';
import type { DurableEnds } from './durable-ends.ts';
import { Fault, type FaultMessage, messageOf, toFaultMessage } from './fault.ts';
import type { AppendRequest } from './producer.ts';
import type { RecoveryReport } from './recovery.ts';
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
  private readonly recoveryPoints: string;
  private readonly logStarts: string;
  private holds: Holds = {};
  private failure: FaultMessage | undefined;
  identity: LogIdentity = { v: 1, logId: '', epoch: 0 };

  constructor(options: LogWriterOptions) {
    this.options = options;
    this.recoveryPoints = path.join(options.logFolder, 'recovery-point-offset-checkpoint');
    this.logStarts = path.join(options.logFolder, 'log-start-offset-checkpoint');
  }

  /** Opens all topics, recovers them, publishes their ends. Returns what was found, per topic. */
  open(): Record<string, RecoveryReport> {
    const { disk, logFolder, ends } = this.options;
    disk.makeFolder(logFolder);
    this.identity = this.readIdentity();
    const points = readCheckpoint(disk, this.recoveryPoints);
    const reports: Record<string, RecoveryReport> = {};
    for (const topic of ends.topics) {
      const folder = topicFolder(logFolder, topic);
      const log = new TopicLog(disk, folder, this.identity.epoch, this.options.segmentBytes);
      this.topics.set(topic, log);
      const report = log.open(points.get(topic) ?? 0, this.options.lostAndFound, this.options.stamp);
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
   * Appends a group of batches and makes all of it durable; publishes the new ends. Answers in the order of the requests: a base offset, or a fault. A failed write or sync
   * is final: nothing is ever acknowledged after it, since nobody knows what reached the disk.
   */
  commit(requests: readonly AppendRequest[]): (number | FaultMessage)[] {
    if (this.failure !== undefined) return requests.map(() => this.failure ?? 0);
    const answers: (number | FaultMessage)[] = [];
    const touched = new Set<TopicLog>();
    try {
      for (const request of requests) {
        const log = this.topics.get(request.topic);
        if (log === undefined) {
          answers.push(toFaultMessage(new Fault('log-topic-unknown', request.topic)));
          continue;
        }
        answers.push(log.stage(request.batch, request.records));
        touched.add(log);
      }
      for (const log of touched) log.write();
      for (const log of touched) log.sync();
      this.saveRecoveryPoints();
    } catch (error) {
      this.failure = { code: 'log-write-failed', detail: messageOf(error) };
      return requests.map(() => this.failure ?? 0);
    }
    for (const log of touched) this.options.ends.publish(log.topic, log.end);
    this.options.ends.notify();
    return answers;
  }

  private saveRecoveryPoints(): void {
    const logs = [...this.topics.values()];
    if (!logs.some((log) => log.recoveryPointDue)) return;
    const points = new Map(logs.map((log) => [log.topic, log.recoveryPoint]));
    writeCheckpoint(this.options.disk, this.recoveryPoints, points);
    for (const log of logs) log.recoveryPointDue = false;
  }

  private saveStarts(): void {
    const starts = new Map([...this.topics.values()].map((log) => [log.topic, log.start]));
    writeCheckpoint(this.options.disk, this.logStarts, starts);
  }

  /** Notes what consumers still need. */
  hold(holds: Holds): void {
    this.holds = holds;
  }

  /** Deletes the oldest complete segments that nobody needs until the log is within its budget. Returns whether it is. */
  retain(): boolean {
    if (this.failure !== undefined) return true;
    try {
      while (this.bytes > this.options.budgetBytes) {
        const victim = this.victim();
        if (victim === undefined) return false;
        const newStart = victim.oldest?.endOffset ?? victim.start;
        this.options.ends.publish(victim.topic, victim.end, newStart);
        victim.dropOldest();
        this.saveStarts();
        this.options.ends.notify();
      }
    } catch (error) {
      this.failure = { code: 'log-write-failed', detail: messageOf(error) };
    }
    return true;
  }

  /** The largest topic whose oldest segment nobody needs. */
  private victim(): TopicLog | undefined {
    let best: TopicLog | undefined;
    for (const log of this.topics.values()) {
      const { oldest } = log;
      if (oldest === undefined || oldest.endOffset > (this.holds[log.topic] ?? Infinity)) continue;
      if (best === undefined || log.bytes > best.bytes) best = log;
    }
    return best;
  }

  /** Clean stop: everything synced and trimmed, recovery points at the end. After a failure nothing is touched. */
  close(): void {
    if (this.failure !== undefined) return;
    for (const log of this.topics.values()) log.close();
    this.saveRecoveryPoints();
  }
}

function parseIdentity(file: string, bytes: Uint8Array): LogIdentity {
  const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (typeof parsed === 'object' && parsed !== null && 'logId' in parsed && 'epoch' in parsed) {
    const { logId, epoch } = parsed;
    if (typeof logId === 'string' && typeof epoch === 'number') return { v: 1, logId, epoch };
  }
  throw new Fault('data-unreadable', `${file} does not name a log.`);
}

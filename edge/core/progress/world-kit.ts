import type { Clock } from '../clock.ts';
import { CrashDisk, PowerFailure, type Random } from '../kit/crash-disk.ts';
import type { Disk } from '../disk.ts';
import { DurableEnds } from '../durable-ends.ts';
import { fromFaultMessage } from '../fault.ts';
import { type AppendRequest, TestLogWriter } from '../kit/log-kit.ts';
import type { Producer } from '../producer.ts';

/** When a world begins: 2026-03-01T12:00:00Z. */
export const START_MS = Date.UTC(2026, 2, 1, 12);

interface HeldBatch extends AppendRequest {
  readonly resolve: (offset: number) => void;
  readonly reject: (error: Error) => void;
}

/** The batches of one life on their way to the log. */
class HeldBatches implements Producer {
  readonly held: HeldBatch[] = [];
  alive = true;

  get pending(): number {
    return this.held.length;
  }

  append(topic: string, batch: Uint8Array, records: number): Promise<number> {
    return new Promise((answered, refused) => {
      // Nobody answers the dead.
      const resolve = (offset: number): void => void (this.alive && answered(offset));
      const reject = (error: Error): void => void (this.alive && refused(error));
      if (this.alive) this.held.push({ topic, batch: batch.slice(), records, resolve, reject });
    });
  }

  writable(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.alive = false;
  }
}

/** For tests: a log on a disk that loses power, and a clock that stands until it is moved. The log commits when the test says so. */
export class CrashWorld {
  readonly logFolder = '/data/log';
  /** As the life that runs sees it. */
  disk: Disk;
  private readonly wholeDisk = new CrashDisk();
  ms = START_MS;
  readonly clock: Clock = { nowMs: () => this.ms, nowUs: () => this.ms * 1000, monotonicMs: () => this.ms };
  /** Of the life that runs. */
  producer: Producer;
  ends: DurableEnds;
  /** There was an earlier life since the power came. */
  isRestarted = false;
  private batches = new HeldBatches();
  /** What the last life has left on the way. */
  private left: HeldBatch[] = [];
  private writer: TestLogWriter;
  private opens = 0;
  private readonly topics: readonly string[];

  constructor(topics: readonly string[]) {
    this.topics = topics;
    this.producer = this.batches;
    this.ends = DurableEnds.create(topics);
    this.disk = diskOf(this.wholeDisk, this.batches);
    this.wholeDisk.makeFolder('/data');
    this.writer = this.open();
  }

  private open(): TestLogWriter {
    this.ends = DurableEnds.create(this.topics);
    const writer = new TestLogWriter({
      disk: this.wholeDisk,
      logFolder: this.logFolder,
      lostAndFound: '/data/lost+found',
      ends: this.ends,
      segmentBytes: 3000,
      budgetBytes: 1e9,
      newLogId: 'crash',
      stamp: String(this.opens++),
    });
    writer.open();
    return writer;
  }

  get hasPower(): boolean {
    return this.wholeDisk.callsLeft > 0;
  }

  /** The power fails after so many calls of the disk. */
  failAfter(calls: number): void {
    this.wholeDisk.callsLeft = calls;
  }

  /** Appends to the input, durably if the power lasts. */
  append(topic: string, batch: Uint8Array, records: number): void {
    this.writer.append([{ topic, batch, records }]);
  }

  /** Commits what the consumer appended; its answers have been handled when this resolves. */
  async commit(): Promise<void> {
    const held = [...this.left.splice(0), ...this.batches.held.splice(0)];
    const answers = held.length === 0 ? [] : this.writer.append(held);
    for (const [i, answer] of answers.entries())
      if (typeof answer === 'number') held[i]?.resolve(answer);
      else held[i]?.reject(fromFaultMessage(answer));
    await turn();
  }

  /** Commits whatever comes until a promise is settled, or the power has failed. */
  async until(promise: Promise<void> | void): Promise<void> {
    const state = { settled: false };
    const watched = settle(promise, state);
    // Awaited below, or nobody hears of it.
    watched.catch(() => undefined);
    await turn();
    while (!state.settled && this.hasPower) await this.commit();
    if (state.settled) await watched;
  }

  /** A new process for the consumer. Of what the last one appended so many batches are on their way: the log takes them with its next commit. */
  newProcess(onTheWay: number): void {
    this.producer.close();
    this.left.push(...this.batches.held.splice(0, onTheWay));
    this.isRestarted = true;
    this.begin();
  }

  private begin(): void {
    this.batches = new HeldBatches();
    this.producer = this.batches;
    this.disk = diskOf(this.wholeDisk, this.batches);
  }

  /** The power fails, and comes back: the log is opened again on what the disk has kept. */
  crash(random: Random): void {
    this.producer.close();
    this.wholeDisk.crash(random);
    this.writer = this.open();
    this.left = [];
    this.isRestarted = false;
    this.begin();
  }
}

/** The disk as a process sees it: one that was killed changes nothing any more. */
function diskOf(disk: Disk, life: HeldBatches): Disk {
  return new Proxy(disk, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        if (!life.alive) throw new PowerFailure('the process is gone');
        return Reflect.apply(member, target, args);
      };
    },
  });
}

async function settle(promise: Promise<void> | void, state: { settled: boolean }): Promise<void> {
  try {
    await promise;
  } finally {
    state.settled = true;
  }
}

/** Resolves when everything that is ready to go on has gone on. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../edge/core/clock.ts';
import { DurableEnds } from '../edge/core/durable-ends.ts';
import { assert, errnoOf, Fault, messageOf, toFaultMessage } from '../edge/core/fault.ts';
import { answerTo } from './answer.ts';
import { Follower } from './follower.ts';
import type { HistorianNotice, HistorianRequest, HistorianWorkerData, Question } from './protocol.ts';
import { SharedProgress } from './shared-progress.ts';
import { Store } from './store.ts';
import { Turns } from './turns.ts';

/** How often it is looked whether the memtable has waited long enough. */
const TICK_MS = 1000;

/** The thread around the store: one loop follows the log, questions are answered between its turns. */
class HistorianWorker {
  private readonly store: Store;
  private readonly follower: Follower;
  private readonly port: MessagePort;
  private readonly turns = new Turns(systemClock());
  private readonly stopping = new AbortController();

  constructor(data: HistorianWorkerData, port: MessagePort) {
    this.port = port;
    const clock = systemClock();
    this.store = new Store({
      folder: data.folder,
      log: { logId: data.logId, epoch: data.epoch },
      clock,
      report: (fault) => this.post({ type: 'report', fault: toFaultMessage(fault) }),
      ...(data.memtableBytes === null ? {} : { memtableBytes: data.memtableBytes }),
      ...(data.flushAfterMs === null ? {} : { flushAfterMs: data.flushAfterMs }),
    });
    this.follower = new Follower({
      store: this.store,
      logFolder: data.logFolder,
      ends: new DurableEnds(data.ends),
      topics: data.progress.topics,
      clock,
      shared: new SharedProgress(data.progress),
      onGap: (gap) => this.post({ type: 'gap', gap }),
    });
  }

  /** Runs until `stop` or until something fails; then the thread ends. */
  async run(): Promise<void> {
    const tick = setInterval(() => this.follower.wake(), TICK_MS);
    try {
      this.openStore();
      this.follower.open();
      this.post({ type: 'opened' });
      await this.follower.run(this.stopping.signal);
      await this.store.close();
      this.post({ type: 'stopped' });
    } catch (error) {
      this.post({ type: 'failed', fault: toFaultMessage(error) });
      // A merge that went on would keep the thread, and with it the historian's next start, waiting.
      await this.store.close();
    } finally {
      clearInterval(tick);
      this.port.close();
    }
  }

  /** A disk that has died says so in the words of the system. */
  private openStore(): void {
    try {
      this.store.open();
    } catch (error) {
      if (error instanceof Fault || errnoOf(error) === undefined) throw error;
      throw new Fault('historian-write-failed', messageOf(error), { cause: error });
    }
  }

  async receive(request: HistorianRequest): Promise<void> {
    if (request.type === 'stop') return this.stopping.abort();
    const { id, question } = request;
    try {
      if (question.ask === 'flush') await this.follower.flushSoon();
    } catch (error) {
      return this.post({ type: 'refusal', id, fault: toFaultMessage(error) });
    }
    this.turns.add(() => this.answer(id, question));
  }

  private answer(id: number, question: Question): void {
    try {
      const { answer, transfer } = answerTo(this.store, question);
      this.post({ type: 'answer', id, answer }, transfer);
    } catch (error) {
      this.post({ type: 'refusal', id, fault: toFaultMessage(error) });
    }
  }

  private post(notice: HistorianNotice, transfer: readonly ArrayBuffer[] = []): void {
    this.port.postMessage(notice, transfer);
  }
}

const port = parentPort;
assert(port !== null, 'the historian runs as a worker thread');
const worker = new HistorianWorker(workerData as HistorianWorkerData, port);
port.on('message', (request: HistorianRequest) => void worker.receive(request));
void worker.run();

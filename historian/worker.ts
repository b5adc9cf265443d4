import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../edge/core/clock.ts';
import { DurableEnds } from '../edge/core/durable-ends.ts';
import { assert, toFaultMessage } from '../edge/core/fault.ts';
import { answerTo } from './answer.ts';
import { Care, type CareQuestion } from './store/care.ts';
import { Follower } from './follow/follower.ts';
import type { HistorianNotice, HistorianRequest, HistorianWorkerData, Question } from './protocol.ts';
import { SharedProgress } from './follow/shared-progress.ts';
import { Store } from './store/store.ts';
import { Turns } from './turns.ts';

/** How often it is looked whether the memtable has waited long enough. */
const TICK_MS = 1000;

/** The thread around the store: one loop follows the log, questions are answered between its turns. */
class HistorianWorker {
  private readonly store: Store;
  private readonly follower: Follower;
  private readonly care: Care;
  private careTold = '';
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
      retentionMs: data.retentionMs,
      rollupsMs: data.rollupsMs,
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
    this.care = new Care({
      store: this.store,
      follower: this.follower,
      logFolder: data.logFolder,
      ends: new DurableEnds(data.ends),
      clock,
      onRepair: (report) => this.post({ type: 'repaired', report }),
      report: (fault) => this.post({ type: 'report', fault: toFaultMessage(fault) }),
    });
  }

  /** Runs until `stop` or until something fails; then the thread ends. */
  async run(): Promise<void> {
    const tick = setInterval(() => this.tick(), TICK_MS);
    try {
      this.store.open();
      this.follower.open();
      this.tellCare();
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

  private tick(): void {
    this.care.tick();
    this.follower.wake();
    this.tellCare();
  }

  private tellCare(): void {
    const care = this.care.state;
    const text = JSON.stringify(care);
    if (text === this.careTold) return;
    this.careTold = text;
    this.post({ type: 'care', care });
  }

  async receive(request: HistorianRequest): Promise<void> {
    if (request.type === 'stop') return this.stopping.abort();
    if (request.type === 'believe') return this.care.believe(request.nowMs);
    const { id, question } = request;
    if (question.ask === 'erase' || question.ask === 'erased' || question.ask === 'rebuild')
      return this.work(id, question);
    try {
      if (question.ask === 'flush') await this.follower.flushSoon();
    } catch (error) {
      return this.post({ type: 'refusal', id, fault: toFaultMessage(error) });
    }
    this.turns.add(() => this.answer(id, question));
  }

  private async work(id: number, question: CareQuestion): Promise<void> {
    try {
      const answer = await this.care.work(question, (progress) => this.post({ type: 'progress', id, progress }));
      this.tellCare();
      this.post({ type: 'answer', id, answer });
    } catch (error) {
      this.post({ type: 'refusal', id, fault: toFaultMessage(error) });
    }
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

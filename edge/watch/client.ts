import { MessageChannel } from 'node:worker_threads';
import type { StandingAlarm } from '../alarms/alarm.ts';
import type { AlarmAction } from '../alarms/book.ts';
import { Fault, fromFaultMessage } from '../core/fault.ts';
import type { Log } from '../core/log.ts';
import { stateTopic } from '../core/progress/snapshot.ts';
import { Thread } from '../core/thread.ts';
import { HISTORY_TOPICS } from '../core/topics.ts';
import type { TopicGap } from '../core/reader.ts';
import type { TagRegistrar } from '../tags/registrar.ts';
import type {
  LimitAlarm,
  ScoreNotice,
  UnreadableNotice,
  WaitingNotice,
  WatchCommand,
  WatchedModel,
  WatchNotice,
  WatchWorkerData,
  WrittenNotice,
} from './messages.ts';

/** What the watch is started with. */
export interface WatchOptions {
  readonly site: string;
  readonly log: Log;
  readonly registrar: TagRegistrar;
  readonly alarms: readonly LimitAlarm[];
  readonly models: readonly WatchedModel[];
  /** `data/models` */
  readonly modelFolder: string;
  readonly onWritten: (notice: WrittenNotice) => void;
  readonly onScore: (notice: ScoreNotice) => void;
  readonly onWaiting: (notice: WaitingNotice) => void;
  readonly onUnreadable: (notice: UnreadableNotice) => void;
  /** Alarms and models do not see samples that the log does not have. */
  readonly onGap?: (gap: TopicGap) => void;
  /** A model cannot be loaded or does not work. */
  readonly onModelFailed: (model: string, fault: Fault) => void;
}

interface Waiting {
  readonly resolve: (alarm: StandingAlarm | null) => void;
  readonly reject: (fault: Fault) => void;
}

const EVERYTHING = Object.fromEntries([...HISTORY_TOPICS, 'events', stateTopic('alarms')].map((topic) => [topic, 0]));
/** Actions of operators under way. */
const MAX_WAITING = 100;

/** The main thread's handle of alarms and models: a part for a supervisor. */
export class WatchClient {
  private readonly options: WatchOptions;
  private readonly waiting = new Map<number, Waiting>();
  /** Active version, by model. */
  private readonly active = new Map<string, string>();
  private readonly thread: Thread<WatchCommand, WatchNotice>;
  private nextRequest = 1;
  private runs = 0;
  /** Alarms that are not NORM, the newest first; while the worker is started again, as they were. */
  alarms: readonly StandingAlarm[] = [];
  /** Until the worker has found out where it is, the log keeps everything for it. */
  private held: Readonly<Record<string, number>> = EVERYTHING;
  /** Whether the worker has said once what stands: until then nobody knows. */
  told = false;

  constructor(options: WatchOptions) {
    this.options = options;
    this.thread = new Thread({
      name: 'watch',
      script: new URL('./worker.ts', import.meta.url),
      onNotice: (notice) => this.note(notice),
    });
  }

  /** Starts the worker. Settles when it ends: rejects with `worker-failed` and why if it was not told to. */
  async run(): Promise<void> {
    const { site, log, registrar, alarms, models, modelFolder } = this.options;
    const producer = log.producerPort();
    const tags = new MessageChannel();
    registrar.serve(tags.port1);
    const data: WatchWorkerData = {
      site,
      logFolder: log.folder,
      ends: log.ends.shared,
      producer,
      tags: tags.port2,
      alarms,
      models,
      modelFolder,
      active: this.active,
      restarted: this.runs++ > 0,
    };
    try {
      await this.thread.run(data, [producer.life, tags.port2]);
    } finally {
      tags.port1.close();
      for (const { reject } of this.waiting.values()) reject(new Fault('not-ready', 'Alarms are not watched now.'));
      this.waiting.clear();
    }
  }

  /** For each topic the offset from which on the log must be kept. */
  holds(): Readonly<Record<string, number>> {
    return this.held;
  }

  private note(notice: WatchNotice): void {
    if (notice.type === 'failed') this.thread.failed(fromFaultMessage(notice.fault));
    else if (notice.type === 'alarms') {
      this.alarms = notice.items;
      this.told = true;
    } else if (notice.type === 'holds') this.held = notice.holds;
    else if (notice.type === 'score') this.options.onScore(notice);
    else if (notice.type === 'waiting') this.options.onWaiting(notice);
    else if (notice.type === 'written') this.options.onWritten(notice);
    else if (notice.type === 'unreadable') this.options.onUnreadable(notice);
    else if (notice.type === 'gap') this.options.onGap?.(notice.gap);
    else if (notice.type === 'model-failed') {
      this.active.delete(notice.model);
      this.options.onModelFailed(notice.model, fromFaultMessage(notice.fault));
    } else if (notice.type === 'acted') this.settle(notice.request)?.resolve(notice.alarm);
    else if (notice.type === 'refused') this.settle(notice.request)?.reject(fromFaultMessage(notice.fault));
  }

  private settle(request: number): Waiting | undefined {
    const waiting = this.waiting.get(request);
    this.waiting.delete(request);
    return waiting;
  }

  /** An operator's action; resolves with the alarm when it is durable, or null: it is NORM now. Throws `alarm-unknown`, `alarm-state`, `not-ready`. */
  act(alarm: string, action: AlarmAction): Promise<StandingAlarm | null> {
    const { alarms, models } = this.options;
    if (alarms.length + models.length === 0) return Promise.reject(new Fault('alarm-unknown', alarm.slice(0, 200)));
    if (!this.thread.running) return Promise.reject(new Fault('not-ready', 'Alarms are not watched now.'));
    if (this.waiting.size >= MAX_WAITING)
      return Promise.reject(new Fault('not-ready', `${MAX_WAITING} actions are under way.`));
    const request = this.nextRequest++;
    return new Promise((resolve, reject) => {
      this.waiting.set(request, { resolve, reject });
      this.thread.post({ type: 'act', request, alarm, action });
    });
  }

  /** Has a version of a model score from now on. */
  activate(model: string, version: string): void {
    this.active.set(model, version);
    this.thread.post({ type: 'activate', model, version });
  }

  /** Ends the worker; what happened to alarms is on record then. */
  stop(): Promise<void> {
    return this.thread.stop({ type: 'stop' });
  }
}

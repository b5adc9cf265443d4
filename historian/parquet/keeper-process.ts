import { fileURLToPath } from 'node:url';
import { Fault, fromFaultMessage } from '../../edge/core/fault.ts';
import { OwnProcess } from '../own-process.ts';
import type { PendingErasure } from './cold-rows.ts';
import type { KeeperJob, KeeperNotice, KeeperRequest, KeeperState } from './keeper-messages.ts';

const MAIN = fileURLToPath(new URL('./keeper-child.ts', import.meta.url));
/** JavaScript's memory of the process. */
const HEAP_MB = 512;

interface Waiting {
  resolve(): void;
  reject(fault: Fault): void;
}

/** The process that keeps a cold tier, as its gateway sees it; when it has ended, `run` starts it again. */
export class KeeperProcess {
  private readonly onState: (state: KeeperState) => void;
  private child: OwnProcess<KeeperRequest> | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;

  constructor(onState: (state: KeeperState) => void) {
    this.onState = onState;
  }

  /** Runs until `stop`. Throws `worker-failed` when the process has ended by itself. */
  async run(job: KeeperJob): Promise<void> {
    const options = { heapMb: HEAP_MB };
    const child = OwnProcess.start<KeeperRequest>(MAIN, (notice: KeeperNotice) => this.take(notice), options);
    this.child = child;
    // Keys stand in it: not in the environment or the arguments, where others could read them.
    child.post({ type: 'job', job });
    const how = await child.ended;
    const isMeant = this.child === undefined;
    this.child = undefined;
    for (const waiting of this.waiting.values()) waiting.reject(new Fault('not-ready', `The cold tier: ${how}.`));
    this.waiting.clear();
    if (!isMeant) throw new Fault('worker-failed', `The cold tier: ${how}`);
  }

  /** Ends the process: a day that is being written is written again at the next start. */
  stop(): void {
    const { child } = this;
    this.child = undefined;
    child?.kill();
  }

  /** Has it look now whether there is something to put away. */
  look(): void {
    this.child?.post({ type: 'look' });
  }

  /** Takes the erased samples out of the tier. Throws `not-ready`, `file-unwritable`, `data-unreadable`, `historian-damaged`. */
  erase(erasure: PendingErasure): Promise<void> {
    const { child } = this;
    if (child === undefined) return Promise.reject(new Fault('not-ready', 'The cold tier is not kept now.'));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      child.post({ type: 'erase', id, erasure });
    });
  }

  private take(notice: KeeperNotice): void {
    if (notice.type === 'state') return this.onState(notice.state);
    const waiting = this.waiting.get(notice.id);
    this.waiting.delete(notice.id);
    if (notice.fault === null) waiting?.resolve();
    else waiting?.reject(fromFaultMessage(notice.fault));
  }
}

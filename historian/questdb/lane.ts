import { Fault } from '../../edge/core/fault.ts';
import type { QuestdbHttp } from './http.ts';
import { LineBuffer } from './ilp.ts';
import { MAX_BAD_LINES } from './limits.ts';

/** Whom a lane tells. */
export interface LaneWatch {
  /** A request was acknowledged: so many rows. */
  readonly onAcknowledged: (rows: number) => void;
  /** A row was taken out because the server cannot take it. */
  readonly onRefused: (row: string, why: string) => void;
  /** It cannot go on. */
  readonly onFailed: (fault: Fault) => void;
}

interface Waiter {
  readonly upTo: number;
  readonly resolve: () => void;
}

/** Rows on their way over one connection, in order: one request is under way while the next one is filled. Its memory is two requests. */
export class Lane {
  private filling: LineBuffer;
  /** Undefined: under way. */
  private spare: LineBuffer | undefined;
  private readonly db: QuestdbHttp;
  private readonly watch: LaneWatch;
  private appended = 0;
  private acknowledged = 0;
  private waiters: Waiter[] = [];
  /** What has been added so far is to go, though the request is not full. */
  private wanted = 0;
  private isOld = false;

  constructor(db: QuestdbHttp, watch: LaneWatch, newBuffer: () => LineBuffer = () => new LineBuffer()) {
    this.db = db;
    this.watch = watch;
    this.filling = newBuffer();
    this.spare = newBuffer();
  }

  /** True: nothing may be added before there is room. */
  get full(): boolean {
    return this.filling.full && this.spare === undefined;
  }

  /** A request is under way. */
  get isSending(): boolean {
    return this.spare === undefined;
  }

  /** Where the next row goes; `added` is to be called then. */
  get buffer(): LineBuffer {
    return this.filling;
  }

  /** A row was added to the buffer. */
  added(): void {
    this.appended++;
    if (this.filling.full) this.sendNext();
  }

  /** Sends what is there without waiting for more. */
  push(): void {
    this.wanted = this.appended;
    this.sendNext();
  }

  /** A connection of its own for what comes: as long as one lasts, the server keeps files of the table's log that it has written over it. */
  renew(): void {
    if (this.isSending) this.isOld = true;
    else this.db.close();
  }

  /** Resolves when all that was added so far is acknowledged; never, when the lane has failed. */
  drained(): Promise<void> {
    this.push();
    const upTo = this.appended;
    if (this.acknowledged >= upTo) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ upTo, resolve }));
  }

  private sendNext(): void {
    const { filling, spare } = this;
    const isWanted = filling.full || this.appended - filling.lines < this.wanted;
    if (spare === undefined || filling.lines === 0 || !isWanted) return;
    this.filling = spare;
    this.spare = undefined;
    void this.deliver(filling);
  }

  private async deliver(buffer: LineBuffer): Promise<void> {
    const rows = buffer.lines;
    try {
      await this.send(buffer);
    } catch (error) {
      return this.watch.onFailed(error instanceof Fault ? error : new Fault('internal', String(error)));
    }
    if (this.isOld) this.db.close();
    this.isOld = false;
    const sent = buffer.lines;
    buffer.reset();
    this.spare = buffer;
    this.acknowledged += rows;
    this.waiters = this.waiters.filter((waiter) => {
      if (waiter.upTo > this.acknowledged) return true;
      waiter.resolve();
      return false;
    });
    if (sent > 0) this.watch.onAcknowledged(sent);
    this.sendNext();
  }

  /** One bad row rejects its whole request: it is taken out, and the rest goes again. */
  private async send(buffer: LineBuffer): Promise<void> {
    for (let bad = 0; buffer.lines > 0; bad++) {
      const refusal = await this.db.write(buffer.content);
      if (refusal === undefined) return;
      const { status, message, line } = refusal;
      const isOfLine = status === 400 && line !== null && line >= 1 && line <= buffer.lines;
      if (!isOfLine || bad === MAX_BAD_LINES)
        throw new Fault('questdb-refused', `${message} (HTTP ${status}, ${buffer.lines} rows)`);
      this.watch.onRefused(buffer.remove(line - 1), message);
    }
  }
}

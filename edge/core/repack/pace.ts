import type { DurableEnds } from '../durable-ends.ts';

/** Share of one core that repacking takes at most: the priority of its thread decides whether it gets so much. */
export const REPACK_SHARE = 0.1;
/** The same for erasing: somebody waits for it. */
export const ERASE_SHARE = 0.25;
/** More records a second than this are beyond what a gateway logs all day (100,000 tags at 1 Hz): the writer has the machine to itself. */
const BUSY_RECORDS_PER_MS = 200;
/** A step in so much time while the writer is busy: 0.5 %. */
const BUSY_PAUSE_MS = 250;

/** How much rest such work takes between two steps: nine times the CPU time of the step for a tenth of a core, more while a lot is logged. */
export class RepackPace {
  private readonly ends: DurableEnds;
  private readonly share: number;
  private records: number;
  private lastMs: number;

  constructor(ends: DurableEnds, share: number, nowMs: number) {
    this.ends = ends;
    this.share = share;
    this.records = this.logged;
    this.lastMs = nowMs;
  }

  private get logged(): number {
    return this.ends.topics.reduce((sum, topic) => sum + this.ends.end(topic), 0);
  }

  /** Milliseconds to rest after a step that took so much CPU time and ended now. */
  rest(cpuMs: number, nowMs: number): number {
    const { logged } = this;
    const isBusy = logged - this.records > BUSY_RECORDS_PER_MS * (nowMs - this.lastMs);
    this.records = logged;
    this.lastMs = nowMs;
    const rest = cpuMs * (1 / this.share - 1);
    return isBusy ? Math.max(rest, BUSY_PAUSE_MS) : rest;
  }
}

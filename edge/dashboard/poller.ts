/** Asks again and again while it is switched on, one request of a kind at a time. */
export class Poller {
  private readonly task: () => Promise<void>;
  private readonly everyMs: number;
  private timer: number | undefined;
  private on = false;
  private underWay = false;

  constructor(everyMs: number, task: () => Promise<void>) {
    this.everyMs = everyMs;
    this.task = task;
  }

  /** `task` reports its own errors. */
  start(): void {
    if (this.on) return;
    this.on = true;
    this.now();
  }

  stop(): void {
    this.on = false;
    window.clearTimeout(this.timer);
  }

  /** Asks at once. */
  now(): void {
    if (!this.on || this.underWay) return;
    window.clearTimeout(this.timer);
    this.underWay = true;
    void this.task().finally(() => {
      this.underWay = false;
      if (this.on) this.timer = window.setTimeout(() => this.now(), this.everyMs);
    });
  }
}

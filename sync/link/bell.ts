/** Lets one loop wait until something happens: a ring that comes while nobody waits is heard by the next `wait`. */
export class Bell {
  private rung = false;
  private waiter: (() => void) | undefined;

  ring(): void {
    this.rung = true;
    this.waiter?.();
  }

  /** Resolves at the next ring, or after `limitMs`. Only one may wait at a time. */
  wait(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.waiter?.(), limitMs);
      this.waiter = () => {
        clearTimeout(timer);
        this.waiter = undefined;
        this.rung = false;
        resolve();
      };
      if (this.rung) this.waiter();
    });
  }
}

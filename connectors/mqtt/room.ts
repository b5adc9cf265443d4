/** Who waits for room. */
export interface Waiter {
  /** There is room again. */
  resume(): void;
}

/** A bound on bytes that many share, with those who wait for it, first come first served. */
export class Room {
  private readonly limit: number;
  private used = 0;
  private readonly waiting = new Map<Waiter, number>();
  private wakeUp: NodeJS.Immediate | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes that are taken. */
  get taken(): number {
    return this.used;
  }

  /** Whether anything at all is free; nobody goes ahead of those who wait. */
  get open(): boolean {
    return this.used < this.limit && this.waiting.size === 0;
  }

  /** Takes bytes whether they are free or not. */
  take(bytes: number): void {
    this.used += bytes;
  }

  /** Takes bytes if they are free, and nobody waits for some. */
  tryTake(bytes: number): boolean {
    if (this.waiting.size > 0 || this.used + bytes > this.limit) return false;
    this.used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.used -= bytes;
    if (this.waiting.size > 0) this.wakeUp ??= setImmediate(() => this.wake());
  }

  /** Waits until so many bytes are free, which are then taken for the waiter; with 0, until anything is. */
  wait(waiter: Waiter, bytes: number): void {
    this.waiting.set(waiter, bytes);
  }

  leave(waiter: Waiter): void {
    if (this.waiting.delete(waiter) && this.waiting.size > 0) this.wakeUp ??= setImmediate(() => this.wake());
  }

  private wake(): void {
    this.wakeUp = undefined;
    for (const [waiter, bytes] of this.waiting) {
      if (this.used >= this.limit || this.used + bytes > this.limit) return;
      this.waiting.delete(waiter);
      this.used += bytes;
      // Fills the room at once, so that the next one sees what is left.
      waiter.resume();
    }
  }
}

/** Lets steps with the same key run one after the other, in the order in which they were asked for. It holds only what still runs. */
export class Turns {
  private readonly last = new Map<string, Promise<unknown>>();

  /** Runs `step` when every earlier one of that key has ended, well or badly. */
  async take<T>(key: string, step: () => Promise<T>): Promise<T> {
    const before = this.last.get(key) ?? Promise.resolve();
    const turn = before.then(step, step);
    this.last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.last.get(key) === turn) this.last.delete(key);
    }
  }
}

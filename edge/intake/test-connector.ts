import type { Batch, Connector, Reading } from '../../connectors/contract.ts';

/** For tests: a connector whose source is the test. */
export class TestConnector implements Connector {
  /** What `open` does, else nothing. */
  onOpen: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  onClose: () => Promise<void> = () => Promise.resolve();
  onAcknowledge: () => void = () => undefined;
  readonly calls: string[] = [];
  readonly acknowledged: number[] = [];
  private readonly batches: Batch[] = [];
  private given = 0;
  private waiting: { readonly resolve: (batch: Batch) => void; readonly reject: (error: Error) => void } | undefined;
  private broken: Error | undefined;

  async open(signal: AbortSignal): Promise<void> {
    this.calls.push('open');
    await this.onOpen(signal);
  }

  read(): Promise<Batch> {
    const batch = this.batches.shift();
    if (batch !== undefined) return Promise.resolve(batch);
    if (this.broken !== undefined) return Promise.reject(this.broken);
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
  }

  async close(): Promise<void> {
    this.calls.push(`close after ${this.acknowledged.length}`);
    this.break(new DOMException('closed', 'AbortError'));
    await this.onClose();
  }

  /** Gives a batch to whoever reads; its number stands in `acknowledged` when it is. */
  give(...readings: Reading[]): void {
    const number = this.given++;
    const acknowledge = (): void => {
      this.onAcknowledge();
      this.acknowledged.push(number);
    };
    const batch: Batch = { readings, acknowledge };
    if (this.waiting === undefined) this.batches.push(batch);
    else this.waiting.resolve(batch);
    this.waiting = undefined;
  }

  /** From now on `read` rejects. */
  break(error: Error): void {
    this.broken = error;
    this.waiting?.reject(error);
    this.waiting = undefined;
  }
}

import { site, type Gateway } from '../end-to-end/gateway.ts';
import { settledLedger } from '../end-to-end/ledger.ts';
import { historyByHttp } from '../end-to-end/history.ts';
import { MqttDevice } from '../end-to-end/mqtt-device.ts';

const tag = `${site}/under/load/count`;
const FIRST_MS = Date.parse('2026-01-01T00:00:00Z');
const EVERY_MS = 2;

/** A device that counts, one message every two milliseconds, and sends again what was not acknowledged. */
export class SteadyDevice implements AsyncDisposable {
  readonly device: MqttDevice;
  private readonly sent: Promise<void>[] = [];
  private timer: NodeJS.Timeout | undefined;
  private next = 0;

  constructor(port: number) {
    this.device = new MqttDevice({ port, clientId: 'steady' });
  }

  start(): this {
    this.device.start();
    this.timer = setInterval(() => this.send(), EVERY_MS);
    return this;
  }

  private send(): void {
    // What waits while nothing is acknowledged has a bound.
    if (this.device.pending > 5000) return;
    const value = this.next++;
    const payload = `{"timestamp":"${new Date(FIRST_MS + value).toISOString()}","value":${value}}`;
    this.sent.push(this.device.publish('plant/under/load/count', payload));
  }

  get acknowledged(): number {
    return this.device.acknowledged;
  }

  /** Waits until more was acknowledged than at the call. */
  async acknowledgedMore(gateway: Gateway): Promise<void> {
    const before = this.acknowledged;
    await gateway.until('messages are acknowledged', () => this.acknowledged > before + 20);
  }

  /** Sends nothing new and waits until all of it is acknowledged. Returns the values that the gateway does not have once. */
  async finish(gateway: Gateway): Promise<{ missing: number[]; twice: number[] }> {
    clearInterval(this.timer);
    await Promise.all(this.sent);
    await settledLedger(gateway);
    const found = await historyByHttp(gateway, [tag]);
    const times = new Uint32Array(this.next);
    // Where the connection was lost there is a null.
    for (const { value } of found) if (value !== null) times[Number(value)] = (times[Number(value)] ?? 0) + 1;
    const values = Array.from(times.keys());
    return {
      missing: values.filter((value) => times[value] === 0),
      twice: values.filter((value) => (times[value] ?? 0) > 1),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.timer);
    for (const sent of this.sent) sent.catch(() => undefined);
    await this.device.end();
  }
}

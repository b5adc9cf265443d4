import { MqttDevice } from './mqtt-device.ts';

/** A device that does everything right while others do not, and measures how long it waits for each PUBACK. */
export class GoodDevice {
  readonly device: MqttDevice;
  readonly latenciesMs: number[] = [];
  sent = 0;
  private readonly topic: string;
  private readonly startUs = (Date.now() - 3_600_000) * 1000;
  private timer: NodeJS.Timeout | undefined;
  private failure: unknown;

  constructor(port: number, topic: string) {
    this.topic = topic;
    this.device = new MqttDevice({ port, clientId: 'good', window: 1000 });
  }

  /** Publishes every `everyMs`. */
  start(everyMs: number): this {
    this.device.start();
    this.timer = setInterval(() => this.publish(), everyMs);
    return this;
  }

  /** Device time of a message, µs. */
  timeUs(number: number): number {
    return this.startUs + number * 1000;
  }

  private publish(): void {
    const number = this.sent++;
    const startMs = performance.now();
    this.device
      .publish(this.topic, `{"timestamp":${this.timeUs(number)},"value":${number}.25}`)
      .then(() => this.latenciesMs.push(performance.now() - startMs))
      .catch((error: unknown) => (this.failure ??= error));
  }

  /** Publishes no more; throws where a message could not be handed over. */
  stop(): void {
    clearInterval(this.timer);
    if (this.failure !== undefined) throw new Error('the good device failed', { cause: this.failure });
  }
}

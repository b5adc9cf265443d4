import { GiveUp, waitFor } from '../services/wait.ts';
import type { DeviceMessage, MqttDevice } from './mqtt-device.ts';

/** A message of the load: its number is its value, and the device's time where it gives one. */
export interface LoadDevice {
  readonly device: MqttDevice;
  /** Topic without the tag's last level. */
  readonly topic: string;
  readonly qos: 1 | 2;
  /** Tags that take turns. */
  readonly tags: number;
  /** Packet ids of the messages, in order. */
  readonly packetIds: number[];
  /** µs of message 0; null: the payload has no time. */
  readonly startUs: number | null;
}

/** Publishes at a steady rate from several devices until it is stopped; what cannot be sent waits in the devices. */
export class Load {
  readonly devices: readonly LoadDevice[];
  private readonly sent: number[];
  private readonly perDeviceMs: number;
  private timer: NodeJS.Timeout | undefined;
  private startMs = 0;
  private unsettled = 0;
  private failure: unknown;
  /** Messages that a device may have in hand, so that an outage does not gather more than can be caught up. */
  private static readonly maxPending = 500;

  /** `rate`: messages/s over all devices. */
  constructor(devices: readonly LoadDevice[], rate: number) {
    this.devices = devices;
    this.sent = devices.map(() => 0);
    this.perDeviceMs = rate / devices.length / 1000;
  }

  start(): void {
    this.startMs = performance.now();
    this.timer = setInterval(() => this.due(), 5);
  }

  /** Messages that were handed to the devices. */
  get total(): number {
    return this.sent.reduce((sum, count) => sum + count, 0);
  }

  /** Of one device. */
  count(index: number): number {
    return this.sent[index] ?? 0;
  }

  private due(): void {
    const nowMs = performance.now();
    const share = (nowMs - this.startMs) * this.perDeviceMs;
    this.startMs = nowMs;
    this.unsettled += share;
    const count = Math.floor(this.unsettled);
    this.unsettled -= count;
    for (const [index, { device }] of this.devices.entries()) {
      for (let n = 0; n < count && device.pending < Load.maxPending; n++) this.publish(index);
    }
  }

  private publish(index: number): void {
    const one = this.devices[index];
    if (one === undefined) return;
    const number = this.sent[index] ?? 0;
    this.sent[index] = number + 1;
    const { topic, payload } = messageOf(one, number);
    one.device.publish(topic, payload, one.qos).catch((error: unknown) => (this.failure ??= error));
  }

  /** Publishes nothing new; resolves when every message is acknowledged. */
  async stop(limitMs: number): Promise<void> {
    clearInterval(this.timer);
    const inHand = (): string => this.devices.map(({ device }) => `${device.clientId} ${device.pending}`).join(', ');
    try {
      await waitFor('every message is acknowledged', () => this.settled(), limitMs);
    } catch (error) {
      throw new Error(`not acknowledged: ${inHand()}`, { cause: error });
    }
  }

  private settled(): boolean {
    if (this.failure !== undefined) throw new GiveUp('a device failed', { cause: this.failure });
    return this.devices.every(({ device }) => device.pending === 0);
  }
}

/** Message `number` of a device. Each value occurs once, so that nothing but a resend looks like another message. */
export function messageOf(
  { topic, tags, startUs }: LoadDevice,
  number: number,
): Pick<DeviceMessage, 'topic' | 'payload'> & { readonly tag: string } {
  const tag = `t${number % tags}`;
  const time = startUs === null ? '' : `"timestamp":${startUs + number},`;
  return { topic: `${topic}/${tag}`, payload: `{${time}"value":${number}.5}`, tag };
}

/** The number of the message whose payload this is. */
export function numberOf(payload: string | Uint8Array): number {
  const match = /"value":(\d+)\.5}$/.exec(typeof payload === 'string' ? payload : '');
  if (match === null) throw new Error(`no payload of the load: ${String(payload)}`);
  return Number(match[1]);
}

import { connect, type MqttClient } from 'mqtt';
import type { Device } from './device.ts';
import type { Readings } from './plant.ts';
import type { ProtocolServer } from './protocol-server.ts';

/** Messages that a device keeps while it cannot send; beyond it the oldest is let go and counted. Two hours at one a second. */
const maxKept = 7200;
/** Messages that a device has on the way unacknowledged. */
const maxOnTheWay = 20;
const reconnectMs = 1000;

/** Boxes that tell the time as text; the others tell it as a number of milliseconds. */
const textTime = new Set(['vibration', 'frame']);

/** The MQTT sensor boxes: each with a connection of its own, QoS 1, in order. */
export class MqttDevices implements ProtocolServer {
  readonly address: string;
  private readonly boxes: ReadonlyMap<Device, MqttBox>;

  /** @param broker `HOST:PORT` */
  constructor(broker: string, devices: readonly Device[]) {
    this.address = broker;
    const own = devices.filter(({ protocol }) => protocol === 'mqtt');
    this.boxes = new Map(own.map((device) => [device, new MqttBox(broker, device)]));
  }

  get running(): boolean {
    return [...this.boxes.values()].some((box) => box.running);
  }

  async start(): Promise<void> {
    for (const box of this.boxes.values()) box.start();
    return Promise.resolve();
  }

  /** Switches the boxes off: what they kept is lost with them. */
  async stop(): Promise<void> {
    await Promise.all([...this.boxes.values()].map((box) => box.stop()));
  }

  take(device: Device, readings: Readings): void {
    const box = this.boxes.get(device);
    if (box?.running === true) box.send(messageOf(device, readings));
  }

  /** Messages that the broker acknowledged, that wait, and that were let go, of all boxes. */
  counts(): { readonly acknowledged: number; readonly kept: number; readonly lost: number } {
    const boxes = [...this.boxes.values()];
    const sum = (of: (box: MqttBox) => number): number => boxes.reduce((total, box) => total + of(box), 0);
    return {
      acknowledged: sum((box) => box.acknowledged),
      kept: sum((box) => box.kept),
      lost: sum((box) => box.lost),
    };
  }
}

/** `{"time":…,"vibration-de":1.23,…}`: one time for all values of a box, by its own clock. */
export function messageOf(device: Device, readings: Readings): string {
  const ms = Math.floor((readings.timesUs[device.first] ?? 0) / 1000);
  const time = textTime.has(device.name) ? new Date(ms).toISOString() : ms;
  const values = device.signals.map(({ name }, nr) => [name, readings.values[device.first + nr]]);
  return JSON.stringify(Object.fromEntries([['time', time], ...values]));
}

/** A sensor box with its connection: connects again by itself, keeps what it could not send, in order. */
class MqttBox {
  acknowledged = 0;
  lost = 0;
  private readonly broker: string;
  private readonly topic: string;
  private readonly clientId: string;
  private readonly waiting: string[] = [];
  private onTheWay = 0;
  private client: MqttClient | undefined;

  constructor(broker: string, device: Device) {
    this.broker = broker;
    this.topic = `plant/${device.asset}/${device.name}`;
    this.clientId = this.topic.replaceAll('/', '-');
  }

  get running(): boolean {
    return this.client !== undefined;
  }

  get kept(): number {
    return this.waiting.length + this.onTheWay;
  }

  start(): void {
    if (this.client !== undefined) return;
    const client = connect(`mqtt://${this.broker}`, {
      clientId: this.clientId,
      protocolVersion: 4,
      reconnectPeriod: reconnectMs,
      connectTimeout: 5000,
      keepalive: 15,
      queueQoSZero: false,
    });
    client.on('connect', () => this.flush());
    // A broker that is away or refuses is an everyday thing: the client tries again after `reconnectMs`.
    client.on('error', () => undefined);
    this.client = client;
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.lost += this.kept;
    this.waiting.length = 0;
    this.onTheWay = 0;
    await client?.endAsync(true);
  }

  send(message: string): void {
    if (this.waiting.length >= maxKept) {
      this.waiting.shift();
      this.lost++;
    }
    this.waiting.push(message);
    this.flush();
  }

  private flush(): void {
    const client = this.client;
    if (client === undefined) return;
    while (client.connected && this.onTheWay < maxOnTheWay) {
      const message = this.waiting.shift();
      if (message === undefined) return;
      this.onTheWay++;
      client.publish(this.topic, message, { qos: 1 }, (error) => this.settle(client, message, error));
    }
  }

  /** What was on the way when the connection broke is sent again by the client itself; an error comes only if that was given up. */
  private settle(client: MqttClient, message: string, error: unknown): void {
    if (client !== this.client) return;
    this.onTheWay--;
    if (error === undefined || error === null) this.acknowledged++;
    else this.waiting.unshift(message);
    this.flush();
  }
}

import { connect, type Socket } from 'node:net';
import mqtt, { type Packet } from 'mqtt-packet';

export interface DeviceOptions {
  readonly port: number;
  readonly clientId: string;
  /** Messages that may be unacknowledged at a time; 50 unless told. */
  readonly window?: number;
  /** Told of each acknowledged message, at once. */
  readonly onAcknowledged?: (deviceMessage: DeviceMessage) => void;
}

/** A message of QoS 1 or 2, until it is acknowledged. */
export interface DeviceMessage {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly qos: 1 | 2;
  /** The same each time it is sent; 0 before. */
  packetId: number;
  /** How often it was sent. */
  sends: number;
  /** Of QoS 2: PUBREC has come, so that only PUBREL may be sent again. */
  received: boolean;
  readonly settle: () => void;
  readonly fail: (error: Error) => void;
}

const retryMs = 25;
const maxPacketId = 65_535;

/**
 * A device as MQTT 3.1.1 wants it (sections 4.3 and 4.4): it connects again when the connection ends, then sends again what was not acknowledged, in order and with DUP,
 * before anything new. Written on a raw socket so that a test decides when it reads, what it resends and how much is on the way.
 */
export class MqttDevice implements AsyncDisposable {
  readonly clientId: string;
  acknowledged = 0;
  /** PUBLISH packets that were sent with DUP. */
  resent = 0;
  connections = 0;
  private readonly options: DeviceOptions;
  private readonly window: number;
  private readonly inFlight = new Map<number, DeviceMessage>();
  private readonly waiting: DeviceMessage[] = [];
  private socket: Socket | undefined;
  private online = false;
  private deaf = false;
  private ended = false;
  private nextId = 1;
  private retry: NodeJS.Timeout | undefined;

  constructor(options: DeviceOptions) {
    this.options = options;
    this.clientId = options.clientId;
    this.window = options.window ?? 50;
  }

  /** Connects, and again whenever the connection ends. */
  start(): this {
    this.connect();
    return this;
  }

  /** Messages that were handed over and are not acknowledged yet. */
  get pending(): number {
    return this.inFlight.size + this.waiting.length;
  }

  /** Hands a message over; resolves when it is acknowledged, over however many connections; rejects when the broker refuses the device. */
  publish(topic: string, payload: string | Uint8Array, qos: 1 | 2 = 1): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(new Error(`${this.clientId} has ended`));
      this.waiting.push({ topic, payload, qos, packetId: 0, sends: 0, received: false, settle: resolve, fail: reject });
      this.send();
    });
  }

  /** Sends a message of QoS 0, if it is connected now: nobody will say whether it arrived. */
  publishUnacknowledged(topic: string, payload: string | Uint8Array, retain = false): void {
    if (!this.online) throw new Error(`${this.clientId} is not connected`);
    this.write({ cmd: 'publish', topic, payload: bufferOf(payload), qos: 0, dup: false, retain });
  }

  /** From now to the end of this connection acknowledgements are lost on their way: what they speak of will be sent again. */
  loseAcknowledgements(): void {
    this.deaf = true;
  }

  /** Breaks the connection without a word; it connects again. */
  breakConnection(): void {
    this.socket?.destroy();
  }

  /** Breaks the connection without a word and connects no more. */
  vanish(): void {
    this.ended = true;
    clearTimeout(this.retry);
    this.socket?.destroy();
  }

  /** Says goodbye and connects no more. What is not acknowledged stays so. */
  async end(): Promise<void> {
    this.ended = true;
    clearTimeout(this.retry);
    const { socket } = this;
    if (socket === undefined || socket.destroyed) return;
    if (this.online) this.write({ cmd: 'disconnect' });
    // Not `once` of node:events: a connection that was about to be refused closes too, with an error.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.destroySoon();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  private connect(): void {
    const socket = connect({ port: this.options.port, host: '127.0.0.1', noDelay: true });
    const parser = mqtt.parser({ protocolVersion: 4 });
    this.socket = socket;
    this.deaf = false;
    parser.on('packet', (packet) => this.take(packet));
    parser.on('error', (error: Error) => socket.destroy(error));
    socket.on('connect', () => {
      // A session that is kept (clean: false) is what makes sending again legal.
      const { clientId } = this.options;
      this.write({ cmd: 'connect', clientId, clean: false, keepalive: 60, protocolId: 'MQTT', protocolVersion: 4 });
    });
    socket.on('data', (bytes) => {
      if (!this.deaf) parser.parse(bytes);
    });
    // Why it ended says nothing that its end does not say.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.online = false;
      if (!this.ended) this.retry = setTimeout(() => this.connect(), retryMs);
    });
  }

  private take(packet: Packet): void {
    if (packet.cmd === 'connack') this.resume(packet.returnCode ?? 0);
    else if (packet.cmd === 'puback' || packet.cmd === 'pubcomp') this.settle(packet.messageId ?? 0);
    else if (packet.cmd === 'pubrec') this.release(packet.messageId ?? 0);
  }

  /** Connected: first what was not acknowledged, in order, then what is new. */
  private resume(returnCode: number): void {
    if (returnCode !== 0) return this.giveUp(new Error(`${this.clientId} was refused with code ${returnCode}`));
    this.connections++;
    this.online = true;
    for (const [id, message] of this.inFlight) {
      if (message.received) this.write({ cmd: 'pubrel', messageId: id, qos: 1 } as Packet);
      else this.sendMessage(id, message);
    }
    this.send();
  }

  /** A refused device would be refused again: it connects no more, and nothing that it has in hand will be acknowledged. */
  private giveUp(error: Error): void {
    this.vanish();
    for (const message of [...this.inFlight.values(), ...this.waiting.splice(0)]) message.fail(error);
    this.inFlight.clear();
  }

  private settle(id: number): void {
    const message = this.inFlight.get(id);
    if (message === undefined) return;
    this.inFlight.delete(id);
    this.acknowledged++;
    this.options.onAcknowledged?.(message);
    message.settle();
    this.send();
  }

  private release(id: number): void {
    const message = this.inFlight.get(id);
    if (message !== undefined) message.received = true;
    this.write({ cmd: 'pubrel', messageId: id, qos: 1 } as Packet);
  }

  /** Sends what waits, as far as the window goes. */
  private send(): void {
    while (this.online && this.inFlight.size < this.window) {
      const message = this.waiting.shift();
      if (message === undefined) return;
      const id = this.freeId();
      message.packetId = id;
      this.inFlight.set(id, message);
      this.sendMessage(id, message);
    }
  }

  private sendMessage(messageId: number, message: DeviceMessage): void {
    const dup = message.sends > 0;
    message.sends++;
    if (dup) this.resent++;
    const { topic, payload, qos } = message;
    this.write({ cmd: 'publish', topic, payload: bufferOf(payload), qos, dup, retain: false, messageId });
  }

  private freeId(): number {
    while (this.inFlight.has(this.nextId)) this.nextId = (this.nextId % maxPacketId) + 1;
    const id = this.nextId;
    this.nextId = (id % maxPacketId) + 1;
    return id;
  }

  private write(packet: Packet): void {
    const { socket } = this;
    if (socket !== undefined && !socket.destroyed) socket.write(mqtt.generate(packet));
  }
}

function bufferOf(payload: string | Uint8Array): Buffer {
  return typeof payload === 'string'
    ? Buffer.from(payload)
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}

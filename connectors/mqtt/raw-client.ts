import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet';
import { vi } from 'vitest';

const WAIT = { timeout: 10_000, interval: 5 };

/** For tests: an MQTT client that does nothing by itself, so that it can do what a client must not. */
export class RawClient {
  readonly socket: Socket;
  /** Packets that came, in order. */
  readonly received: Packet[] = [];
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    const packets = parser();
    packets.on('packet', (packet: Packet) => this.received.push(packet));
    socket.on('data', (chunk) => packets.parse(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.closed = true;
    });
  }

  /** A TCP connection, nothing said. */
  static async dial({ port }: { readonly port: number }): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** A connection on which CONNECT was answered. */
  static async connect(address: { readonly port: number }, packet: Partial<IConnectPacket> = {}): Promise<RawClient> {
    const client = await RawClient.dial(address);
    client.send(connectPacket(packet));
    await client.next('connack');
    return client;
  }

  send(...packets: Packet[]): void {
    this.write(Buffer.concat(packets.map((packet) => generate(packet))));
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Waits for a packet of a kind, and takes it out of `received`. */
  async next<C extends Packet['cmd']>(cmd: C): Promise<Extract<Packet, { cmd: C }>> {
    await vi.waitUntil(() => this.count(cmd) > 0, WAIT);
    const [packet] = this.received.splice(
      this.received.findIndex((each) => each.cmd === cmd),
      1,
    );
    return packet as Extract<Packet, { cmd: C }>;
  }

  count(cmd: Packet['cmd']): number {
    return this.received.filter((packet) => packet.cmd === cmd).length;
  }

  /** Packet ids of the packets of a kind that came. */
  ids(cmd: Packet['cmd']): (number | undefined)[] {
    return this.received.filter((packet) => packet.cmd === cmd).map(({ messageId }) => messageId);
  }

  /** Resolves when the broker has read and answered all that was sent, but for what it holds back. */
  async settle(): Promise<void> {
    this.send({ cmd: 'pingreq' });
    await this.next('pingresp');
  }

  /** Waits until the broker has closed the connection. */
  async ended(): Promise<void> {
    await vi.waitUntil(() => this.closed, WAIT);
  }

  /** Ends without a word. */
  destroy(): void {
    this.socket.destroy();
  }
}

/** CONNECT of MQTT 3.1.1, with a clean session unless it says otherwise. */
export function connectPacket(packet: Partial<IConnectPacket> = {}): IConnectPacket {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId: 'raw',
    keepalive: 0,
    ...packet,
  };
}

/** PUBLISH with a packet id. */
export function publishPacket(
  messageId: number,
  topic: string,
  payload: string | Buffer,
  more: { qos?: 0 | 1 | 2; dup?: boolean; retain?: boolean } = {},
): Packet {
  return { cmd: 'publish', topic, payload, qos: 1, dup: false, retain: false, messageId, ...more };
}

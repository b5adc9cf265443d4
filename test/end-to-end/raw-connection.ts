import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import mqtt from 'mqtt-packet';

/** A connection that keeps no rules: a test writes what it likes. */
export interface RawConnection {
  readonly socket: Socket;
  /** Writes, as far as the other side takes it. */
  write(bytes: Uint8Array): void;
  readonly isClosed: () => boolean;
}

/** Connects without a word. */
export async function connectRaw(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  // How it ends is what the tests look at.
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'connect');
  return { socket, write: (bytes) => socket.write(bytes), isClosed: () => socket.closed };
}

/** Connects as an MQTT client; resolves after CONNACK. */
export async function connectRawMqtt(port: number, clientId: string): Promise<RawConnection> {
  const connection = await connectRaw(port);
  connection.write(mqtt.generate({ cmd: 'connect', clientId, clean: true, keepalive: 60, protocolVersion: 4 }));
  await once(connection.socket, 'data');
  return connection;
}

/** A PUBLISH packet of QoS 1. */
export function publishPacket(topic: string, payload: Uint8Array, messageId = 1): Buffer {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  return mqtt.generate({ cmd: 'publish', topic, payload: bytes, qos: 1, messageId, dup: false, retain: false });
}

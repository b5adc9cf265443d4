import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { FramingName } from './config.ts';
import { crc16 } from './crc16.ts';

/** For tests: a question as it came, and ways to answer it or not. */
export interface Asked {
  readonly socket: Socket;
  /** 0 in RTU framing. */
  readonly transaction: number;
  readonly unit: number;
  readonly code: number;
  readonly address: number;
  readonly count: number;
  /** The right answer: each register holds its address. */
  readonly right: Buffer;
}

/** A server whose every byte the test decides. Ended when the test ends. */
export interface RawServer {
  readonly port: number;
  readonly asked: readonly Asked[];
  readonly connections: ReadonlySet<Socket>;
  /** What is done with each question; as at the beginning: the right answer. */
  answer: (asked: Asked) => void;
}

export async function startRawServer(framing: FramingName = 'tcp'): Promise<RawServer> {
  const asked: Asked[] = [];
  const connections = new Set<Socket>();
  const rig = { port: 0, asked, connections, answer: ({ socket, right }: Asked): void => void socket.write(right) };
  const server = createServer((socket) => {
    connections.add(socket);
    let rest = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('close', () => connections.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      const length = framing === 'tcp' ? 12 : 8;
      for (; rest.length >= length; rest = rest.subarray(length)) {
        const one = askedOf(socket, rest, framing);
        asked.push(one);
        rig.answer(one);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rig.port = (server.address() as AddressInfo).port;
  onTestFinished(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  return rig;
}

function askedOf(socket: Socket, bytes: Buffer, framing: FramingName): Asked {
  const transaction = framing === 'tcp' ? bytes.readUInt16BE(0) : 0;
  const request = framing === 'tcp' ? bytes.subarray(6) : bytes;
  const [unit, code] = [request.readUInt8(0), request.readUInt8(1)];
  const [address, count] = [request.readUInt16BE(2), request.readUInt16BE(4)];
  const registers = Buffer.alloc(2 * count);
  for (let i = 0; i < count; i++) registers.writeUInt16BE(address + i, 2 * i);
  const pdu = [code, 2 * count, ...registers];
  const right = framing === 'tcp' ? frame(transaction, unit, pdu) : rtuFrame(unit, pdu);
  return { socket, transaction, unit, code, address, count, right };
}

/** A frame of Modbus RTU. */
export function rtuFrame(unit: number, pdu: readonly number[]): Buffer {
  const crc = crc16(Uint8Array.of(unit, ...pdu));
  return Buffer.of(unit, ...pdu, crc & 0xff, crc >> 8);
}

/** A frame of Modbus TCP. */
export function frame(transaction: number, unit: number, pdu: readonly number[]): Buffer {
  const header = Buffer.alloc(7);
  header.writeUInt16BE(transaction, 0);
  header.writeUInt16BE(pdu.length + 1, 4);
  header.writeUInt8(unit, 6);
  return Buffer.concat([header, Buffer.from(pdu)]);
}

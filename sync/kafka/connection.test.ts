import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { Fault } from '../../edge/core/fault.ts';
import { waitFor } from '../../test/services/wait.ts';
import { tcp } from './address.ts';
import { initProducerId } from './apis/init-producer-id.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import type { Call } from './deadline.ts';
import { FrameAssembler } from './protocol/frames.ts';

/** A request as the peer sees it. */
interface Asked {
  key: number;
  correlationId: number;
}

/** What a real broker cannot be made to do: the peer answers as the test says. Requests come in order, one at a time. */
type Script = (asked: Asked, socket: Socket) => void;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function peer(script: Script): Promise<{ port: number; sockets: Socket[]; asked: Asked[] }> {
  const sockets: Socket[] = [];
  const asked: Asked[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    const frames = new FrameAssembler(10_000_000);
    socket.on('error', () => undefined); // the other side may cut the line
    socket.on('data', (chunk) => {
      for (const frame of frames.push(chunk)) {
        const view = new DataView(frame.buffer, frame.byteOffset);
        const one = { key: view.getInt16(0), correlationId: view.getInt32(4) };
        if (one.key === 18) answer(socket, one.correlationId, versions);
        else {
          asked.push(one);
          script(one, socket);
        }
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return { port: (server.address() as AddressInfo).port, sockets, asked };
}

/** ApiVersions 3: no error; InitProducerId 0 to 1; no throttle, no tags. */
const versions = '0000 02 0016 0000 0001 00 00000000 00';

/** InitProducerId 1: no throttle, no error, this producer id, epoch 0. */
function producerId(id: number): string {
  return `00000000 0000 ${id.toString(16).padStart(16, '0')} 0000`;
}

function answer(socket: Socket, correlationId: number, body: string): void {
  const bytes = Buffer.from(body.replaceAll(' ', ''), 'hex');
  const head = Buffer.alloc(8);
  head.writeInt32BE(4 + bytes.length);
  head.writeInt32BE(correlationId, 4);
  socket.write(Buffer.concat([head, bytes]));
}

async function connected(port: number, options: Partial<ConnectionOptions> = {}): Promise<Connection> {
  const address = { host: '127.0.0.1', port };
  const connection = new Connection({ address, connect: tcp, clientId: 'test', softwareVersion: '1', ...options });
  cleanups.push(async () => connection.close());
  await connection.open(within(5000));
  return connection;
}

const within = (timeoutMs: number, signal = new AbortController().signal): Call => ({ timeoutMs, signal });
const ask = (connection: Connection, call: Call = within(5000)): Promise<number> =>
  connection
    .request(initProducerId, { transactionalId: null, transactionTimeoutMs: 1 }, call)
    .then(({ producerId: id }) => Number(id));

/** Code of the fault that a promise ends in. */
const faultOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no fault',
    (error: unknown) => (error instanceof Fault ? error.code : error),
  );

test('answers find their requests by correlation id, in whatever order they come', async () => {
  const { port } = await peer(
    (() => {
      const held: number[] = [];
      return ({ correlationId }, socket) => {
        held.push(correlationId);
        if (held.length === 3) for (const id of held.toReversed()) answer(socket, id, producerId(id));
      };
    })(),
  );
  const connection = await connected(port);
  // Correlation id 1 was ApiVersions.
  expect(await Promise.all([ask(connection), ask(connection), ask(connection)])).toEqual([2, 3, 4]);
});

test('no more requests than the bound are under way; the others follow in order', async () => {
  const { port, asked, sockets } = await peer(() => undefined);
  const connection = await connected(port, { maxInFlight: 2 });
  const answers = Promise.all([1, 2, 3, 4, 5].map(() => ask(connection)));
  for (let done = 0; done < 5; done++) {
    await waitFor('the next requests', () => asked.length === Math.min(5, done + 2));
    const socket = sockets[0];
    const next = asked[done];
    if (socket !== undefined && next !== undefined) answer(socket, next.correlationId, producerId(done));
  }
  expect(await answers).toEqual([0, 1, 2, 3, 4]);
});

test('no answer in time ends the connection and every request on it', async () => {
  const { port, sockets } = await peer(() => undefined);
  const connection = await connected(port);
  const other = faultOf(ask(connection));
  expect(await faultOf(ask(connection, within(50)))).toBe('kafka-timeout');
  expect(await other).toBe('kafka-timeout');
  expect(connection.alive).toBe(false);
  expect(await faultOf(ask(connection))).toBe('kafka-timeout');
  await waitFor('the socket to be closed', () => sockets[0]?.closed === true);
});

test('a request that waits for its turn in vain fails alone', async () => {
  const { port, asked } = await peer(() => undefined);
  const connection = await connected(port, { maxInFlight: 1 });
  const first = faultOf(ask(connection));
  expect(await faultOf(ask(connection, within(50)))).toBe('kafka-timeout');
  expect(connection.alive).toBe(true);
  expect(asked).toHaveLength(1);
  connection.close();
  expect(await first).toBe('kafka-disconnected');
});

test('an aborted call ends with the reason of its signal; the connection and the other calls go on', async () => {
  const { port, asked, sockets } = await peer(() => undefined);
  const connection = await connected(port, { maxInFlight: 1 });
  const controller = new AbortController();
  const sent = faultOf(ask(connection, within(5000, controller.signal)));
  const unsent = faultOf(ask(connection, within(5000, controller.signal)));
  const other = ask(connection);
  const reason = new Error('enough');
  controller.abort(reason);
  expect(await sent).toBe(reason);
  expect(await unsent).toBe(reason);
  await waitFor('the first request', () => asked.length === 1);
  for (const [index, socket] of [sockets[0], sockets[0]].entries()) {
    await waitFor('the next request', () => asked.length > index);
    if (socket !== undefined) answer(socket, asked[index]?.correlationId ?? -1, producerId(index));
  }
  expect(await other).toBe(1);
  expect(asked).toHaveLength(2);
  expect(await faultOf(ask(connection, within(5000, AbortSignal.abort(reason))))).toBe(reason);
});

test.each([
  ['an answer that nobody asked for', (id: number) => [id + 1, producerId(1)] as const, 'which nobody asked'],
  ['an answer that is too short', (id: number) => [id, '0000'] as const, 'InitProducerId: needs 4 bytes'],
  ['an answer with bytes left over', (id: number) => [id, `${producerId(1)}00`] as const, '1 bytes left over'],
])('%s ends the connection', async (_, reply, message) => {
  const { port } = await peer(({ correlationId }, socket) => answer(socket, ...reply(correlationId)));
  const connection = await connected(port);
  await expect(ask(connection)).rejects.toThrow(message);
  expect(connection.alive).toBe(false);
});

test('an answer above the bound ends the connection before it is read', async () => {
  const { port } = await peer((_, socket) => socket.write(Buffer.from('000003e9', 'hex')));
  const connection = await connected(port, { maxResponseBytes: 1000 });
  await expect(ask(connection)).rejects.toThrow('A response of 1001 bytes; the bound is 1000.');
});

test('a connection that the broker closes, in the middle of an answer or between two, is disconnected', async () => {
  const { port, sockets } = await peer((_, socket) => socket.end(Buffer.from('0000001000', 'hex')));
  const connection = await connected(port);
  expect(await faultOf(ask(connection))).toBe('kafka-disconnected');
  const idle = await connected(port);
  sockets[1]?.destroy();
  await waitFor('the end to be seen', () => !idle.alive);
  expect(await faultOf(ask(idle))).toBe('kafka-disconnected');
});

test('what is no broker is told from what is not there', async () => {
  const { port } = await peer(() => undefined);
  const web = createServer((socket) => {
    socket.on('error', () => undefined); // the other side hangs up
    socket.resume();
    socket.write('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  expect(await faultOf(connected((web.address() as AddressInfo).port))).toBe('kafka-protocol');
  web.close();
  await once(web, 'close');
  for (const cleanup of cleanups.splice(0)) await cleanup();
  expect(await faultOf(connected(port))).toBe('kafka-unreachable');
});

test('an API that the broker does not speak is named with the versions of both sides', async () => {
  const { port } = await peer(() => undefined);
  const connection = await connected(port);
  const newer = { ...initProducerId, min: 3 };
  await expect(
    connection.request(newer, { transactionalId: null, transactionTimeoutMs: 1 }, within(1000)),
  ).rejects.toThrow('InitProducerId: it speaks versions 0 to 1, we 3 to 4.');
  expect(connection.alive).toBe(true);
});

test('connecting ends with its time or its signal, also when the connect function does not heed them', async () => {
  const late = Promise.withResolvers<Socket>();
  const deaf = { address: { host: 'x', port: 1 }, connect: () => late.promise, clientId: 'c', softwareVersion: '1' };
  expect(await faultOf(new Connection(deaf).open(within(30)))).toBe('kafka-timeout');
  const reason = new Error('enough');
  const controller = new AbortController();
  const opening = faultOf(new Connection(deaf).open(within(5000, controller.signal)));
  controller.abort(reason);
  expect(await opening).toBe(reason);
  const { port, sockets } = await peer(() => undefined);
  const socket = await tcp({ host: '127.0.0.1', port }, new AbortController().signal);
  late.resolve(socket as Socket);
  await waitFor('the late stream to be closed', () => socket.destroyed && sockets[0]?.closed === true);
});

test('whatever bytes come back, every request ends', async () => {
  let noise: Uint8Array = new Uint8Array(0);
  const { port } = await peer((_, socket) => socket.end(noise));
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      noise = bytes;
      const connection = await connected(port);
      expect(['kafka-protocol', 'kafka-disconnected']).toContain(await faultOf(ask(connection)));
      expect(connection.alive).toBe(false);
    }),
    { numRuns: 100 },
  );
});

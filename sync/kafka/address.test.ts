import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePort } from '../../test/services/wait.ts';
import { formatAddress, parseAddress, tcpBy } from './address.ts';

test.each([
  ['kafka.example.com:9093', 'kafka.example.com', 9093],
  ['127.0.0.1:1', '127.0.0.1', 1],
  ['[::1]:65535', '::1', 65_535],
])('%s is an address and is written the same way', (text, host, port) => {
  expect(parseAddress(text)).toEqual({ host, port });
  expect(formatAddress({ host, port })).toBe(text);
});

test.each(['', 'kafka', 'kafka:', ':9092', 'kafka:0', 'kafka:65536', '::1:9092', '[::1]', 'a:b:1', 'kafka:9x'])(
  '"%s" is none',
  (text) => {
    expect(() => parseAddress(text)).toThrow('not the address of a broker');
  },
);

test('of a name with several addresses, each one says why it cannot be reached; one that can is enough', async () => {
  const port = await freePort();
  const hosts = ['127.0.0.1', '127.0.0.2'];
  const connect = tcpBy((_name, _options, found) =>
    found(
      null,
      hosts.map((address) => ({ address, family: 4 })),
    ),
  );
  const address = { host: 'kafka.example.com', port };
  const { signal } = new AbortController();
  await expect(connect(address, signal)).rejects.toThrow(
    `connect ECONNREFUSED 127.0.0.1:${port}, connect ECONNREFUSED 127.0.0.2:${port}`,
  );
  const server = createServer((socket) => socket.resume()).listen(port, '127.0.0.2');
  await once(server, 'listening');
  (await connect(address, signal)).destroy();
  server.close();
  await once(server, 'close');
});

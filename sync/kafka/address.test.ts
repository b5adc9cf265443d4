import { expect, test } from 'vitest';
import { formatAddress, parseAddress } from './address.ts';

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

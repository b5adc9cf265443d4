import { expect, test } from 'vitest';
import { formatAddress, isLoopback, parseAddress } from './address.ts';

test.each([
  ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
  ['[::1]:8080', { host: '::1', port: 8080 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
  ['kafka-1.example.com:9092', { host: 'kafka-1.example.com', port: 9092 }],
])('%s is an address and is written the same', (text, address) => {
  expect(parseAddress(text)).toEqual(address);
  expect(formatAddress(address)).toBe(text);
});

test.each([
  '',
  '8080',
  ':8080',
  'host',
  'host:',
  'host:65536',
  '1.2.3:80',
  '256.0.0.1:80',
  '::1:80',
  '[::1]',
  '[x]:80',
  'a b:80',
  'http://x:80',
  '-a:80',
])('%j is none', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test('loopback is 127.0.0.0/8, ::1 in any form, and localhost', () => {
  const hosts = ['127.0.0.1', '127.255.0.9', '::1', '0:0:0:0:0:0:0:1', 'LocalHost'];
  expect(hosts.filter(isLoopback)).toEqual(hosts);
  const others = ['0.0.0.0', '10.0.0.1', '::', '::2', 'localhost.example.com', '127.0.0.1.example.com', '128.0.0.1'];
  expect(others.filter(isLoopback)).toEqual([]);
});

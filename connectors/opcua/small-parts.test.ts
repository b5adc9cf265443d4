import * as fc from 'fast-check';
import { NodeId } from 'node-opcua-client';
import { expect, test } from 'vitest';
import { NODE_ID } from './config.ts';
import { nodeIdText, parseNodeId, resolveNodeId } from './node-id.ts';
import { PathPattern } from './path-pattern.ts';
import { numbersOf, Sequence } from './sequence.ts';

test('a node id names its namespace by URI', () => {
  expect(parseNodeId('nsu=urn:a%3Bb;s=x;y=1')).toEqual({ uri: 'urn:a;b', kind: 's', identifier: 'x;y=1' });
  expect(parseNodeId('i=85')).toEqual({ uri: undefined, kind: 'i', identifier: '85' });
  for (const wrong of ['ns=2;s=x', 's=', 'i=4294967296', 'nsu=;s=x', 'g=1', 'x', 'nsu=%ZZ;s=x']) {
    expect([wrong, parseNodeId(wrong)]).toEqual([wrong, undefined]);
  }
});

test('every node id survives being written and read', () => {
  const namespaces = ['http://opcfoundation.org/UA/', 'urn:a', 'urn:b;c%d=é'];
  const id = fc.oneof(
    fc.nat(0xffff_ffff).map((value) => [1, value] as const),
    fc.string({ minLength: 1 }).map((value) => [2, value] as const),
    fc.uuid().map((value) => [3, value] as const),
    fc.uint8Array({ minLength: 1 }).map((value) => [4, Buffer.from(value)] as const),
  );
  fc.assert(
    fc.property(id, fc.nat(2), ([type, value], namespace) => {
      const nodeId = new NodeId(type, value, namespace);
      const text = nodeIdText(nodeId, namespaces);
      expect(text).toMatch(NODE_ID);
      const name = parseNodeId(text);
      const back = name === undefined ? undefined : resolveNodeId(name, namespaces);
      expect(back?.toString()).toBe(nodeId.toString());
    }),
  );
});

test.each([
  ['**', 'a/b/c', true],
  ['*', 'a', true],
  ['*', 'a/b', false],
  ['a/**', 'a', true],
  ['a/**', 'a/b/c', true],
  ['**/temp*', 'a/b/temp-1', true],
  ['**/temp*', 'temp', true],
  ['**/temp*', 'temp/x', false],
  ['a/**/c', 'a/c', true],
  ['a/**/c', 'a/x/y/c', true],
  ['a/**/c', 'a/x/y/d', false],
  ['a.b', 'axb', false],
  ['(a', '(a', true],
])('the pattern %s matches %s: %s', (pattern, path, expected) => {
  expect(new PathPattern(pattern).matches(path.split('/'))).toBe(expected);
});

test('missing numbers are counted, over the end of the numbers too; a keep-alive takes none', () => {
  const sequence = new Sequence();
  expect(sequence.take(1, true)).toEqual({ first: 1, count: 0 });
  expect(sequence.take(1, false)).toEqual({ first: 1, count: 0 });
  expect(sequence.take(2, false).count).toBe(0);
  expect(sequence.take(5, false)).toEqual({ first: 3, count: 2 });
  expect(sequence.take(8, true)).toEqual({ first: 6, count: 2 });
  expect(sequence.take(8, false).count).toBe(0);
  expect(sequence.take(4, false).count).toBe(0);
  expect(numbersOf({ first: 0xffff_fffe, count: 3 })).toEqual([0xffff_fffe, 0xffff_ffff, 1]);
});

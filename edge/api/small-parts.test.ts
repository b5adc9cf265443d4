import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkHost } from './host-check.ts';
import { negotiate } from './negotiate.ts';
import { Slots } from './slots.ts';
import { tagMatcher } from './tag-match.ts';

describe('what an Accept header takes', () => {
  const offered = ['application/json', 'text/csv'];

  test.each([
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['text/csv', 'text/csv'],
    ['TEXT/CSV; charset=utf-8', 'text/csv'],
    ['text/*', 'text/csv'],
    ['application/json;q=0.5, text/csv', 'text/csv'],
    ['text/csv;q=0.5, */*', 'application/json'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'application/json'],
    ['application/json;q=0, */*', 'text/csv'],
    ['application/vnd.apache.arrow.stream', undefined],
    ['text/csv;q=x', undefined],
  ])('%j: %s', (accept, type) => {
    expect(negotiate(accept, offered)).toBe(type);
  });
});

describe('tag patterns', () => {
  test.each([
    ['plant/a', 'plant/a', true],
    ['PLANT/A', 'plant/a', true],
    ['plant/*', 'plant/a', true],
    ['plant/*', 'plant/a/b', false],
    ['plant/**', 'plant/a/b', true],
    ['**', 'plant/a/b', true],
    ['**/temp', 'plant/a/b/temp', true],
    ['**/temp', 'plant/temp', true],
    ['**/b/**/d', 'a/b/b/c/d', true],
    ['**/b/**/d', 'a/c/d', false],
    ['plant/pump*/flow', 'plant/pump12/flow', true],
    ['plant/p*m*2/flow', 'plant/pump12/flow', true],
    ['plant/ab*ba', 'plant/aba', false],
    ['plant', 'plant/a', false],
    ['plant.*', 'plant/a', false],
  ])('%s on %s: %s', (pattern, path, fits) => {
    expect(tagMatcher(pattern)(path)).toBe(fits);
  });

  test('a pattern of many stars takes no longer than it should', () => {
    const pattern = Array.from({ length: 200 }, () => '**/a*a*a').join('/');
    const path = Array.from({ length: 16 }, () => 'aaaaaaaaaaaaaaa').join('/');
    const before = performance.now();
    for (let i = 0; i < 100; i++) expect(tagMatcher(pattern)(path)).toBe(false);
    expect(performance.now() - before).toBeLessThan(2000);
  });

  test('every path fits itself, and ** behind any of its beginnings', () => {
    const level = fc.stringMatching(/^[a-z]{1,4}$/);
    fc.assert(
      fc.property(fc.array(level, { minLength: 2, maxLength: 6 }), fc.nat(), (levels, at) => {
        const path = levels.join('/');
        expect(tagMatcher(path)(path)).toBe(true);
        expect(tagMatcher([...levels.slice(0, at % levels.length), '**'].join('/'))(path)).toBe(true);
      }),
    );
  });
});

describe('Host and Origin', () => {
  test.each([
    ['127.0.0.1:8080', undefined],
    ['localhost', undefined],
    ['LOCALHOST:9', undefined],
    ['[::1]:8080', undefined],
    ['gateway.plant:8080', undefined],
    ['localhost:8080', 'http://localhost:8080'],
    ['localhost:8443', 'https://localhost:8443'],
  ])('%s with origin %s passes', (host, origin) => {
    expect(() => checkHost(host, origin, 'gateway.plant')).not.toThrow();
  });

  test.each([
    [undefined, undefined],
    ['', undefined],
    ['evil.example:8080', undefined],
    ['127.0.0.1.evil.example', undefined],
    ['evil@127.0.0.1', undefined],
    ['0.0.0.0:8080', undefined],
    ['localhost:8080', 'http://evil.example'],
    ['localhost:8080', 'http://localhost:9090'],
    ['localhost:8080', 'null'],
    ['localhost:8080', ''],
  ])('%s with origin %s is refused', (host, origin) => {
    expect(() => checkHost(host, origin, 'gateway.plant')).toThrow(expect.objectContaining({ code: 'host-refused' }));
  });
});

test('one slot too many is refused, and a slot is given back once', () => {
  const slots = new Slots(2, 'answers');
  const release = slots.take();
  slots.take();
  expect(() => slots.take()).toThrow(expect.objectContaining({ code: 'too-many-requests' }));
  release();
  release();
  slots.take();
  expect(() => slots.take()).toThrow('2 answers are under way');
});

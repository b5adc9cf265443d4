import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { captures, checkTopicFilter, TopicTrie } from './topic-trie.ts';

function matches(filter: string, topic: string): boolean {
  const trie = new TopicTrie<string>();
  trie.add(filter, filter);
  return trie.match(topic.split('/')).length > 0;
}

describe('topic filters', () => {
  // MQTT 3.1.1, sections 4.7.1.2, 4.7.1.3 and 4.7.2.
  test.each([
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['#', 'a/b', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['#', '$SYS/monitor', false],
    ['+/monitor/Clients', '$SYS/monitor/Clients', false],
    ['$SYS/#', '$SYS/monitor', true],
    ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
    ['a/$b', 'a/$b', true],
    ['a/+', 'a/$b', true],
    ['A', 'a', false],
  ])('%s and %s', (filter, topic, expected) => {
    expect(matches(filter, topic)).toBe(expected);
  });

  test.each(['', 'a/#/b', 'a#', 'a+/b', 'x\u0000'])('%j is none', (filter) => {
    expect(checkTopicFilter(filter)).toBeTypeOf('string');
  });

  test('wildcards take levels, # the rest', () => {
    expect(captures(['plant', '+', '+', '#'], ['plant', 'a', 'b', 'c', 'd'])).toEqual([['a'], ['b'], ['c', 'd']]);
    expect(captures(['plant', '#'], ['plant'])).toEqual([[]]);
  });

  const level = fc.constantFrom('a', 'b', '', '$x', '+');
  const filters = fc
    .array(fc.tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.boolean()), { maxLength: 30 })
    .map((list) => list.map(([levels, rest]) => [...levels, ...(rest ? ['#'] : [])].join('/')));
  const topic = fc.array(fc.constantFrom('a', 'b', '', '$x'), { minLength: 1, maxLength: 5 });

  test('many filters give what each gives alone, also after some are taken away', () => {
    fc.assert(
      fc.property(filters, topic, fc.nat(30), (list, levels, removed) => {
        const trie = new TopicTrie<number>();
        for (const [i, filter] of list.entries()) trie.add(filter, i);
        for (const [i, filter] of list.slice(0, removed).entries()) trie.remove(filter, i);
        const expected = list.flatMap((filter, i) => (i >= removed && matchesPlainly(filter, levels) ? [i] : []));
        expect(trie.match(levels).toSorted((a, b) => a - b)).toEqual(expected);
      }),
    );
  });
});

/** The rules of section 4.7 as a regular expression. */
function matchesPlainly(filter: string, topic: readonly string[]): boolean {
  const pattern = filter
    .split('/')
    .map((level) => (level === '+' ? '[^/]*' : level === '#' ? '.*' : level.replace('$', '\\$')))
    .join('/')
    .replace(/\/\.\*$/, '(/.*)?');
  const wildFirst = /^[+#]/.test(filter);
  return !(wildFirst && topic[0]?.startsWith('$') === true) && new RegExp(`^${pattern}$`).test(topic.join('/'));
}

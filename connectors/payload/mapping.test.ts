import { describe, expect, test } from 'vitest';
import { compileMapping } from './mapping.ts';
import type { MappingConfig } from './mapping-config.ts';

describe('a mapping of the configuration', () => {
  test.each<MappingConfig>([
    { match: '#' },
    { match: 'plant/+/+/+', payload: 'json', tag: '{1}/{2}/{3}', value: '$.value', time: '$.timestamp' },
    {
      match: 'plant/+/state',
      prefix: 'hall/{1}',
      time: '$.ts',
      timeFormat: 'ms',
      retained: 'ignore',
      fields: { '$.temp': { tag: 'temperature', unit: 'Cel' }, '$.data.*': { tag: '{key}' } },
    },
    { match: 'a/#', tag: 'x/{1}', payload: 'text', type: 'uint16' },
    { match: 'a', time: '$.t', timezone: 'Europe/Berlin', quality: '$.q', qualityFormat: 'opc-da' },
  ])('is taken: %j', (config) => {
    expect(compileMapping(config).problems).toEqual([]);
  });

  test.each<[Partial<MappingConfig>, string]>([
    [{ match: 'a/#/b' }, 'match'],
    [{ tag: '{3}/x' }, 'tag'],
    [{ tag: '{0}' }, 'tag'],
    [{ tag: '{key}' }, 'tag'],
    [{ tag: 'a//b' }, 'tag'],
    [{ tag: 'a*b' }, 'tag'],
    [{ tag: '' }, 'tag'],
    [{ prefix: 'a/' }, 'prefix'],
    [{ tag: 'a', prefix: 'b' }, 'prefix'],
    [{ value: 'value' }, 'value'],
    [{ value: '$.*' }, 'value'],
    [{ time: '$.t[' }, 'time'],
    [{ timeFormat: 'ms' }, 'timeFormat'],
    [{ time: '$.t', timezone: 'Mars/Olympus' }, 'timezone'],
    [{ quality: 'q' }, 'quality'],
    [{ qualityFormat: 'status' }, 'qualityFormat'],
    [{ payload: 'text', time: '$.t' }, 'time'],
    [{ payload: 'text', value: '$' }, 'value'],
    [{ fields: {} }, 'fields'],
    [{ fields: { '$.a': { tag: 'a' } }, tag: 'x' }, 'tag'],
    [{ fields: { '$.a': { tag: 'a' } }, type: 'long' }, 'type'],
    [{ fields: { a: { tag: 'a' } } }, 'fields.a'],
    [{ fields: { '$.a': { tag: '{key}' } } }, 'fields.$.a.tag'],
    [{ fields: { '$.*': { tag: 'a' } } }, 'fields.$.*.tag'],
  ])('%j: the problem is %s', (config, key) => {
    const { problems } = compileMapping({ match: 'plant/+/+', ...config });
    expect(problems.map((problem) => problem.key.join('.'))).toEqual([key]);
    expect(problems[0]?.detail).toMatch(/.{5,}/);
  });

  test('all problems are told at once', () => {
    const { problems } = compileMapping({ match: '#/a', tag: '{9}', value: '$$', time: 'x', timezone: '?' });
    expect(problems.map(({ key }) => key[0])).toEqual(['match', 'tag', 'value', 'timezone', 'time']);
  });
});

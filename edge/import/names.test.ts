import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkTagPath } from '../core/tag-path.ts';
import type { ImportMap } from './map-schema.ts';
import { type GatewayTag, NameMap, ruleProblems } from './names.ts';

function names(tags: ImportMap['tags'], known: readonly GatewayTag[] = [], unmapped?: 'keep' | 'refuse'): NameMap {
  return new NameMap('northmill', { tags, unmapped }, new Map(known.map((tag) => [tag.path.toLowerCase(), tag])));
}

function pathOf(map: NameMap, name: string): string {
  const found = map.find(name);
  return 'refused' in found ? found.refused : found.path;
}

describe('a name of the export becomes a tag', () => {
  test('without a map it is one below the site, what no path may hold escaped', () => {
    const map = names(undefined);
    expect(pathOf(map, 'FIC101.PV')).toBe('northmill/FIC101.PV');
    expect(pathOf(map, 'northmill/press/force')).toBe('northmill/press/force');
    expect(pathOf(map, 'press/speed')).toBe('northmill/press/speed');
    expect(pathOf(map, String.raw`\\PI\FIC 102`)).toBe('northmill/%5C%5CPI%5CFIC 102');
  });

  test('by exact names, by patterns with captures, and not at all', () => {
    const map = names([
      { match: 'P*_FLOW', tag: 'utilities/pumps/pump{1}/flow' },
      { match: 'P7_FLOW', tag: 'utilities/seven' },
      { match: '*.*.*', tag: '{2}/{1}/{3}' },
      { match: '*_TEST', ignore: true },
    ]);
    expect(pathOf(map, 'P12_FLOW')).toBe('northmill/utilities/pumps/pump12/flow');
    expect(pathOf(map, 'P7_FLOW')).toBe('northmill/utilities/seven');
    expect(pathOf(map, 'a.b.c')).toBe('northmill/b/a/c');
    expect(pathOf(map, 'X_TEST')).toBe('ignored');
    expect(pathOf(map, 'other')).toBe('unmapped');
    expect(pathOf(names([{ match: 'a', tag: 'b' }], [], 'keep'), 'other')).toBe('northmill/other');
  });

  test('what could not be one tag is refused, with the reason', () => {
    const map = names(
      [
        { match: 'a*', tag: 'one' },
        { match: 'long', tag: 'x'.repeat(300) },
        { match: 'typed', tag: 'count', type: 'double' },
        { match: 'scaled', tag: 'count2', scale: 0.1 },
        { match: 'case', tag: 'Force' },
      ],
      [
        { path: 'northmill/count', type: 'long' },
        { path: 'northmill/count2', type: 'long' },
        { path: 'northmill/force', type: 'double' },
      ],
    );
    expect(pathOf(map, 'a1')).toBe('northmill/one');
    expect(pathOf(map, 'a2')).toBe('same-tag');
    expect(pathOf(map, 'long')).toBe('tag-too-long');
    expect(pathOf(map, 'typed')).toBe('type-differs');
    expect(pathOf(map, 'scaled')).toBe('type-differs');
    expect(pathOf(map, 'case')).toBe('case-conflict');
  });

  test('a tag that the gateway knows keeps its type', () => {
    const known = names(undefined, [{ path: 'northmill/a', type: 'float' }]).find('a');
    expect(known).toMatchObject({ isNew: false, declared: 'float' });
    expect(names(undefined).find('a')).toMatchObject({ isNew: true, declared: undefined });
  });

  test('any name is a tag or refused', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
        const found = names(undefined).find(name);
        expect(['bad-tag', 'tag-too-long', undefined]).toContain(
          'refused' in found ? found.refused : checkTagPath(found.path),
        );
        expect('path' in found && checkTagPath(found.path) !== undefined).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

test('what is wrong with rules is said for each of them', () => {
  const problems = ruleProblems([
    { match: 'a' },
    { match: 'a', tag: 'x' },
    { match: 'b*', tag: 'pump{2}' },
    { match: 'c', tag: 'x//y' },
    { match: 'd', tag: 'x', ignore: true },
    { match: 'e', type: 'long', scale: 2 },
  ]);
  expect(problems.map(({ index, key }) => [index, key])).toEqual([
    [1, 'match'],
    [2, 'tag'],
    [3, 'tag'],
    [4, 'ignore'],
    [5, 'type'],
  ]);
});

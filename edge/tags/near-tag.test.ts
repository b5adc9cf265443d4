import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fault } from '../core/fault.ts';
import { tagPathKey } from '../core/tag-path.ts';
import type { TagEntry } from './dictionary.ts';
import { type KnownTags, tagAt, unknownTag } from './near-tag.ts';

function known(paths: readonly string[]): KnownTags {
  const entries = paths.map((path, i): TagEntry => {
    const rest = { type: null, unit: null, class: 'standard', connector: 'mqtt', source: 'x', createdUs: 0 } as const;
    return { id: i + 1, path, ...rest };
  });
  return {
    all: () => entries,
    find: (path) => entries.find((entry) => tagPathKey(entry.path) === tagPathKey(path)),
  };
}

const plant = known(['plant/loop/pressure', 'plant/loop/Flow1', 'plant/Press1/force', 'plant/a', 'plant/press2/force']);

test('a tag is found in whatever case', () => {
  expect(tagAt(plant, 'PLANT/press1/Force').path).toBe('plant/Press1/force');
});

test.each([
  ['a letter too few', 'plant/loop/presure', 'plant/loop/pressure'],
  ['two letters swapped, in capitals', 'PLANT/LOOP/PERSSURE', 'plant/loop/pressure'],
  ['a letter wrong in each level', 'plent/lopp/flow', 'plant/loop/Flow1'],
  ['without the site', 'press1/force', 'plant/Press1/force'],
  ['its name alone: the first one', 'force', 'plant/Press1/force'],
  ['the only one of its name, elsewhere', 'plant/hall/line/Pressure', 'plant/loop/pressure'],
  ['without the site and mistyped', 'press2/forec', 'plant/press2/force'],
])('%s: what may have been meant is named', (_, asked, meant) => {
  expect(() => tagAt(plant, asked)).toThrow(`${asked}; did you mean ${meant}?`);
});

test.each(['plant/x', 'plant/loop/temperature', 'plant/loop', 'plant/loop/pressure/deep', '', '/', 'x'.repeat(300)])(
  'nothing is near %j, so nothing is guessed',
  (asked) => {
    expect(unknownTag(plant, asked)).toMatchObject({ code: 'tag-unknown', detail: asked });
  },
);

test('without tags there is nothing to guess', () => {
  expect(unknownTag(known([]), 'plant/a').detail).toBe('plant/a');
});

test('whatever is asked for: a tag of the dictionary is found, anything else is a fault that names a tag or none', () => {
  const word = fc.oneof(fc.constantFrom('plant', 'loop', 'press1', 'force', ''), fc.string({ maxLength: 8 }));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (levels) => {
      const asked = levels.join('/');
      const fault = unknownTag(plant, asked);
      expect(fault).toBeInstanceOf(Fault);
      const named = fault.detail.slice(asked.length);
      const choices = plant.all().map(({ path }) => `; did you mean ${path}?`);
      expect(['', ...choices]).toContain(named);
    }),
  );
});

test('a typing error among 250,000 tags costs a moment, not seconds', () => {
  const many = known(Array.from({ length: 250_000 }, (_, i) => `plant/line${i % 500}/tag number ${i}`));
  const before = process.cpuUsage();
  expect(unknownTag(many, 'plant/line7x/tag number 7').detail).toContain('did you mean plant/line7/tag number 7?');
  expect(unknownTag(many, 'plant/lime/tig').detail).toBe('plant/lime/tig');
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(4000);
});

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chosenTags } from './order.ts';

test('whatever is named: tags at and below it, and no others; each is asked of the historian', () => {
  const level = fc.constantFrom('a', 'A', 'b', 'ab', 'Öl', 'öl');
  const anyPath = fc.array(level, { minLength: 1, maxLength: 3 }).map((levels) => ['site', ...levels].join('/'));
  fc.assert(
    fc.property(
      fc.uniqueArray(anyPath, { minLength: 1, maxLength: 30, selector: (tag) => tag.toLowerCase() }),
      anyPath,
      (paths, top) => {
        const known = {
          all: () => paths.map((tag) => ({ path: tag })),
          find: (tag: string) => known.all().find((each) => each.path.toLowerCase() === tag.toLowerCase()),
        } as unknown as Parameters<typeof chosenTags>[0];
        const key = top.toLowerCase();
        const below = paths.filter((tag) => tag.toLowerCase() === key || tag.toLowerCase().startsWith(`${key}/`));
        // What is named is there, or it is refused.
        fc.pre(below.length > 0);
        const chosen = chosenTags(known, { tags: [top], prefix: true });
        expect([...chosen.paths].toSorted()).toEqual(below.toSorted());
        const asked = paths.filter((tag) =>
          chosen.choices.some((each) => ('prefix' in each ? tag.startsWith(each.prefix) : each.paths.includes(tag))),
        );
        expect(asked.toSorted()).toEqual(below.toSorted());
      },
    ),
  );
});

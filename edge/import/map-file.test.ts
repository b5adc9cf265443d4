import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatProblem } from '../config/problem.ts';
import { checkMap, readMap } from './map-file.ts';
import { mapSchema } from './map-schema.ts';

test('the example of the documentation is a map, and shows every key', () => {
  const text = readFileSync(
    path.resolve(import.meta.dirname, '..', '..', 'docs', 'examples', 'import-map.yaml'),
    'utf8',
  );
  const { map, problems } = checkMap(text, 'import-map.yaml');
  expect(problems).toBeUndefined();
  const shown = Object.keys(map ?? {});
  expect(Object.keys(mapSchema.shape).filter((key) => !shown.includes(key))).toEqual(['header', 'qualitySuffix']);
});

test('an empty map is one', () => {
  expect(checkMap('', 'm')).toEqual({ map: {} });
});

test('everything that is wrong is said at once, with its place', () => {
  const text =
    'decimal: ";"\ntimeFormat: HH:mm\ntimezone: Berlin\nqualities: { Manual: Goood }\ntags:\n  - { match: "a*", tag: "x{2}" }\n  - { mach: b }\n';
  const lines = (checkMap(text, 'm.yaml').problems ?? []).map((problem) =>
    formatProblem(problem).split('  ').slice(0, 2).join(' '),
  );
  expect(lines).toEqual([
    'm.yaml:1:10 decimal',
    'm.yaml:2:13 timeFormat',
    'm.yaml:3:11 timezone',
    'm.yaml:4:22 qualities.Manual',
    'm.yaml:7:5 tags[1].match',
    'm.yaml:7:7 tags[1].mach',
  ]);
  expect(checkMap('tags: [{ match: "a*", tag: "x{2}" }]', 'm').problems?.map(({ path: at }) => at)).toEqual([
    'tags[0].tag',
  ]);
});

test('a file that is not there is a problem too', async () => {
  expect(await readMap('/nowhere/map.yaml')).toMatchObject({ problems: [{ expected: 'a map in YAML' }] });
});

test('any text is a map or has problems', () => {
  const piece = fc.constantFrom(
    'tags:',
    ' - ',
    '{',
    '}',
    'match: "a*"',
    'tag: x',
    'decimal: ","',
    '\n',
    'timeFormat: dd',
    '[',
    ']',
    ': ',
    'null',
    '"',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 12 }).map((all) => all.join('')),
      ),
      (text) => {
        const { map, problems } = checkMap(text, 'm');
        expect((map === undefined) === (problems?.length ?? 0) > 0).toBe(true);
      },
    ),
    { numRuns: 1000 },
  );
});

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { checkConfig } from './check.ts';
import { formatProblem } from './problem.ts';

/** Whether a text gives one of the two, with problems that can be shown. */
function ends(text: string): boolean {
  const { config, problems } = checkConfig(text, 'millrace.yaml', '/srv/plant');
  const shown = (problems ?? []).every((problem) => {
    return problem.line > 0 && problem.column > 0 && !formatProblem(problem).includes('\n');
  });
  return shown && (config === undefined) === (problems !== undefined && problems.length > 0);
}

const key = fc.constantFrom(
  'version',
  'site',
  'name',
  'data',
  'http',
  'listen',
  'log',
  'budget',
  'connectors',
  'kind',
  'topics',
  'match',
  'links',
  'to',
  'brokers',
  'fields',
  'x',
);
const leaf = fc.oneof(
  fc.string(),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom('mqtt-broker', '127.0.0.1:1', '20GiB', '#', 'samples'),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 6 }),
  ),
}));

test('a document of any shape gives a configuration or problems', () => {
  fc.assert(
    fc.property(tree, (document) => {
      expect(ends(stringify(document))).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('text of any kind gives a configuration or problems', () => {
  const token = fc.constantFrom(
    'version: 1\n',
    'site: a\n',
    '- ',
    '  ',
    '\n',
    '\t',
    '[',
    ']',
    '{',
    '}',
    ': ',
    '&a ',
    '*a ',
    '!!',
    '"',
    "'",
    '|\n',
    '>',
    '%',
    '---\n',
    '...\n',
    '#',
    '? ',
    ',',
    '\u0000',
    '\ud800',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(token, fc.string()), { maxLength: 40 }), (parts) => {
      expect(ends(parts.join(''))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

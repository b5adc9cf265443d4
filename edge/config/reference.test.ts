import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { REFERENCE_PAGE, referencePage } from './reference.ts';
import { configJsonSchema, type JsonSchema } from './schema.ts';

test('docs/configuration.md is what the schema says; `npx node edge/config/reference.ts` writes it', () => {
  expect(readFileSync(REFERENCE_PAGE, 'utf8')).toBe(referencePage());
});

test('every key of the configuration is explained', () => {
  expect(unexplained(configJsonSchema(), '')).toEqual([]);
});

function unexplained(schema: JsonSchema, place: string): string[] {
  const { properties = {}, items, additionalProperties, anyOf, oneOf } = schema;
  const below: [string, JsonSchema][] = [
    ...Object.entries(properties).map(([key, value]): [string, JsonSchema] => [`${place}.${key}`, value]),
    ...[items, additionalProperties, ...(anyOf ?? []), ...(oneOf ?? [])].flatMap((each): [string, JsonSchema][] =>
      typeof each === 'object' ? [[place, each]] : [],
    ),
  ];
  const silent = Object.entries(properties).filter(([, { description }]) => description === undefined);
  return [...silent.map(([key]) => `${place}.${key}`), ...below.flatMap(([name, each]) => unexplained(each, name))];
}
